import Catapult
import CatapultAPI
import DatabaseTesting
import Foundation
import Synchronization
import Testing

extension Integration {
    /// Two processes on one PostgreSQL database, one storage root and one engine, of which one comes to a bad end.
    @Suite(.enabled(if: TestDatabase.postgreSQLServer != nil, "needs CATAPULT_TEST_POSTGRES")) struct SeveralServers {
        /// Two servers that run, and what the database says of them.
        private struct Pair: Sendable {
            var leading: TestServer
            var other: TestServer
            let database: PostgreSQLServer
            /// The storage root of both.
            let storage: String
            let key: String

            /// Sends a call as the admin to one of the two.
            @discardableResult
            func send<Call: APICall>(_ call: Call, to server: TestServer) async throws -> Call.Output {
                try await server.client(key: key).send(call)
            }

            /// The servers' own names, by which the database tells them apart.
            func leaderName() async throws -> String {
                try await ask("SELECT s.url FROM leases l JOIN servers s ON s.id = l.owner WHERE l.name = 'leader' AND l.expires_at > 0")
            }

            /// The number of the present leadership.
            func term() async throws -> Int { Int(try await ask("SELECT term FROM leases WHERE name = 'leader'")) ?? 0 }

            /// Who works at an operation; empty while nobody does.
            func worker(of operation: String) async throws -> String {
                try await ask(
                    """
                    SELECT s.url FROM operations o JOIN servers s ON s.id = o.lease_owner
                    WHERE o.state = 'running' AND o.id = '\(operation)'
                    """)
            }

            private func ask(_ sql: String) async throws -> String {
                try await database.run(sql).trimmingCharacters(in: .whitespacesAndNewlines)
            }

            /// The containers of a deployment.
            func replicas(of deployment: String) async throws -> Set<String> {
                Set(try await other.engine.containers.list(labels: ["catapult.deployment": deployment]).map(\.id))
            }

            /// The names of all models that begin so.
            func models(beginning prefix: String) async throws -> [String] {
                try await ask("SELECT name FROM models WHERE name LIKE '\(prefix)%'").split(separator: "\n").map(String.init)
            }

            /// How often the audit log says that an operation has ended.
            func ends(of operation: CatapultAPI.Operation) async throws -> Int {
                let rows = try await send(ListAuditLogs(action: "finish_\(operation.kind.rawValue)", limit: 1_000), to: other)
                return rows.count { $0.details["operation_id"] == .string(operation.id) }
            }
        }

        /// Something that one task tells others.
        private final class Flag: Sendable {
            private let state = Mutex(false)
            var isSet: Bool { state.withLock { $0 } }
            func set() { state.withLock { $0 = true } }
        }

        private static func name(of server: TestServer) -> String { "http://\(server.name("server"))" }

        private static func withPair(_ body: @Sendable @escaping (Pair) async throws -> Void) async throws {
            let key = "two-servers." + String(repeating: "k", count: 40)
            try await PostgreSQLServer.forTests().withDatabase { url in
                let ports = TestServer.freshPorts(20)
                let storage = FileManager.default.temporaryDirectory.appending(path: "catapult-shared-\(UUID().uuidString.prefix(8))").path
                defer { try? FileManager.default.removeItem(atPath: storage) }
                try FileManager.default.createDirectory(atPath: storage, withIntermediateDirectories: true)
                let options = ["--database-url", url, "--storage-root", storage]
                func run(_ body: (TestServer) async throws -> Void) async throws {
                    try await TestServer.run(ports: ports, options: options, environment: ["CATAPULT_ADMIN_KEY": key], body)
                }
                try await run { first in
                    try await run { second in
                        var pair = Pair(
                            leading: first, other: second, database: PostgreSQLServer(url: url), storage: storage, key: key)
                        let leader = try await eventually("one of them leads") {
                            try await pair.leaderName()
                        } until: {
                            !$0.isEmpty
                        }
                        if leader == Self.name(of: second) { (pair.leading, pair.other) = (second, first) }
                        try await body(pair)
                    }
                }
            }
        }

        /// Registers a file that takes a while to be read at the rate of ``verify(_:by:)``.
        private static func placeFile(_ pair: Pair) async throws {
            try Data(repeating: 7, count: 600_000).write(to: URL(filePath: "\(pair.storage)/large.bin"))
            try await pair.send(RegisterArtifact(filePath: "large.bin", name: "large.bin", artifactType: "other"), to: pair.other)
        }

        /// Asks for work that takes some seconds, and that either can do.
        private static func verify(_ pair: Pair, by server: TestServer) async throws -> CatapultAPI.Operation {
            try await pair.send(VerifyArtifacts(bytesPerSecond: 100_000), to: server)
        }

        /// Gives work to both, until the victim does some.
        private static func occupy(_ pair: Pair, victim: TestServer) async throws -> [CatapultAPI.Operation] {
            var all: [CatapultAPI.Operation] = []
            for server in [pair.leading, pair.other, pair.leading] { all.append(try await verify(pair, by: server)) }
            while try await work(of: victim, all, pair) == nil {
                // The other was quicker.
                all.append(try await verify(pair, by: pair.other))
            }
            return all
        }

        /// What a server has the lease of.
        private static func work(
            of server: TestServer, _ operations: [CatapultAPI.Operation], _ pair: Pair
        ) async throws -> CatapultAPI.Operation? {
            for operation in operations where try await pair.worker(of: operation.id) == name(of: server) { return operation }
            return nil
        }

        /// Writes models by the same names to both servers, until one of them is gone.
        private static func race(_ pair: Pair, prefix: String, _ isOver: @Sendable @escaping () -> Bool) async -> [String: Int] {
            await withTaskGroup(of: [String].self) { group in
                for server in [pair.leading, pair.other] {
                    group.addTask {
                        var made: [String] = []
                        var number = 0
                        while !isOver() {
                            let name = "\(prefix)-\(number)"
                            number += 1
                            if (try? await pair.send(CreateModel(name: name, storagePath: "m"), to: server)) != nil { made.append(name) }
                        }
                        return made
                    }
                }
                var acknowledged: [String: Int] = [:]
                for await names in group { for name in names { acknowledged[name, default: 0] += 1 } }
                return acknowledged
            }
        }

        @Test func `when the leader is killed the other takes over, and every piece of work ends once`() async throws {
            try await Self.withPair { pair in
                try await Self.placeFile(pair)
                let term = try await pair.term()
                let prefix = pair.other.name("raced")
                let isKilled = Flag()
                let racing = Task { await Self.race(pair, prefix: prefix) { isKilled.isSet } }
                let all = try await Self.occupy(pair, victim: pair.leading)
                // Clients of the survivor that wait for the ends, also of what the victim does.
                let survivor = try pair.other.client(key: pair.key)
                let following = all.map { operation in Task { try await survivor.waitForOperation(operation.id) } }
                try await pair.leading.kill()
                isKilled.set()
                let cutOff = try #require(try await Self.work(of: pair.leading, all, pair), "it was killed in the middle of something")

                for follower in following {
                    let ended = try await follower.value
                    #expect(ended.attempts == (ended.id == cutOff.id ? 2 : 1))
                    #expect(try await pair.ends(of: ended) == 1, "and no work was done for nothing")
                }
                #expect(try await survivor.send(GetOperationLogs(operationID: cutOff.id)).logs.contains("-- attempt 2:"))

                try await eventually("the survivor leads") {
                    try await pair.leaderName()
                } until: {
                    $0 == Self.name(of: pair.other)
                }
                #expect(try await pair.term() == term + 1)

                let acknowledged = await racing.value
                #expect(acknowledged.values.allSatisfy { $0 == 1 }, "a name is given once")
                let there = try await pair.models(beginning: prefix)
                #expect(!acknowledged.isEmpty && Set(acknowledged.keys).isSubset(of: there))
                #expect(there.count <= acknowledged.count + 1, "at most the unanswered write of the victim came on top")
            }
        }

        @Test func `a server that was frozen for too long drops what another has taken over`() async throws {
            try await Self.withPair { pair in
                try await Self.placeFile(pair)
                let all = try await Self.occupy(pair, victim: pair.leading)
                try pair.leading.freeze()
                let taken = try #require(try await Self.work(of: pair.leading, all, pair))
                let ends = try await Self.ends(of: all, pair)
                #expect(ends[taken.id]?.attempts == 2)
                try await eventually("the other leads") {
                    try await pair.leaderName()
                } until: {
                    $0 == Self.name(of: pair.other)
                }
                try pair.leading.thaw()
                try await eventually("it finds out, and shows what the other has done") {
                    try await pair.send(GetOperationLogs(operationID: taken.id), to: pair.leading).logs
                } until: {
                    $0.contains("-- attempt 2:")
                }
                let fresh = try await Self.verify(pair, by: pair.leading)
                #expect(try await pair.leading.client(key: pair.key).waitForOperation(fresh.id).attempts == 1, "it is as good as new")
                for operation in all {
                    #expect(try await pair.send(GetOperation(operationID: operation.id), to: pair.leading) == ends[operation.id])
                    #expect(try await pair.ends(of: operation) == 1)
                }
            }
        }

        private static func ends(of operations: [CatapultAPI.Operation], _ pair: Pair) async throws -> [String: CatapultAPI.Operation] {
            var ends: [String: CatapultAPI.Operation] = [:]
            for operation in operations {
                ends[operation.id] = try await pair.other.client(key: pair.key).waitForOperation(operation.id)
            }
            return ends
        }

        @Test func `the next leader goes on with the replicas of the one before`() async throws {
            try await Self.withPair { pair in
                let name = pair.leading.name("handed-over")
                try FileManager.default.createDirectory(atPath: "\(pair.storage)/\(name)", withIntermediateDirectories: true)
                try FileManager.default.copyItem(
                    atPath: "\(TestMachine.modelFolder)/tiny.gguf", toPath: "\(pair.storage)/\(name)/tiny.gguf")
                let model = try await pair.send(CreateModel(name: name, storagePath: name, requiresGPU: false), to: pair.leading)
                let version = try await pair.send(CreateVersion(modelID: model.id, version: "1.0"), to: pair.leading)
                // Asked of the one that does not lead: the leader does it.
                let asked = try await pair.send(
                    ExecuteDeployment(versionID: version.id, environment: "staging", buildIfMissing: true), to: pair.other)
                let survivor = try pair.other.client(key: pair.key)
                try await survivor.waitForOperation(try #require(asked.operationID))
                let before = try await survivor.send(GetDeployment(deploymentID: asked.id))
                #expect(try await pair.other.chat(before).text == TestMachine.answer)
                let containers = try await pair.replicas(of: asked.id)

                try await pair.leading.kill()
                let after = try await eventually("the endpoint answers again") {
                    try? await pair.other.chat(survivor.send(GetDeployment(deploymentID: asked.id))).text
                } until: {
                    $0 == TestMachine.answer
                }
                #expect(after == TestMachine.answer)
                #expect(try await survivor.send(GetDeployment(deploymentID: asked.id)).endpointURL == before.endpointURL)
                #expect(try await pair.replicas(of: asked.id) == containers, "adopted, and none twice")
                _ = try await survivor.send(DeleteDeployment(deploymentID: asked.id))
                try await eventually("no replica is left") {
                    try await pair.replicas(of: asked.id)
                } until: {
                    $0.isEmpty
                }
            }
        }
    }
}
