import CatapultAPI
import Testing

@testable import CatapultCLI

/// The commands on aliases, the life of versions, dependencies and lineage: what is sent, and what is refused before anything is.
@Suite(.timeLimit(.minutes(1))) struct VersionLifeCommandTests {
    private static let sample = Version(
        id: "v-1", modelID: "m-1", modelName: "org/m", modelStoragePath: "m", version: "1.0", tag: "1.0", digest: "d", quantization: nil,
        sizeBytes: nil, platform: "linux/amd64", architecture: "amd64", os: "linux", releaseNotes: nil, metadata: [:], cephPath: nil,
        mlflowURL: nil, isRelease: false, status: .active, fileCount: 0, missingFiles: 0, createdAt: Sample.moment)
    private static let transition = VersionTransition(
        version: sample,
        changes: [VersionChange(.alias, name: "production", from: nil, to: "org/m:1.0", summary: "alias production is made")],
        warnings: ["org/m:1.0 is deprecated"], dryRun: false)

    struct Case: Sendable, CustomTestStringConvertible {
        var line: String
        var request: String
        var body: String?
        var testDescription: String { line }

        init(_ line: String, _ request: String, _ body: String? = nil) { (self.line, self.request, self.body) = (line, request, body) }
    }

    @Test(arguments: [
        Case(
            "version alias set org/m:staging 1.0 --expect none --reason tried", "PUT /api/v1/models/org%2Fm/aliases/staging",
            #"{"expected_version":"none","reason":"tried","version":"1.0"}"#),
        Case(
            "version alias set org/m:staging org/m:production --dry-run", "PUT /api/v1/models/org%2Fm/aliases/staging",
            #"{"dry_run":true,"version":"org/m:production"}"#),
        Case("version promote org/m:1.0", "POST /api/v1/versions/org%2Fm:1.0/promote", "{}"),
        Case(
            "version promote org/m:1.0 --to staging --expect 0.9", "POST /api/v1/versions/org%2Fm:1.0/promote",
            #"{"expected_version":"0.9","stage":"staging"}"#),
        Case(
            "version demote org/m:production --previous --reason slow", "POST /api/v1/versions/org%2Fm:production/demote",
            #"{"reason":"slow","restore_previous":true}"#),
        Case(
            "version demote org/m:1.0 --from staging --replace-with 0.9", "POST /api/v1/versions/org%2Fm:1.0/demote",
            #"{"replacement":"0.9","stage":"staging"}"#),
        Case(
            "version deprecate org/m:1.0 --successor org/m:2.0 --retires 2027-01-31", "POST /api/v1/versions/org%2Fm:1.0/deprecate",
            #"{"retires_at":"2027-01-31T00:00:00.000000Z","successor":"org/m:2.0"}"#),
        Case("version archive org/m:1.0 --reason old", "POST /api/v1/versions/org%2Fm:1.0/archive", #"{"reason":"old"}"#),
        Case("version restore org/m:1.0@int8", "POST /api/v1/versions/org%2Fm:1.0@int8/restore", "{}"),
    ])
    func changesAreSentAndTold(_ test: Case) async throws {
        let body = try Self.transition.wireText
        try await TestServer.serving({ _ in .json(body) }) { server in
            let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k"])
            let status = await Tool.run(test.line.split(separator: " ").map(String.init), in: stage.surroundings)
            #expect(status == .success, "\(stage.errors)")
            let request = try #require(server.requests.first)
            #expect("\(request.method) \(request.uri)".replacing("%3A", with: ":").replacing("%40", with: "@") == test.request)
            #expect(request.body == test.body)
            #expect(stage.output.contains("alias production is made"))
            #expect(stage.errors.contains("org/m:1.0 is deprecated"), "warnings go where they do not disturb a script")
        }
    }

    @Test(arguments: [
        ("version alias set org/m 1.0", "<model:alias>"), ("version alias history m", "<model:alias>"),
        ("version demote m:1 --previous --replace-with 0.9", "cannot go together"), ("version deprecate m:1 --retires soon", "--retires"),
        ("version diff m:1 2 --limit 10001", "0 to 10000"), ("lineage show m:1 --depth 0", "1 to 50"),
        ("lineage show m:1 --limit 2001", "1 to 2000"), ("lineage show m:1 --direction sideways", "--direction"),
        ("dependency add m:1 --kind base_model", "--on"), ("dependency add m:1 --kind base_model --on a:1 --name x", "cannot go together"),
        ("dependency add m:1 --on a:1", "--kind"), ("dependency add m:1 --kind friend --on a:1", "base_model"),
    ])
    func wrongInputIsRefusedBeforeAnythingIsSent(_ line: String, _ words: String) async throws {
        try await TestServer.serving({ _ in .json("{}") }) { server in
            let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k"])
            #expect(await Tool.run(line.split(separator: " ").map(String.init), in: stage.surroundings) == .usage)
            #expect(stage.errors.contains(words), "\(stage.errors)")
            #expect(server.requests.isEmpty)
        }
    }

    @Test func aConflictSaysWhatRefersAndEndsAsOne() async throws {
        let body =
            #"{"detail":"The version m:1 is still referred to by 1 alias (production).","code":"still_referenced","hint":"Remove it."}"#
        let version = try Self.sample.wireText
        let references = try References(
            items: [Reference(.alias, id: "production", name: "production", refersTo: "m:1", removable: true)], total: 1, blocking: 0
        ).wireText
        try await TestServer.serving({ request in
            switch (request.method, request.uri.hasSuffix("/references")) {
            case ("DELETE", _): .json(body, status: 409)
            case (_, true): .json(references)
            default: .json(version)
            }
        }) { server in
            let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k"])
            #expect(await stage.run("version", "delete", "m:1", "--yes") == .conflict)
            #expect(stage.errors.contains("still referred to by 1 alias"))
        }
    }

    @Test func aForcedDeleteTellsWhatWentWithIt() async throws {
        let version = try Self.sample.wireText
        let deletion = try Deletion(
            deletedID: "v-1",
            released: [
                Reference(.alias, id: "production", name: "production", refersTo: "org/m:1.0", removable: true),
                Reference(.dependent, id: "w", name: "ft:1", refersTo: "org/m:1.0", removable: true),
            ]
        ).wireText
        let none = try References(items: [], total: 0, blocking: 0).wireText
        try await TestServer.serving({ request in
            request.method == "DELETE" ? .json(deletion) : .json(request.uri.hasSuffix("/references") ? none : version)
        }) { server in
            let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k"])
            #expect(await stage.run("version", "delete", "org/m:1.0", "--force", "--yes") == .success)
            #expect(server.requests.last?.uri.hasSuffix("?force=true") == true)
            #expect(stage.output.contains("the alias production is gone; it pointed at org/m:1.0"))
            #expect(stage.output.contains("ft:1 no longer depends on org/m:1.0"))
        }
    }
}
