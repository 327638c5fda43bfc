import CatapultAPI
import SQLDatabase
import Testing

@testable import CatapultServer

/// What the database has to read for the calls that must be fast with a million rows: plans hold at any size, so none of it is measured here.
@Suite struct QueryPlanTests {
    /// Asks the database how it would run each query, and then runs it.
    private final class Observer: SQLConnection {
        private let base: any SQLConnection
        private(set) var plans: [(sql: String, steps: [String])] = []

        init(_ base: any SQLConnection) { self.base = base }

        var dialect: SQLDialect { base.dialect }

        func execute(_ query: SQLQuery) throws -> Int {
            try note(query)
            return try base.execute(query)
        }

        func executeScript(_ sql: String) throws { try base.executeScript(sql) }

        func keepPlans() throws { try base.keepPlans() }

        func notify(_ channel: String, _ payload: String) throws { try base.notify(channel, payload) }

        func fetchAll<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> [T] {
            try note(query)
            return try base.fetchAll(query, map)
        }

        func fetchFirst<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> T? {
            try note(query)
            return try base.fetchFirst(query, map)
        }

        private func note(_ query: SQLQuery) throws {
            let steps: [String] =
                switch dialect {
                case .sqlite: try base.fetchAll("EXPLAIN QUERY PLAN " + query) { try $0.get(3) }
                case .postgresql: try base.fetchAll("EXPLAIN " + query) { try $0.get(0) }
                }
            plans.append((query.sql, steps))
        }

        /// The steps that read a whole table, or sort what an index should have sorted.
        var faults: [String] {
            plans.filter { plan in !Self.small.contains { plan.sql.contains("FROM \($0) ") } }.flatMap { plan in
                plan.steps.filter { isFault($0, plan.steps) }.map { "\($0) in: \(plan.sql)" }
            }
        }

        /// Tables with as many rows as there are kinds of things.
        private static let small = ["counters", "model_counts", "version_counts"]
        /// Rows that the statement itself has gathered, no more than it counts.
        private static let harmless = ["SCAN counted", "SCAN CONSTANT ROW"]

        private func isFault(_ step: String, _ steps: [String]) -> Bool {
            switch dialect {
            case .sqlite:
                // The versions of one model are few.
                if step.hasPrefix("USE TEMP B-TREE FOR ORDER BY") { return !steps.contains { $0.contains("(model_id=?") } }
                return step.hasPrefix("SCAN ") && !step.contains(" INDEX ") && !Self.harmless.contains(step)
            case .postgresql:
                return step.contains("Seq Scan")
            }
        }
    }

    private func expectNoFaults(
        _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: @Sendable @escaping (any SQLConnection) throws -> Void
    ) async throws {
        try await CoreFixture.with { fixture async throws in
            for name in ["first", "second"] { _ = try await fixture.model(name) }
            let faults = try await fixture.database.read { connection in
                // Tables without rows are read as a whole wherever nothing else is possible, and only there.
                if connection.dialect == .postgresql { try connection.execute("SET LOCAL enable_seqscan = off") }
                let observer = Observer(connection)
                try body(observer)
                #expect(!observer.plans.isEmpty)
                return observer.faults
            }
            #expect(faults == [], "\(what)", sourceLocation: sourceLocation)
        }
    }

    @Test func lists() async throws {
        let everything = KeyScope.everything
        try await expectNoFaults("models") { connection in
            for call in [
                ListModels(), ListModels(includeOrphaned: true), ListModels(source: .manual), ListModels(serverType: .vllm),
                ListModels(serverType: .vllm, includeOrphaned: true), ListModels(source: .filesystem, serverType: .vllm),
            ] {
                var part = call
                part.size = 1
                part.cursor = try ModelStore.list(part, for: everything, in: connection).nextCursor
                _ = try ModelStore.list(part, for: everything, in: connection)
            }
            _ = try ModelStore.options(ListModelOptions(prefix: "team/"), for: everything, in: connection)
            _ = try ModelStore.largest(10, for: everything, in: connection)
        }
        try await expectNoFaults("versions") { connection in
            for call in [
                ListVersions(), ListVersions(modelName: "m"), ListVersions(version: "1.0"), ListVersions(isRelease: true),
                ListVersions(status: .active), ListVersions(isRelease: true, status: .active), ListVersions(environment: "staging"),
                ListVersions(modelName: "m", environment: "staging"),
            ] {
                _ = try VersionStore.list(call, for: everything, in: connection)
            }
        }
        try await expectNoFaults("operations") { connection in
            for call in [
                ListOperations(), ListOperations(kind: .verify), ListOperations(state: .running), ListOperations(subjectID: "x"),
            ] {
                _ = try OperationStore.list(call, for: everything, in: connection)
            }
        }
    }

    @Test func lookUps() async throws {
        let everything = KeyScope.everything
        try await expectNoFaults("one of many") { connection in
            let id = Identifier.make()
            for reference in [id, "team/model", "team/model:1.0", "team/model:production", "team/model:latest"] {
                _ = try? VersionStore.resolve(reference, for: everything, in: connection)
            }
            _ = try? ModelStore.resolve("team/model", for: everything, in: connection)
            _ = try VersionStore.newest(ofModelID: id, in: connection)
            _ = try VersionStore.latest(ofModel: "team/model", environment: nil, for: everything, in: connection)
            _ = try VersionStore.latest(ofModel: "team/model", environment: "staging", for: everything, in: connection)
            _ = try VersionStore.find(modelID: id, version: "1.0", quantization: nil, in: connection)
            _ = try VersionStore.files(of: id, in: connection)
            _ = try AliasStore.target(of: "production", modelID: id, in: connection)
            _ = try AliasStore.list(modelID: id, in: connection)
        }
    }

    @Test func theVersionsOfOneModelAreFoundByTheModelWhateverElseIsAskedFor() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            _ = try await fixture.model("m")
            let steps = try await fixture.database.read { connection in
                let observer = Observer(connection)
                for call in [
                    ListVersions(modelName: "m", version: "1.0"), ListVersions(modelName: "m", status: .active),
                    ListVersions(modelName: "m", isRelease: false, status: .active),
                ] {
                    _ = try VersionStore.list(call, for: .everything, in: observer)
                }
                let model = try #require(try ModelStore.find(named: "m", in: connection))
                _ = try? VersionStore.resolve("1.0", within: model, for: .everything, in: observer)
                return observer.plans.flatMap(\.steps).filter { $0.contains(" v ") || $0.contains(" versions ") }
            }
            #expect(steps.count > 6 && steps.allSatisfy { $0.contains("(model_id=?") }, "\(steps)")
        }
    }

    /// What is over is nearly everything that there is; the queue must not look at it.
    @Test func theQueueOfOperationsReadsNothingThatIsOver() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            let steps = try await fixture.database.read { connection in
                let observer = Observer(connection)
                _ = try OperationStore.next(.verify, in: observer)
                return observer.plans.flatMap(\.steps)
            }
            #expect(steps.count == 1 && steps[0].contains("USING INDEX operations_queue (kind=?)"), "\(steps)")
        }
    }
}
