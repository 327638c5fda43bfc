import CatapultAPI
import Testing

@testable import CatapultServer

/// Artifacts that versions depend on.
@Suite("References to artifacts") struct ArtifactReferenceTests {
    private static let context = CoreFixture.context("test_references", .artifact)

    /// Models `owner` and `user` with a version 1 each; `user:1` depends on an artifact of `owner:1`.
    private func make(_ fixture: CoreFixture) async throws -> Artifact {
        for name in ["owner", "user"] {
            _ = try await fixture.model(name)
            _ = try await fixture.versions.create(CreateVersion(modelName: name, version: "1"), Self.context)
        }
        let artifact = try await artifacts(fixture).create(
            CreateArtifact(
                name: "tokens.json", artifactType: "tokenizer", filePath: "t.json", sizeBytes: 1, checksum: "ab", versionID: "owner:1"),
            Self.context)
        for (version, kind) in [("user:1", DependencyKind.tokenizer), ("owner:1", .package)] {
            _ = try await LineageService(database: fixture.database).add(
                AddDependency(versionID: version, NewDependency(kind: kind, artifactID: artifact.id)), Self.context)
        }
        return artifact
    }

    private func artifacts(_ fixture: CoreFixture) -> ArtifactService {
        ArtifactService(database: fixture.database, storage: fixture.storage, blobs: fixture.blobs)
    }

    private func dependencies(_ fixture: CoreFixture, of version: String) async throws -> [String] {
        try await LineageService(database: fixture.database).dependencies(ListDependencies(versionID: version), Self.context).map(\.target)
    }

    @Test func anArtifactThatVersionsDependOnStays() async throws {
        try await CoreFixture.with { fixture async throws in
            let artifact = try await make(fixture)
            let error = await #expect(throws: CatapultError.self) {
                try await artifacts(fixture).delete(DeleteArtifact(artifactID: artifact.id), Self.context)
            }
            #expect(error?.code == "still_referenced")
            #expect(error?.message.contains("2 versions that depend on it") == true)
            let names = (error?.details["references"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            #expect(Set(names) == ["owner:1", "user:1"])
            #expect(error?.details["references"]?[0]?["refers_to"] == "tokens.json")
            #expect(try await artifacts(fixture).get(GetArtifact(artifactID: artifact.id), Self.context).id == artifact.id)
        }
    }

    @Test func forceReleasesItAndSaysWhat() async throws {
        try await CoreFixture.with { fixture async throws in
            let artifact = try await make(fixture)
            let deletion = try await artifacts(fixture).delete(DeleteArtifact(artifactID: artifact.id, force: true), Self.context)
            #expect(Set((deletion.released ?? []).map(\.name)) == ["owner:1", "user:1"])
            #expect(deletion.released?.allSatisfy { $0.kind == .dependent && $0.refersTo == "tokens.json" } == true)
            #expect(try await dependencies(fixture, of: "user:1").isEmpty)
        }
    }

    /// An artifact goes with its version or model, so what depends on the artifact depends on them.
    @Test func aVersionAndAModelStayForTheirArtifacts() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await make(fixture)
            let listed = try await fixture.versions.references(ListVersionReferences(versionID: "owner:1"), Self.context)
            // The version's own dependency on its artifact leaves with it.
            #expect(listed.items.map(\.name) == ["user:1"] && listed.items.first?.refersTo == "tokens.json")
            let model = try await fixture.models.references(ListModelReferences(modelID: "owner"), Self.context)
            #expect(model.items.map(\.name) == ["user:1"])
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.versions.delete(DeleteVersion(versionID: "owner:1"), Self.context)
            }
            #expect(error?.code == "still_referenced")
            let deletion = try await fixture.models.delete(DeleteModel(modelID: "owner", force: true), Self.context)
            #expect(deletion.released?.map(\.name) == ["user:1"])
            #expect(try await dependencies(fixture, of: "user:1").isEmpty)
        }
    }

    @Test func theRoleAdminIsNeededForForce() async throws {
        try await CoreFixture.with { fixture async throws in
            let artifact = try await make(fixture)
            let key = try await fixture.keys.create(
                CreateAPIKey(name: "o", role: .operator), CoreFixture.context("create_api_key", .apiKey))
            try await fixture.http { http async throws in
                let path = "/api/v1/artifacts/\(artifact.id)"
                #expect(try await http.with(key: key.key).send(.delete, path).status == 409)
                #expect(try await http.with(key: key.key).send(.delete, "\(path)?force=true").status == 403)
                let done = try await http.send(.delete, "\(path)?force=true")
                #expect(done.json["released"]?.arrayValue?.count == 2)
            }
        }
    }
}
