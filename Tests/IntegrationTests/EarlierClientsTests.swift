import CatapultAPI
import DatabaseTesting
import Testing

extension Integration {
    /// Clients of the earlier implementation, re-created in Python: what they send, and what they need in the answers.
    @Suite(.wherePythonIsPrepared) struct EarlierClients {
        @Test func `the SDK, the tools of the MCP server and the UI find all that they need`() async throws {
            try await TestServer.run { server in
                let run = try await server.python("Clients/run.py", Self.options(server))
                try Self.expectEveryCase(run)
            }
        }

        @Test(.enabled(if: TestDatabase.all.contains(.postgresql)))
        func `they find it on PostgreSQL too, and a UI without a key reads what an anonymous viewer may`() async throws {
            try await PostgreSQLServer.forTests().withDatabase { url in
                try await TestServer.run(options: ["--database-url", url], environment: ["CATAPULT_ANONYMOUS_ROLE": "viewer"]) { server in
                    let run = try await server.python("Clients/run.py", Self.options(server) + ["--anonymous"])
                    try Self.expectEveryCase(run)
                }
            }
        }

        static func options(_ server: TestServer) throws -> [String] {
            ["--storage", server.storage, "--model", try "\(TestMachine.modelFolder)/tiny.gguf", "--mark", server.name("c")]
        }

        /// Each case tells itself what was wrong.
        static func expectEveryCase(_ run: CommandResult) throws {
            let lines = run.output.split(separator: "\n")
            for line in lines where try JSONParser.parse(line.utf8)["ok"] != true { Issue.record("\(line)") }
            #expect(lines.count > 40, "\(run)")
            #expect(run.status == .exited(0))
        }
    }
}
