import Catapult
import CatapultAPI
import DatabaseTesting
import Foundation
import SQLDatabase
import Subprocess
import Synchronization
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

extension Integration {
    /// The server and its PostgreSQL: one that breaks connections, goes away and comes back, or cannot be reached at all.
    @Suite(.enabled(if: TestDatabase.all.contains(.postgresql), "needs PostgreSQL, which scripts/test.sh starts"))
    struct DatabaseServer {
        @Test func `broken connections and a restart of PostgreSQL are survived, with 503 in between`() async throws {
            try await PostgreSQLServer.withOwn { postgres, control in
                try await TestServer.run(options: ["--database-url", postgres.url]) { server in
                    let model = try await server.send(CreateModel(name: server.name("m"), storagePath: "m"))

                    for round in 0..<3 {
                        try await postgres.run(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                        )
                        // No client notices: a transaction that had not begun begins on a new connection.
                        #expect(try await server.send(GetModel(modelID: model.id)).name == model.name)
                        try await server.send(CreateVersion(modelID: model.id, version: "1.\(round)"))
                    }

                    try await control.stop()
                    let answers = try await [
                        server.request(.get, "/api/v1/models/\(model.id)"),
                        server.request(.post, "/api/v1/models", body: #"{"name": "other", "storage_path": "m"}"#),
                    ]
                    for answer in answers {
                        #expect(answer.status == 503, "\(answer)")
                        #expect(try answer.json["hint"]?.stringValue?.isEmpty == false)
                    }
                    let health = try await server.request(.get, "/api/health", key: .none)
                    #expect(health.status == 503, "\(health)")
                    #expect(try health.json["components"]?["database"]?.stringValue != "healthy", "\(health)")

                    try await control.start()
                    try await eventually("health") {
                        try await server.request(.get, "/api/health", key: .none).status
                    } until: {
                        $0 == 200
                    }
                    #expect(try await server.send(ListModelVersions(modelID: model.id)).total == 3)
                    let after = try await server.send(CreateModel(name: server.name("after"), storagePath: "m"))
                    #expect(after.name == server.name("after"))
                }
            }
        }

        @Test func `a start without a usable database says why and shows no password`() async throws {
            try await PostgreSQLServer.withOwn { postgres, control in
                try await postgres.run("CREATE ROLE guest LOGIN PASSWORD 'right-secret'")
                try await control.requirePasswords()
                let socket = postgres.url.replacing("catapult@", with: "guest:wrong-secret@")
                for (url, words) in [
                    (socket, ["password authentication failed", "PGPASSWORD"]),
                    (
                        socket.replacing("wrong-secret", with: "right-secret").replacing("/postgres?", with: "/nowhere?"),
                        ["createdb nowhere"]
                    ),
                    ("postgresql://guest:wrong-secret@127.0.0.1:1/db", ["127.0.0.1", "listens"]),
                    ("mysql://guest:wrong-secret@127.0.0.1/db", ["sqlite or postgresql"]),
                ] {
                    let failure = try await Self.startFailure(["--database-url", url])
                    for word in words { #expect(failure.contains(word), "\(failure)") }
                    #expect(!failure.contains("wrong-secret") && !failure.contains("right-secret"), "\(failure)")
                }
            }
        }

        /// What a server says that does not start.
        private static func startFailure(_ options: [String]) async throws -> String {
            try await withTemporaryDirectory { directory in
                let log = "\(directory)/log"
                do {
                    let process = try await ServerProcess.start(
                        ["--port", "0", "--data-dir", "\(directory)/data", "--templates", TestMachine.templates] + options,
                        environment: [:],
                        log: log)
                    try process.send(.kill)
                    try await process.end()
                    return "it started"
                } catch let failure as ServerProcess.StartFailure {
                    return failure.description
                }
            }
        }
    }

    /// `catapult-server backup` and `restore`, called as people do, while a server runs and after it has stopped.
    @Suite struct Backups {
        @Test(arguments: TestDatabase.all) func `a backup of a running server makes another server`(on kind: TestDatabase) async throws {
            try await kind.withConfiguration { configuration in
                let options = try Self.options(configuration)
                try await TestServer.run(options: options) { server in
                    let model = try await server.send(CreateModel(name: server.name("kept"), storagePath: "m"))
                    // Others write while the backup is made.
                    let isOver = Mutex(false)
                    let writer = Task {
                        var count = 0
                        while !isOver.withLock({ $0 }) {
                            try await server.send(CreateVersion(modelID: model.id, version: "1.\(count)"))
                            count += 1
                        }
                        return count
                    }
                    let file = "\(server.folder)/copy"
                    let database = ["--data-dir", server.data] + options
                    let made = try await Self.catapultServer(["backup", "--format", "json", file] + database)
                    isOver.withLock { $0 = true }
                    let written = try await writer.value
                    #expect(made.status == .exited(0), "\(made)")
                    let report = try JSONParser.parse(made.output.utf8)
                    #expect(report["database"]?.stringValue == kind.rawValue && report["file"]?.stringValue == file)

                    // The database is in use.
                    let refused = try await Self.catapultServer(["restore", file] + database)
                    #expect(refused.status == .exited(4) && refused.errors.contains("error: "), "\(refused)")
                    try await server.send(CreateModel(name: server.name("later"), storagePath: "m"))
                    try await server.stop()

                    try await Self.withEmptyDatabase(kind) { url in
                        let target = "\(server.folder)/second"
                        let options = ["--data-dir", target] + (url.map { ["--database-url", $0] } ?? [])
                        if kind == .postgresql {
                            try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
                        }
                        // The same through the tool, which hands over to the server's program beside it.
                        let restored = try await run(
                            .path(FilePath("\(TestMachine.executables)/mcp")), arguments: Arguments(["server", "restore", file] + options),
                            output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
                        #expect(restored.terminationStatus == .exited(0), "\(restored.standardError)")
                        #expect(restored.standardOutput.hasPrefix("restored \(file)"))
                        try FileManager.default.copyItem(atPath: "\(server.data)/admin.key", toPath: "\(target)/admin.key")
                        try await TestServer.run(data: target, options: url.map { ["--database-url", $0] } ?? []) { second in
                            let models = try await second.send(ListModels())
                            #expect(models.items.map(\.name) == [model.name], "what came after the backup is not there")
                            let versions = try await second.send(ListModelVersions(modelID: model.id)).total
                            #expect((0...written).contains(versions))
                        }
                    }
                }
            }
        }

        private static func options(_ configuration: Database.Configuration) throws -> [String] {
            guard case .postgresql(let url) = configuration.location else { return [] }
            let name = url.location.split(separator: "/").last ?? ""
            return ["--database-url", try PostgreSQLServer.forTests().url(ofDatabase: String(name))]
        }

        private static func withEmptyDatabase(_ kind: TestDatabase, _ body: (_ url: String?) async throws -> Void) async throws {
            switch kind {
            case .sqlite: try await body(nil)
            case .postgresql: try await PostgreSQLServer.forTests().withDatabase { try await body($0) }
            }
        }

        private static func catapultServer(_ arguments: [String]) async throws -> CommandResult {
            let result = try await run(
                .path(FilePath("\(TestMachine.executables)/catapult-server")), arguments: Arguments(arguments),
                output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
            return CommandResult(status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
        }
    }
}
