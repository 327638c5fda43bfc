import CatapultAPI
import Testing

@testable import CatapultServer

/// Dependencies, lineage and what deletes refuse, in a database.
@Suite("Lineage") struct LineageTests {
    private static let context = CoreFixture.context("test_lineage", .version)

    private func lineage(_ fixture: CoreFixture) -> LineageService { LineageService(database: fixture.database) }

    /// A model of each name with one version 1, each depending on those that are named.
    private func make(_ fixture: CoreFixture, _ graph: KeyValuePairs<String, [String]>) async throws {
        for (name, bases) in graph {
            _ = try await fixture.model(name)
            _ = try await fixture.versions.create(
                CreateVersion(
                    modelName: name, version: "1", dependencies: bases.map { NewDependency(kind: .baseModel, target: "\($0):1") }),
                Self.context)
        }
    }

    private func status(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "done"
        } catch let error as CatapultError {
            return error.code
        } catch {
            return "\(error)"
        }
    }

    @Test func dependenciesComeWithAVersionOrNotAtAll() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": []])
            _ = try await fixture.model("ft")
            let error = await status {
                _ = try await fixture.versions.create(
                    CreateVersion(
                        modelName: "ft", version: "1",
                        dependencies: [NewDependency(kind: .dataset, name: "pile"), NewDependency(kind: .baseModel, target: "base:9")]),
                    Self.context)
            }
            #expect(error == "version_not_found")
            #expect(try await fixture.models.get(GetModel(modelID: "ft"), Self.context).versionCount == 0)
            _ = try await fixture.versions.create(
                CreateVersion(
                    modelName: "ft", version: "1",
                    dependencies: [
                        NewDependency(kind: .dataset, name: "pile", revision: "2"), NewDependency(kind: .baseModel, target: "base:latest"),
                    ]), Self.context)
            let found = try await lineage(fixture).dependencies(ListDependencies(versionID: "ft:1"), Self.context)
            #expect(found.map(\.target) == ["base:1", "pile@2"])
            #expect(found.map(\.targetType) == [.version, .external])
        }
    }

    @Test func theSameAgainIsTheOneThatIsThere() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "ft": []])
            let service = lineage(fixture)
            func add(_ dependency: NewDependency) async throws -> String {
                try await service.add(AddDependency(versionID: "ft:1", dependency), Self.context).id
            }
            let first = try await add(NewDependency(kind: .baseModel, target: "base:1"))
            #expect(try await add(NewDependency(kind: .baseModel, target: "base")) == first)
            #expect(try await add(NewDependency(kind: .tokenizer, target: "base:1")) != first)
            let data = try await add(NewDependency(kind: .dataset, name: "pile"))
            #expect(try await add(NewDependency(kind: .dataset, name: "pile", note: "other words")) == data)
            #expect(try await add(NewDependency(kind: .dataset, name: "pile", revision: "1")) != data)
            let deleted = try await service.delete(DeleteDependency(versionID: "ft", dependencyID: data), Self.context)
            #expect(deleted.deletedID == data)
            #expect(
                await status { _ = try await service.delete(DeleteDependency(versionID: "ft", dependencyID: data), Self.context) }
                    == "dependency_not_found")
            // The dependency of one version is not found as another's.
            #expect(
                await status { _ = try await service.delete(DeleteDependency(versionID: "base", dependencyID: first), Self.context) }
                    == "dependency_not_found")
        }
    }

    @Test func circlesAreRefusedWithTheirWay() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["a": [], "b": ["a"], "c": ["b"]])
            let service = lineage(fixture)
            let error = await #expect(throws: CatapultError.self) {
                try await service.add(AddDependency(versionID: "a:1", NewDependency(kind: .adapter, target: "c:1")), Self.context)
            }
            #expect(error?.details["path"] == ["a:1", "c:1", "b:1", "a:1"])
            #expect(
                await status {
                    _ = try await service.add(AddDependency(versionID: "a:1", NewDependency(kind: .adapter, target: "a:1")), Self.context)
                } == "dependency_cycle")
            #expect(try await service.dependencies(ListDependencies(versionID: "a:1"), Self.context).isEmpty)
        }
    }

    @Test func unknownArtifactsAndTooManyDependenciesAreRefused() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["a": []])
            let service = lineage(fixture)
            func add(_ dependency: NewDependency) async -> String {
                await status { _ = try await service.add(AddDependency(versionID: "a:1", dependency), Self.context) }
            }
            #expect(await add(NewDependency(kind: .package, artifactID: Identifier.make())) == "artifact_not_found")
            for number in 0..<DependencyStore.limit {
                #expect(await add(NewDependency(kind: .package, name: "package\(number)")) == "done")
            }
            #expect(await add(NewDependency(kind: .package, name: "one-more")) == "too_many_dependencies")
            #expect(await add(NewDependency(kind: .package, name: "package7")) == "done")
        }
    }

    @Test func theGraphHasBothDirectionsWithLevels() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "mid": ["base"], "left": ["mid"], "right": ["mid", "base"]])
            _ = try await lineage(fixture).add(
                AddDependency(versionID: "mid:1", NewDependency(kind: .dataset, name: "pile", url: "https://host.example/pile")),
                Self.context)
            let graph = try await lineage(fixture).lineage(GetLineage(versionID: "mid:1"), Self.context)
            #expect(graph.nodes.first?.name == "mid:1")
            let levels = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, $0.level) })
            #expect(levels == ["mid:1": 0, "base:1": -1, "pile": -1, "left:1": 1, "right:1": 1])
            #expect(graph.total == 5 && graph.totalIsExact && !graph.truncated)
            let ids = Set(graph.nodes.map(\.id))
            #expect(graph.edges.allSatisfy { ids.contains($0.from) && ids.contains($0.to) })
            #expect(graph.nodes.first { $0.name == "pile" }?.url == "https://host.example/pile")

            let near = try await lineage(fixture).lineage(GetLineage(versionID: "base:1", direction: .down, depth: 1), Self.context)
            #expect(Set(near.nodes.map(\.name)) == ["base:1", "mid:1", "right:1"])
            // `right` depends on `mid` too: an edge between two nodes of the last level.
            #expect(near.edges.count == 3)
            #expect(near.nodes.first { $0.name == "mid:1" }?.hasMore == true)
            #expect(near.nodes.first { $0.name == "right:1" }?.hasMore == false)
            let few = try await lineage(fixture).lineage(GetLineage(versionID: "base:1", direction: .down, limit: 2), Self.context)
            #expect(few.nodes.count == 2 && few.total == 4 && few.truncated)
        }
    }

    @Test func whatLiesOutsideOfTheScopeHasNoName() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["secret": [], "mine": ["secret"]])
            var context = Self.context
            context.scope = KeyScope(models: ["mine"])
            let scoped = context
            let graph = try await lineage(fixture).lineage(GetLineage(versionID: "mine:1"), scoped)
            #expect(!graph.nodes.contains { $0.name.contains("secret") || $0.modelName == "secret" })
            let listed = try await lineage(fixture).dependencies(ListDependencies(versionID: "mine:1"), scoped)
            #expect(listed.count == 1 && listed[0].targetID == nil && !listed[0].target.contains("secret"))
            #expect(
                await status {
                    _ = try await lineage(fixture).add(
                        AddDependency(versionID: "mine:1", NewDependency(kind: .tokenizer, target: "secret:1")), scoped)
                } == "model_not_found")
        }
    }

    @Test func aBaseIsLinkedByNameOrRepositoryAndElseAsSomethingElsewhere() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "ft": []])
            _ = try await fixture.models.update(UpdateModel(modelID: "base", repository: "hub/base-7b"), Self.context)
            let version = try await fixture.versions.get(GetVersion(versionID: "ft:1"), Self.context)
            func link(_ name: String) async throws -> Dependency? {
                try await fixture.database.write { try DependencyLinker.link(version, to: name, as: .adapter, Self.context, in: $0) }
            }
            let first = try await link("hub/base-7b")
            #expect(first?.target == "base:1" && first?.targetType == .version)
            #expect(try await link("base")?.id == first?.id)
            #expect(try await link("other/model")?.targetType == .external)
            #expect(try await link("ft") == nil)
        }
    }

    @Test func comparingReadsBothSides() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "ft": ["base"]])
            let comparison = try await lineage(fixture).compare(CompareVersions(a: "base", b: "ft:latest"), Self.context)
            #expect(comparison.a.modelName == "base" && comparison.b.modelName == "ft")
            #expect(comparison.dependencies == [DependencyDifference(.added, kind: .baseModel, target: "base:1")])
            #expect(try await lineage(fixture).compare(CompareVersions(a: "ft", b: "ft:1"), Self.context).identical)
        }
    }

    // MARK: Deletes

    @Test func aDeleteRefusesAndListsWhatRefersToIt() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "ft": ["base"]])
            _ = try await VersionLifeService(database: fixture.database).setAlias(
                SetVersionAlias(modelID: "base", alias: "production", version: "1"), Self.context)
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.versions.delete(DeleteVersion(versionID: "base:1"), Self.context)
            }
            #expect(error?.status == 409)
            #expect(error?.details["reference_count"] == 2)
            #expect((error?.details["references"]?.arrayValue ?? []).map { $0["kind"] } == ["alias", "dependent"])
            let model = await status { _ = try await fixture.models.delete(DeleteModel(modelID: "base"), Self.context) }
            #expect(model == "still_referenced")
            let listed = try await fixture.models.references(ListModelReferences(modelID: "base"), Self.context)
            #expect(listed.total == 2 && listed.blocking == 0)
            #expect(try await fixture.versions.references(ListVersionReferences(versionID: "ft:1"), Self.context).total == 0)
        }
    }

    @Test func forceRemovesReferencesAndTheAuditRowSaysWhich() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "ft": ["base"]])
            let life = VersionLifeService(database: fixture.database)
            _ = try await life.setAlias(SetVersionAlias(modelID: "base", alias: "production", version: "1"), Self.context)
            let deletion = try await fixture.versions.delete(DeleteVersion(versionID: "base:1", force: true), Self.context)
            #expect(deletion.released?.map(\.name) == ["production", "ft:1"])
            #expect(try await lineage(fixture).dependencies(ListDependencies(versionID: "ft:1"), Self.context).isEmpty)
            let history = try await life.history(ListAliasHistory(modelID: "base", alias: "production"), Self.context)
            #expect(history.items.first?.toVersion == nil && history.items.first?.reason == "the version was deleted")
            let row = try await AuditLog(database: fixture.database).list(ListAuditLogs(limit: 1), Self.context).first
            #expect(row?.details["forced"] == true && row?.details["removed_count"] == 2)
            #expect((row?.details["removed"]?.arrayValue ?? []).map { $0["name"] } == ["production", "ft:1"])
        }
    }

    @Test func aModelGoesWithTheDependenciesAmongItsOwnVersions() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["gpt": []])
            _ = try await fixture.versions.create(
                CreateVersion(
                    modelName: "gpt", version: "2", dependencies: [NewDependency(kind: .baseModel, target: "gpt:1")]), Self.context)
            #expect(
                await status { _ = try await fixture.versions.delete(DeleteVersion(versionID: "gpt:1"), Self.context) }
                    == "still_referenced")
            _ = try await fixture.models.delete(DeleteModel(modelID: "gpt"), Self.context)
            let left = try await fixture.database.read { try $0.fetchInt("SELECT count(*) FROM dependencies") }
            #expect(left == 0)
        }
    }

    @Test func operationsUnderWayAndDeploymentsStandInTheWayOfForceToo() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["gpt": []])
            let version = try await fixture.versions.get(GetVersion(versionID: "gpt:1"), Self.context)
            try await fixture.database.write { connection in
                try connection.execute(
                    """
                    INSERT INTO builds (id, version_id, image_tag, build_type, build_args, no_cache, status, operation_id, created_at)
                    VALUES ('b', \(version.id), 'gpt:1', 'organic', '{}', FALSE, 'building', 'o', 0)
                    """)
                try OperationStore.insert(
                    id: "o", kind: .build, subject: .build, subjectID: "b", message: "building gpt:1", parentID: nil, createdBy: nil,
                    in: connection)
            }
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.versions.delete(DeleteVersion(versionID: "gpt:1", force: true), Self.context)
            }
            #expect(error?.details["references"]?[0]?["kind"] == "operation")
            #expect(error?.hint?.contains("mcp operation cancel o") == true)
            try await fixture.database.write { try $0.execute("UPDATE operations SET state = 'succeeded'") }
            _ = try await fixture.versions.delete(DeleteVersion(versionID: "gpt:1"), Self.context)
        }
    }

    @Test func forceIsForAdminsWhoSeeEverything() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["base": [], "ft": ["base"]])
            let op = try await fixture.keys.create(CreateAPIKey(name: "o", role: .operator), CoreFixture.context("create_api_key", .apiKey))
            let scoped = try await fixture.keys.create(
                CreateAPIKey(name: "s", role: .admin, scope: KeyScope(models: ["base"])), CoreFixture.context("create_api_key", .apiKey))
            try await fixture.http { http async throws in
                let operating = http.with(key: op.key)
                #expect(try await operating.send(.delete, "/api/v1/versions/base:1").status == 409)
                let forced = try await operating.send(.delete, "/api/v1/versions/base:1?force=true")
                let absent = try await operating.send(.delete, "/api/v1/versions/nothing:1?force=true")
                #expect(forced.status == 403)
                #expect(forced.detail == "Insufficient permissions. Required role: admin")
                #expect(forced.json["field"] == "force")
                #expect(forced.json == absent.json)
                #expect(try await operating.send(.delete, "/api/v1/versions/base:1?force=false").status == 409)
                let partly = try await http.with(key: scoped.key).send(.delete, "/api/v1/versions/base:1?force=true")
                #expect(partly.status == 403)
                #expect(partly.json["code"] == "whole_scope_required")
                #expect(!partly.json.jsonText.contains("ft:1"))
                #expect(try await http.send(.delete, "/api/v1/versions/base:1?force=true").json["success"] == true)
            }
        }
    }

    @Test func oldPathsAndSlashedNamesLeadThere() async throws {
        try await CoreFixture.with { fixture async throws in
            try await make(fixture, ["org/base": []])
            try await fixture.http { http async throws in
                let set = try await http.send(.put, "/api/v1/models/org%2Fbase/aliases/production", #"{"version":"1"}"#)
                #expect(set.status == 200)
                #expect(set.json["changes"]?[0]?["to"] == "org/base:1")
                #expect(try await http.send(.get, "/api/v1/releases/org%2Fbase:production").json["aliases"] == ["production"])
                #expect(try await http.send(.post, "/api/v1/releases/org%2Fbase:1/promote", #"{"dry_run":true}"#).status == 200)
                #expect(try await http.send(.get, "/api/v1/models/org%2Fbase/aliases/never/history").status == 404)
                #expect(try await http.send(.put, "/api/v1/models/org%2Fbase/aliases/v2", #"{"version":"1"}"#).status == 422)
                let compared = try await http.send(.get, "/api/v1/versions/compare?a=org/base:1&b=org/base:production")
                #expect(compared.json["identical"] == true)
                #expect(try await http.send(.get, "/api/v1/versions/compare?a=org/base:1").status == 422)
                #expect(try await http.send(.get, "/api/v1/versions/org%2Fbase:1/lineage?depth=51").status == 422)
            }
        }
    }
}
