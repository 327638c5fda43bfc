import CatapultAPI
import Testing

@testable import CatapultCLI

/// `mcp model import`, `mcp model sync` and `mcp version mlflow`: what is sent, what is told, how they end.
@Suite(.timeLimit(.minutes(1))) struct ImportCommandTests {
    /// A server on which every operation has ended.
    private func run(
        _ arguments: [String], state: OperationState = .succeeded, result: JSONValue = .null, error: JSONValue? = nil
    ) async throws -> (status: ToolStatus, stage: Stage, requests: [TestServer.Request]) {
        var operation = Sample.operation(state, progress: 1, message: "the end", error: error)
        operation.result = result
        let ended = try operation.wireText
        let version = try Sample.version(id: "v-9").wireText
        let page = try Page(items: [Sample.version(id: "v-9")], total: 1, page: 1, size: 1).wireText
        let metadata = try MLflowMetadata(
            resourceType: .run, url: "http://mlflow/#/x", fetchedAt: Sample.moment, tags: ["team": "\u{1B}[31mred"]
        ).wireText
        let answer: @Sendable (TestServer.Request) async -> TestServer.Reply = { request in
            switch request.uri.split(separator: "?")[0] {
            case let path where path.contains("mlflow-metadata"): .json(metadata)
            case let path where path.hasPrefix("/api/v1/operations") && path.hasSuffix("logs"):
                .json(#"{"logs":"-- the last words\n","operation_id":"o-1"}"#)
            case let path where path.hasPrefix("/api/v1/operations"): .json(ended)
            case "/api/v1/models/import", "/api/v1/system/sync": .json(ended, status: 202)
            case "/api/v1/versions": .json(page)
            default: .json(version)
            }
        }
        return try await TestServer.serving(answer) { server in
            let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k", "TERM": "dumb"])
            return (await Tool.run(arguments, in: stage.surroundings), stage, server.requests)
        }
    }

    private static let imported: JSONValue = ["version_id": "v-9", "is_new": true]

    @Test func anImportSendsWhatWasAskedFor() async throws {
        let (status, stage, requests) = try await run(
            [
                "model", "import", "acme/tiny", "--revision", "v1", "--name", "tiny", "--version", "1.0", "--include", "*Q4*", "--tag", "a",
                "--server-type", "vllm",
            ], result: Self.imported)
        #expect(status == .success, "\(stage.errors)")
        #expect(requests.first?.method == "POST" && requests.first?.uri == "/api/v1/models/import")
        let body = try JSONParser.parse(#require(requests.first).body.utf8)
        #expect(body["source"] == "hub" && body["repository"] == "acme/tiny" && body["revision"] == "v1" && body["include"] == ["*Q4*"])
        #expect(body["name"] == "tiny" && body["version"] == "1.0" && body["tags"] == ["a"] && body["server_type"] == "vllm")
        #expect((stage.output + stage.errors).contains("imported gpt-model:1.0"))
    }

    @Test(arguments: [(["--gguf", "a.gguf"], "gguf", "a.gguf"), (["--cache", "hub"], "hf-cache", "hub")])
    func otherSourcesHaveTheirOptions(options: [String], source: String, path: String) async throws {
        let (status, _, requests) = try await run(["model", "import"] + options, result: Self.imported)
        #expect(status == .success)
        let body = try JSONParser.parse(#require(requests.first).body.utf8)
        #expect(body["source"]?.stringValue == source && body["path"]?.stringValue == path)
    }

    @Test(arguments: [
        [], ["--cache", "a", "--gguf", "b"], ["acme/tiny", "--gguf", "b"], ["acme/tiny", "--server-type", "what"],
    ])
    func wrongCombinationsAreToldBeforeAnythingIsSent(options: [String]) async throws {
        let (status, stage, requests) = try await run(["model", "import"] + options)
        #expect(status == .usage && requests.isEmpty && !stage.errors.isEmpty)
    }

    @Test func anImportThatFailsEndsWithItsReasonAndItsLastWords() async throws {
        let (status, stage, _) = try await run(
            ["model", "import", "acme/tiny"], state: .failed,
            error: ["code": "hub_gated", "detail": "The hub gives acme/tiny only to those who accepted its terms", "hint": "Set HF_TOKEN."])
        #expect(status == .operationFailed)
        #expect(stage.errors.contains("-- the last words") && stage.output.isEmpty)
    }

    @Test func withoutWaitingTheOperationIsTheResult() async throws {
        let (status, stage, requests) = try await run(["model", "import", "acme/tiny", "--detach", "--format", "json"])
        #expect(status == .success && requests.count == 1)
        #expect(try JSONParser.parse(stage.output.utf8)["id"] == "o-1")
    }

    @Test func aSyncReportsLineByLineAndInSums() async throws {
        let report: JSONValue = [
            "added": ["gpt:1"], "changed": [], "restored": [], "orphaned": ["old"], "left": [], "unchanged": 3, "dry_run": true,
            "problems": [["path": "models/x", "reason": "it is a symbolic link"]],
        ]
        let (status, stage, requests) = try await run(["model", "sync", "--dry-run", "--allow-empty"], result: report)
        #expect(status == .success)
        #expect(try JSONParser.parse(#require(requests.first).body.utf8) == ["dry_run": true, "allow_empty": true])
        #expect(
            stage.output == """
                added gpt:1
                orphaned old
                problem models/x: it is a symbolic link
                1 added, 0 changed, 0 restored, 1 orphaned, 0 left, 3 unchanged (dry run: nothing was changed)

                """)
        let (_, json, _) = try await run(["model", "sync", "--format", "json"], result: report)
        #expect(try JSONParser.parse(json.output.utf8) == report)
        #expect(try await run(["model", "sync", "-q"], result: report).stage.output == "gpt:1\nold\n")
    }

    @Test func mlflowIsAskedAboutANewPage() async throws {
        let (status, stage, requests) = try await run(["version", "mlflow", "gpt-model:1.0", "--page", "http://mlflow/#/x"])
        #expect(status == .success, "\(stage.errors)")
        let written = requests.filter { $0.method != "GET" }
        #expect(written.map(\.method) == ["PUT", "POST"] && written.last?.uri.hasSuffix("/mlflow-metadata/sync") == true)
        #expect(try JSONParser.parse(#require(written.first).body.utf8)["mlflow_url"] == "http://mlflow/#/x")
        #expect(stage.output.contains("tag team") && !stage.output.contains("\u{1B}"))
        #expect(try await run(["version", "mlflow", "gpt-model:1.0"]).requests.allSatisfy { $0.method == "GET" })
    }
}
