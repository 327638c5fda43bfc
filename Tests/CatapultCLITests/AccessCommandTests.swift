import CatapultAPI
import Testing

@testable import CatapultCLI

/// The commands about keys, the audit log and the storage root, as whole command lines.
@Suite(.timeLimit(.minutes(1))) struct AccessCommandTests {
    private func stage(_ server: TestServer) -> Stage {
        Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k", "TERM": "dumb"])
    }

    private static let key = APIKey(
        id: "k-1", name: "ci", role: .operator, scope: KeyScope(environments: ["staging"], models: ["team/*"]),
        rateLimit: RateLimit(requestsPerSecond: 5, burst: 20), createdAt: Sample.moment)

    @Test func aNewKeyIsPrintedAlone() async throws {
        let answer = try NewAPIKey(Self.key, key: "abc.secret").wireText
        try await TestServer.serving({ _ in .json(answer, status: 201) }) { server in
            let stage = stage(server)
            #expect(
                await stage.run(
                    "key", "create", "--name", "ci", "--role", "operator", "--model", "team/*", "--environment", "staging", "--rate",
                    "5/20",
                    "--owner", "me") == .success)
            #expect(stage.output == "abc.secret\n")
            #expect(stage.errors.contains("shown only now"))
            let body = try JSONParser.parse(try #require(server.requests.first).body.utf8)
            #expect(body["scope"] == ["models": ["team/*"], "environments": ["staging"]])
            #expect(body["rate_limit"]?["burst"] == 20 && body["owner"] == "me")
        }
    }

    @Test func rotatingSaysHowLongTheOldSecretWorks() async throws {
        var rotated = Self.key
        rotated.previousValidUntil = Sample.moment
        let answer = try NewAPIKey(rotated, key: "abc.new").wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("key", "rotate", "ci", "--overlap", "1h") == .success)
            #expect(stage.output == "abc.new\n")
            #expect(stage.errors.contains("works until"))
            #expect(server.requests.first?.uri == "/api/v1/api-keys/ci/rotate")
            #expect(server.requests.first?.body == #"{"overlap_seconds":3600}"#)
        }
    }

    @Test(arguments: [("disable", "false"), ("enable", "true")])
    func keysRestAndWorkAgain(verb: String, flag: String) async throws {
        let answer = try Self.key.wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("key", verb, "ci") == .success)
            #expect(stage.output == "\(verb)d key ci\n")
            #expect(server.requests.first?.body == #"{"is_active":\#(flag)}"#)
        }
    }

    @Test func aKeyShowsWhatItIsLimitedTo() async throws {
        let answer = try Self.key.wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("key", "show", "ci") == .success)
            #expect(stage.output.contains("team/*") && stage.output.contains("staging") && stage.output.contains("20 at once"))
        }
    }

    @Test(arguments: [
        ["key", "create"], ["key", "create", "--name", "k", "--rate", "fast"], ["key", "create", "--name", "k", "--expires-in", "soon"],
        ["key", "update", "k"], ["key", "rotate"], ["audit", "verify", "--expect", "abc"], ["audit", "list", "--outcome", "odd"],
        ["system", "files", "--limit", "0"], ["system", "files", "--offset", "-1"],
    ])
    func wrongCommandLinesAreToldBeforeAnythingIsSent(line: [String]) async throws {
        try await TestServer.serving({ _ in .json("{}") }) { server in
            let stage = stage(server)
            #expect(await Tool.run(line, in: stage.surroundings) == .usage)
            #expect(server.requests.isEmpty)
            #expect(!stage.errors.isEmpty)
        }
    }

    @Test func aWholeLogIsSaidToBeWhole() async throws {
        let hash = String(repeating: "a", count: 64)
        let answer = try AuditVerification(rows: 7, sealedRows: 0, headSequence: 7, headHash: hash).wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("audit", "verify", "--expect", hash) == .success)
            #expect(stage.output.hasPrefix("The audit log is whole: 7 rows up to row 7.\n"))
            #expect(server.requests.first?.uri == "/api/v1/audit-logs/verify?expect=\(hash)")
            let quiet = self.stage(server)
            #expect(await quiet.run("audit", "verify", "--quiet") == .success)
            #expect(quiet.output == "\(hash)\n")
        }
    }

    @Test(arguments: [[], ["--format", "json"], ["--quiet"]]) func abrokenLogEndsWithOne(options: [String]) async throws {
        let problem = AuditProblem(kind: .removed, sequence: 9, id: "x", message: "rows 3 to 8 are gone")
        let answer = try AuditVerification(rows: 2, sealedRows: 0, headSequence: 2, headHash: "b", problem: problem).wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await Tool.run(["audit", "verify"] + options, in: stage.surroundings) == .failure)
            let said = options.contains("json") ? stage.output : stage.errors
            #expect(said.contains("rows 3 to 8 are gone"))
        }
    }

    @Test func foldersOfTheStorageRootAreListed() async throws {
        let files = [
            StorageFile(name: "a", path: "models/a", type: .directory, size: 0, modified: Sample.moment),
            StorageFile(name: "b.gguf", path: "models/b.gguf", type: .file, size: 2_048, modified: Sample.moment),
        ]
        let answer = try files.wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("system", "files", "models", "--limit", "2") == .success)
            #expect(stage.output.contains("a/") && stage.output.contains("b.gguf") && stage.output.contains("dir"))
            #expect(stage.errors.contains("--offset 2"))
            #expect(server.requests.first?.uri == "/api/v1/system/files?limit=2&offset=0&path=models")
            let quiet = self.stage(server)
            #expect(await quiet.run("system", "files", "-q") == .success)
            #expect(quiet.output == "models/a\nmodels/b.gguf\n")
        }
    }

    @Test func aProgramsCommandStandsBehindTwoDashes() async throws {
        let begun = try Preprocessing(operationID: "o-1").wireText
        let operation = try Sample.operation(.pending, progress: 0, message: "waiting").wireText
        try await TestServer.serving({ .json($0.method == "POST" ? begun : operation) }) { server in
            let stage = stage(server)
            #expect(
                await stage.run(
                    "model", "preprocess", "team/tiny", "--image", "tools:1", "--mount", "models/team/tiny:/model", "--detach", "--",
                    "convert",
                    "--to", "gguf") == .success)
            let request = try #require(server.requests.first)
            #expect(request.uri == "/api/v1/models/team%2Ftiny/preprocess")
            let body = try JSONParser.parse(request.body.utf8)
            #expect(body["command"] == ["convert", "--to", "gguf"])
            #expect(body["mounts"] == ["models/team/tiny": "/model"])
            #expect(await self.stage(server).run("model", "preprocess", "m", "--image", "i", "--mount", "nowhere") == .usage)
        }
    }
}
