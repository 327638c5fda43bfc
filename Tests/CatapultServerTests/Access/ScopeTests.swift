import CatapultAPI
import Testing

@testable import CatapultServer

/// What a key that is limited to some models and environments sees and changes.
@Suite struct ScopeTests {
    /// A context with a scope.
    private func scoped(_ scope: KeyScope, _ action: AuditAction? = nil) -> CallContext {
        var context = CoreFixture.context("test")
        context.scope = scope
        context.action = action
        return context
    }

    private func status(_ body: () async throws -> Void) async -> Int {
        do {
            try await body()
            return 200
        } catch let error as CatapultError {
            return error.status
        } catch {
            return 0
        }
    }

    @Test func whatLiesOutsideDoesNotExist() async throws {
        try await CoreFixture.with { fixture async throws in
            let mine = try await fixture.model("team/mine")
            let other = try await fixture.model("other/secret")
            let version = try await fixture.versions.create(
                CreateVersion(modelID: other.id, version: "1"), CoreFixture.context("create_version", .version))
            _ = try await fixture.versions.create(
                CreateVersion(modelID: mine.id, version: "1"), CoreFixture.context("create_version", .version))
            let context = scoped(KeyScope(models: ["team/*"]))
            #expect(try await fixture.models.list(ListModels(), context).items.map(\.name) == ["team/mine"])
            #expect(try await fixture.models.list(ListModels(), context).total == 1)
            #expect(try await fixture.models.options(ListModelOptions(), context).options.map(\.name) == ["team/mine"])
            #expect(try await fixture.versions.list(ListVersions(), context).items.map(\.modelName) == ["team/mine"])
            #expect(try await fixture.versions.options(ListVersionOptions(), context).options.map(\.modelName) == ["team/mine"])
            for name in [other.id, "other/secret"] {
                #expect(await status { _ = try await fixture.models.get(GetModel(modelID: name), context) } == 404)
                #expect(
                    await status { _ = try await fixture.models.update(UpdateModel(modelID: name, description: "x"), context) } == 404)
                #expect(await status { _ = try await fixture.models.delete(DeleteModel(modelID: name), context) } == 404)
            }
            for name in [version.id, "other/secret:1", "other/secret"] {
                #expect(await status { _ = try await fixture.versions.get(GetVersion(versionID: name), context) } == 404)
            }
            #expect(await status { _ = try await fixture.versions.latest(GetLatestVersion(modelName: "other/secret"), context) } == 404)
        }
    }

    @Test func aDeleteTakesNoRecordOfAnEnvironmentThatLiesOutside() async throws {
        try await CoreFixture.with { fixture async throws in
            let model = try await fixture.model("team/mine")
            let version = try await fixture.versions.create(
                CreateVersion(modelID: model.id, version: "1"), CoreFixture.context("create_version", .version))
            try await fixture.database.write { connection in
                try connection.execute(
                    """
                    INSERT INTO deployments (id, name, version_id, environment, deployment_type, status, health_status, replicas, generation,
                        wanted, revision, container_port, health_path, start_grace_seconds, stop_grace_seconds, gpu_count, environment_vars,
                        volume_mounts, metadata, deployed_at)
                    VALUES ('d', 'elsewhere', \(version.id), 'production', 'metadata', 'running', 'unknown', 1, 1, 'running', 1, 80, '/', 1, 1,
                        0, '{}', '[]', '{}', 1)
                    """)
            }
            let call = DeleteVersion(versionID: version.id)
            let limited = scoped(KeyScope(environments: ["staging"]), DeleteVersion.audit)
            #expect(await status { _ = try await fixture.versions.delete(call, limited) } == 403)
            #expect(try await fixture.database.read { try $0.exists("SELECT 1 FROM deployments WHERE id = 'd'") })
            let inside = scoped(KeyScope(environments: ["prod*"]), DeleteVersion.audit)
            #expect(await status { _ = try await fixture.versions.delete(call, inside) } == 200)
            #expect(try await !fixture.database.read { try $0.exists("SELECT 1 FROM deployments WHERE id = 'd'") })
        }
    }

    @Test func nearNamesAreOnlyThoseInside() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("gpt-mine")
            _ = try await fixture.model("gpt-secret")
            let context = scoped(KeyScope(models: ["gpt-m*"]))
            do {
                _ = try await fixture.models.get(GetModel(modelID: "gpt-other"), context)
                Issue.record("was found")
            } catch let error as CatapultError {
                #expect(error.candidates == ["gpt-mine"])
            }
        }
    }

    @Test func makingWhatLiesOutsideIsRefusedByName() async throws {
        try await CoreFixture.with { fixture async throws in
            let context = scoped(KeyScope(environments: ["staging"], models: ["team/*"]), CreateModel.audit)
            do {
                _ = try await fixture.models.create(CreateModel(name: "other/new", storagePath: "x"), context)
                Issue.record("was made")
            } catch let error as CatapultError {
                #expect(error.status == 403)
                #expect(error.code == "outside_scope")
                #expect(error.message.contains("team/*"))
            }
            let environments = EnvironmentService(database: fixture.database)
            #expect(await status { _ = try await environments.create(CreateEnvironment(name: "production"), context) } == 403)
            #expect(await status { _ = try await environments.create(CreateEnvironment(name: "staging"), context) } == 200)
            #expect(try await environments.list(ListEnvironments(), context).total == 1)
        }
    }

    @Test func auditRowsFollowTheirThings() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("team/mine")
            let other = try await fixture.model("other/secret")
            _ = try await fixture.models.delete(DeleteModel(modelID: other.id), CoreFixture.context("delete_model"))
            let audit = AuditLog(database: fixture.database)
            let seen = try await audit.list(ListAuditLogs(), scoped(KeyScope(models: ["team/*"])))
            #expect(seen.compactMap { $0.details["name"]?.stringValue } == ["team/mine"])
            let gone = try await audit.list(ListAuditLogs(action: "delete_model"), scoped(KeyScope(models: ["other/*"])))
            #expect(gone.map(\.resourceID) == [other.id])
        }
    }

    @Test func aLimitedKeyCannotMakeKeys() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await fixture.keys.create(
                CreateAPIKey(name: "k", role: .admin, scope: KeyScope(models: ["a"])), CoreFixture.context("create_api_key", .apiKey))
            #expect(made.scope == KeyScope(models: ["a"]))
            try await fixture.http { http async throws in
                let answer = try await http.with(key: made.key).send(.post, "/api/v1/api-keys", #"{"name":"free","role":"admin"}"#)
                #expect(answer.status == 403)
                #expect(answer.json["code"] == "whole_scope_required")
                #expect(try await http.with(key: made.key).send(.get, "/api/v1/models").json["total"] == 0)
                let odd = try await http.send(.post, "/api/v1/api-keys", #"{"name":"odd","scope":{"models":["a b"],"environments":[]}}"#)
                #expect(odd.status == 422)
            }
        }
    }
}
