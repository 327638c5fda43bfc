import CatapultAPI
import DatabaseTesting
import Foundation
import HTTPTypes
import Logging
import NIOCore
import SQLDatabase
import Testing

@testable import CatapultServer

/// What several servers on one PostgreSQL database know of each other, with the parts of two servers in one process.
@Suite(.enabled(if: TestDatabase.postgreSQLServer != nil, "needs CATAPULT_TEST_POSTGRES")) struct SeveralServersTests {
    /// The parts of one server that speak to others.
    private struct Peer: Sendable {
        let database: Database
        let signals: ChangeSignals
        let relay: SignalRelay
        let leader: Leader
        let logs: SharedLogs
        let authenticator: Authenticator

        init(_ configuration: Database.Configuration, directory: String, name: String, terms: Leadership.Terms) async throws {
            let logger = CoreFixture.logger
            database = try await Database.open(configuration, migrations: Migrations.all, logger: logger)
            let outbox = SignalOutbox()
            signals = ChangeSignals(forward: outbox.put)
            leader = Leader(
                server: ServerIdentity(url: "http://\(name)"), database: database, signals: signals, logger: logger, terms: terms)
            relay = SignalRelay(database: database, signals: signals, outbox: outbox, server: leader.server.id, logger: logger)
            logs = SharedLogs(
                files: try LogFiles(directory: "\(directory)/\(name)", notesGrowth: true), database: database, signals: signals,
                logger: logger)
            authenticator = Authenticator(database: database)
        }

        func runner(_ work: @escaping @Sendable (OperationRun) async throws -> JSONValue) -> OperationRunner {
            OperationRunner(
                database: database, signals: signals, logs: logs, leader: leader, handlers: [ScriptedHandler(work: work)],
                logger: CoreFixture.logger)
        }

        /// Waits until this server leads, or does not.
        func wait(leading: Bool) async throws {
            let changes = signals.subscribe(Leader.name)
            while (leader.term != nil) != leading { _ = try await ChangeSignals.next(changes, within: .seconds(1)) }
        }
    }

    private static func withTwo(
        terms: Leadership.Terms = Leadership.Terms(), _ body: @Sendable @escaping (Peer, Peer) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try await TestDatabase.postgresql.withConfiguration(.server) { configuration in
                let first = try await Peer(configuration, directory: directory, name: "first", terms: terms)
                let second = try await Peer(configuration, directory: directory, name: "second", terms: terms)
                let work = [first, second].map { peer in
                    Task {
                        await withTaskGroup(of: Void.self) { group in
                            group.addTask { try? await peer.relay.run() }
                            group.addTask { await peer.authenticator.followChanges() }
                            group.addTask { try? await peer.logs.run() }
                        }
                    }
                }
                let result: Result<Void, any Error>
                do { result = .success(try await body(first, second)) } catch { result = .failure(error) }
                for task in work {
                    task.cancel()
                    await task.value
                }
                try await first.database.close()
                try await second.database.close()
                try result.get()
            }
        }
    }

    private static func enqueue(_ peer: Peer) async throws -> String {
        let id = Identifier.make()
        try await peer.database.write { connection in
            try OperationStore.insert(
                id: id, kind: .build, subject: .build, subjectID: "subject", message: "waiting", parentID: nil, createdBy: "tester",
                in: connection)
        }
        return id
    }

    private static func state(_ id: String, _ peer: Peer) async throws -> CatapultAPI.Operation {
        try #require(try await peer.database.read { try OperationStore.find(id, in: $0) })
    }

    private static func end(_ id: String, _ peer: Peer) async throws -> CatapultAPI.Operation {
        let changes = peer.signals.subscribe(id)
        while true {
            let operation = try await state(id, peer)
            if operation.state.isTerminal { return operation }
            _ = try await ChangeSignals.next(changes, within: .seconds(20))
        }
    }

    // MARK: Leases

    @Test func aLeaseIsOneServersUntilItsTimeIsOver() async throws {
        try await Self.withTwo { first, second async throws in
            func ask(_ peer: Peer, _ lease: Duration = .seconds(60)) async throws -> Leadership.Answer {
                try await peer.database.write { try LeaseStore.acquire("test", owner: peer.leader.server.id, lease: lease, in: $0) }
            }
            #expect(try await ask(first) == .held(term: 1))
            #expect(try await ask(second) == .refused)
            #expect(try await ask(first) == .held(term: 1))
            try await first.database.write { try LeaseStore.release("test", owner: first.leader.server.id, in: $0) }
            #expect(try await ask(second, .zero) == .held(term: 2))
            #expect(try await ask(first) == .held(term: 3), "a lease of no length is over at once")
            #expect(
                try await first.database.read {
                    try !LeaseStore.isHeld("test", owner: second.leader.server.id, term: 2, in: $0)
                })
        }
    }

    @Test(.timeLimit(.minutes(1))) func leadershipMovesWhenTheLeaderStops() async throws {
        try await Self.withTwo { first, second async throws in
            let firstElection = Task { try await first.leader.run() }
            try await first.wait(leading: true)
            let secondElection = Task { try await second.leader.run() }
            let refusal = await second.leader.refusal("This")
            #expect(refusal.status == 421 && refusal.details["leader_url"] == "http://first")
            let term = try #require(first.leader.term)
            firstElection.cancel()
            _ = await firstElection.result
            #expect(first.leader.term == nil)
            try await second.wait(leading: true)
            #expect(second.leader.term == term + 1)
            await #expect(throws: LeadershipLost.self) {
                try await first.database.write { try first.leader.check(term, in: $0) }
            }
            secondElection.cancel()
            _ = await secondElection.result
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatTheLeaderDoesEndsWithItsLeadership() async throws {
        try await Self.withTwo { first, second async throws in
            let election = Task { try await first.leader.run() }
            let (steps, step) = AsyncStream.makeStream(of: String.self)
            let work = Task {
                await first.leader.whileLeading {
                    step.yield("began")
                    while (try? await Task.sleep(for: .seconds(3_600))) != nil {}
                    step.yield("ended")
                }
            }
            var seen = steps.makeAsyncIterator()
            #expect(await seen.next() == "began")
            // Another server takes the lease, as it could after this one was silent for too long.
            try await second.database.write { connection in
                try connection.execute("UPDATE leases SET owner = 'other', term = term + 1")
            }
            #expect(await seen.next() == "ended")
            #expect(first.leader.term == nil && first.leader.isFollowing)
            election.cancel()
            work.cancel()
            _ = await (election.result, work.result)
        }
    }

    // MARK: Signals and keys

    @Test(.timeLimit(.minutes(1))) func aSignalOfOneServerWakesThoseWhoWaitOnTheOther() async throws {
        try await Self.withTwo { first, second async throws in
            let names = (0..<600).map { "deployment-state:\($0)-\(UUID().uuidString)" }
            let waiting = names.map { second.signals.subscribe($0) }
            for name in names { first.signals.notify(name) }
            for changes in waiting { #expect(try await ChangeSignals.next(changes, within: .seconds(20))) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aRevokedKeyIsRefusedByTheOtherServerWithinTheBound() async throws {
        try await Self.withTwo { first, second async throws in
            let keys = KeyService(database: first.database, authenticator: first.authenticator)
            let key = try await keys.create(CreateAPIKey(name: "k"), CoreFixture.context("create_api_key", .apiKey))
            #expect(try await second.authenticator.caller(of: key.key, address: nil).name == "k")
            _ = try await keys.delete(DeleteAPIKey(keyID: "k"), CoreFixture.context("delete_api_key", .apiKey))
            let bound = ContinuousClock.now + Authenticator.maximumAge
            while (try? await second.authenticator.caller(of: key.key, address: nil)) != nil {
                try #require(ContinuousClock.now <= bound + .seconds(1))
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    @Test func twoServersThatStartAtOnceMakeOneAdminKey() async throws {
        try await withTemporaryDirectory { directory in
            try await TestDatabase.postgresql.withConfiguration { configuration in
                let outcomes = try await withThrowingTaskGroup(of: AdminKey.Outcome.self) { group in
                    for name in ["a", "b", "c"] {
                        let home = "\(directory)/\(name)"
                        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
                        group.addTask {
                            let database = try await Database.open(configuration, migrations: Migrations.all, logger: CoreFixture.logger)
                            let outcome = try await AdminKey.ensure(given: nil, dataDirectory: home, database: database)
                            try await database.close()
                            return outcome
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outcomes.count { $0 != .unchanged } == 1)
                let files = ["a", "b", "c"].filter { FileManager.default.fileExists(atPath: "\(directory)/\($0)/admin.key") }
                #expect(files.count == 1)
            }
        }
    }

    // MARK: Operations

    @Test(.timeLimit(.minutes(1))) func operationsOfADeadServerAreTakenOverAndItsLateWordsHaveNoEffect() async throws {
        try await Self.withTwo { first, second async throws in
            let id = try await Self.enqueue(first)
            let dead = first.leader.server.id
            let lost = try #require(
                try await first.database.write { try OperationStore.claim(.build, owner: dead, lease: .zero, in: $0) })
            #expect(lost.attempts == 1)
            let runner = second.runner { run in ["attempt": .int(Int64(run.operation.attempts))] }
            let works = Task { try await runner.run() }
            let ended = try await Self.end(id, second)
            #expect(ended.state == .succeeded && ended.result == ["attempt": 2])
            let accepted = try await first.database.write { connection in
                let isReleased = try OperationStore.release(lost, owner: dead, in: connection)
                let isFinished = try OperationStore.finish(lost, .cancelled, owner: dead, in: connection)
                return isReleased || isFinished
            }
            #expect(!accepted)
            #expect(try await Self.state(id, first) == ended)
            works.cancel()
            _ = await works.result
        }
    }

    @Test(.timeLimit(.minutes(1))) func workIsSharedAndEachPieceDoneOnce() async throws {
        try await Self.withTwo { first, second async throws in
            var ids: [String] = []
            for _ in 0..<20 { ids.append(try await Self.enqueue(first)) }
            let runners = [("first", first), ("second", second)].map { name, peer in peer.runner { _ in .string(name) } }
            let works = runners.map { runner in Task { try await runner.run() } }
            for id in ids {
                let ended = try await Self.end(id, first)
                #expect(ended.state == .succeeded && ended.attempts == 1)
            }
            let finished = try await first.database.read { connection in
                try connection.fetchInt("SELECT count(*) FROM counters WHERE name LIKE 'finished:%'")
            }
            #expect(finished == 20)
            for work in works {
                work.cancel()
                _ = await work.result
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func anOperationIsCancelledFromTheOtherServerWhichSeesItsLog() async throws {
        try await Self.withTwo { first, second async throws in
            let id = try await Self.enqueue(first)
            let runner = first.runner { run in
                run.log.append("it has begun\n")
                try await Task.sleep(for: .seconds(3_600))
                return .null
            }
            let works = Task { try await runner.run() }
            let other = second.runner { _ in .null }
            let changes = second.signals.subscribe("log:\(id)")
            while try await !second.logs.text(id).contains("it has begun") {
                _ = try await ChangeSignals.next(changes, within: .seconds(5))
            }
            let service = OperationService(database: second.database, runner: other, signals: second.signals, logs: second.logs)
            _ = try await service.cancel(CancelOperation(operationID: id), CoreFixture.context("cancel_operation", .operation))
            #expect(try await Self.end(id, second).state == .cancelled)
            #expect(try await service.log(GetOperationLogs(operationID: id), CoreFixture.context()).logs == "it has begun\n")
            works.cancel()
            _ = await works.result
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatAServerThatWasSilentWritesAfterAnotherTookOverIsRefused() async throws {
        try await Self.withTwo { first, second async throws in
            let id = try await Self.enqueue(first)
            let silent = first.leader.server.id
            let lost = try #require(
                try await first.database.write { try OperationStore.claim(.build, owner: silent, lease: .zero, in: $0) })
            let run = OperationRun(
                operation: lost, owner: silent, log: await first.logs.begin(id), database: first.database, signals: first.signals)
            try await run.progress(0.25, "still its own")
            let other = second.leader.server.id
            _ = try await second.database.write { try OperationStore.claim(.build, owner: other, lease: .seconds(60), in: $0) }
            await #expect(throws: OperationLost.self) { try await run.progress(0.5, "late") }
            await #expect(throws: OperationLost.self) {
                try await run.write { try $0.execute("INSERT INTO counters (name, n) VALUES ('late', 1)") }
            }
            #expect(try await Self.state(id, first).message == "still its own")
            #expect(try await first.database.read { try !$0.exists("SELECT 1 FROM counters WHERE name = 'late'") })
        }
    }

    @Test(.timeLimit(.minutes(1))) func aLogGoesOnWhereTheServerBeforeHasLeftIt() async throws {
        try await Self.withTwo { first, second async throws in
            let id = try await Self.enqueue(first)
            let follower = Task {
                var text = ""
                try await second.logs.follow(
                    id, keepAlive: ByteBuffer(), isFinished: { try await Self.state(id, second).state.isTerminal },
                    send: { text += String(buffer: $0) })
                return text
            }
            _ = try await first.database.write { try OperationStore.claim(.build, owner: "dead", lease: .zero, in: $0) }
            // Longer than what is kept of it, with text that takes more than a byte a character.
            let line = String(repeating: "ä", count: 63) + "\n"
            let words = String(repeating: line, count: SharedLogs.tailLimit / line.utf8.count + 100) + "the last words of the first\n"
            await first.logs.begin(id).append(words)
            await first.logs.share(id)

            let runner = second.runner { run in
                run.log.append("the words of the second\n")
                return .null
            }
            let works = Task { try await runner.run() }
            #expect(try await Self.end(id, second).attempts == 2)
            let end = "the last words of the first\n-- attempt 2: the server that was at it is gone\nthe words of the second\n"
            let text = try await second.logs.text(id)
            #expect(text.hasSuffix(end) && text.utf8.count >= SharedLogs.tailLimit - 200)
            #expect(try await follower.value.hasSuffix(end))
            works.cancel()
            _ = await works.result
        }
    }

    @Test(.timeLimit(.minutes(1))) func aWakeUpForNothingStopsNoWork() async throws {
        try await Self.withTwo { first, _ async throws in
            let id = try await Self.enqueue(first)
            let (gate, open) = AsyncStream.makeStream(of: Void.self)
            let (beginnings, began) = AsyncStream.makeStream(of: Void.self)
            let runner = first.runner { run in
                began.yield()
                for await _ in gate {}
                try Task.checkCancellation()
                return .int(Int64(run.operation.attempts))
            }
            let works = Task { try await runner.run() }
            for await _ in beginnings { break }
            let looks = first.signals.subscribe("cancel:\(id)")
            // As after a connection to the database that broke and is back.
            first.signals.notifyAllHere()
            _ = try await ChangeSignals.next(looks, within: .seconds(20))
            // Time enough for a wrong conclusion.
            _ = try await first.database.write { try $0.execute("UPDATE operations SET message = 'looked' WHERE id = \(id)") }
            open.finish()
            let ended = try await Self.end(id, first)
            #expect(ended.state == .succeeded && ended.result == 1)
            works.cancel()
            _ = await works.result
        }
    }

    @Test(.timeLimit(.minutes(2))) func aDatabaseThatIsAwayForAWhileFailsNoOperation() async throws {
        try await withTemporaryDirectory { directory in
            try await PostgreSQLServer.withOwn { server, control in
                try await server.withDatabase { url in
                    let peer = try await Peer(.init(url: url), directory: directory, name: "only", terms: Leadership.Terms())
                    let id = try await Self.enqueue(peer)
                    let (beginnings, began) = AsyncStream.makeStream(of: Void.self)
                    let (gate, open) = AsyncStream.makeStream(of: Void.self)
                    let runner = peer.runner { run in
                        began.yield()
                        for await _ in gate {}
                        try await run.progress(0.9, "nobody hears it")
                        return "done"
                    }
                    let works = Task { try await runner.run() }
                    for await _ in beginnings { break }
                    try await control.stop()
                    open.finish()
                    try await control.start()
                    let changes = peer.signals.subscribe(id)
                    var ended: CatapultAPI.Operation?
                    while ended?.state.isTerminal != true {
                        _ = try await ChangeSignals.next(changes, within: .seconds(1))
                        ended = try? await Self.state(id, peer)
                    }
                    #expect(ended?.state == .succeeded && ended?.result == "done")
                    let finished = try await peer.database.read { connection in
                        try connection.fetchInt("SELECT count(*) FROM counters WHERE name LIKE 'finished:%'")
                    }
                    #expect(finished == 1)
                    works.cancel()
                    _ = await works.result
                    try await peer.database.close()
                }
            }
        }
    }

    // MARK: Schema

    @Test func textSortsByItsBytesInEveryColumn() async throws {
        try await TestDatabase.postgresql.open { database, _ in
            let others = try await database.read { connection in
                try connection.fetchColumn(
                    """
                    SELECT table_name || '.' || column_name FROM information_schema.columns
                    WHERE table_schema = 'public' AND data_type = 'text' AND coalesce(collation_name, '') <> 'C'
                        AND table_name <> 'schema_migrations'
                    """, as: String.self)
            }
            #expect(others == [])
        }
    }
}
