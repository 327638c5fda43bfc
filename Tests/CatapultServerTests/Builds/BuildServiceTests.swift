import CatapultAPI
import ContainerEngine
import Foundation
import Hummingbird
import HummingbirdTesting
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite("Build service", .whereBuildsCanRun)
struct BuildServiceTests {
    private func refusal(_ lab: BuildLab, _ call: CreateBuild) async throws -> CatapultError {
        do {
            let build = try await lab.service.create(call, BuildLab.context)
            Issue.record("was accepted as \(build.imageTag)")
            throw CancellationError()
        } catch let error as CatapultError {
            let rows = try await lab.database.read { connection in
                try ["builds", "operations", "audit_logs"].map { try connection.fetchInt("SELECT count(*) FROM \(raw: $0)") }
            }
            #expect(rows == [0, 0, 0], "a refusal leaves nothing behind")
            return error
        }
    }

    @Test("A build is pending, named after model and version, audited, and waits for a worker")
    func create() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion(quantization: "Q4")
            let build = try await lab.service.create(CreateBuild(releaseID: version.id), BuildLab.context)
            #expect(build.status == .pending)
            #expect(build.imageTag == "team/tiny-model:1.0-Q4")
            #expect(build.buildType == "organic")
            #expect(build.template == "script")
            #expect(build.serverType == .generic)
            #expect(build.releaseID == version.id)
            #expect(!build.isCurrent)
            let operation = try #require(await lab.database.read { try OperationStore.find(build.operationID, in: $0) })
            #expect(operation.kind == .build)
            #expect(operation.subjectID == build.id)
            #expect(operation.state == .pending)
            #expect(operation.createdBy == "tester")
            let audit = try await AuditLog(database: lab.database).list(ListAuditLogs(), BuildLab.context)
            #expect(audit.map(\.action) == ["create_docker_build"])
            #expect(audit.first?.resourceID == build.id)

            let byName = try await lab.service.create(CreateBuild(versionID: "Team/Tiny Model:1.0", imageTag: "x:1"), BuildLab.context)
            #expect(byName.versionID == version.id)
            #expect(byName.imageTag == "x:1")
            #expect(try await lab.service.list(ListBuilds(), BuildLab.context).items.map(\.id) == [byName.id, build.id])
            #expect(try await lab.service.list(ListBuilds(releaseID: version.id, status: .success), BuildLab.context).total == 0)
            #expect(try await lab.log(of: build) == "")
        }
    }

    @Test("Bad requests are refused with status and field, and leave nothing behind")
    func refusals() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion()
            func check(_ call: CreateBuild, _ status: Int, _ type: String, field: String?) async throws {
                let error = try await refusal(lab, call)
                #expect(error.status == status, "\(error)")
                #expect(error.type == type)
                #expect(error.field == field)
            }
            try await check(CreateBuild(), 422, "RequestValidationError", field: "release_id")
            try await check(CreateBuild(releaseID: Identifier.make()), 404, "VersionNotFoundError", field: nil)
            try await check(CreateBuild(releaseID: "Team/Tiny Model:9"), 404, "VersionNotFoundError", field: nil)
            try await check(CreateBuild(releaseID: "nobody:1"), 404, "ModelNotFoundError", field: nil)
            try await check(CreateBuild(releaseID: version.id, imageTag: "Upper:1"), 400, "InvalidImageTagError", field: "image_tag")
            try await check(CreateBuild(releaseID: version.id, buildType: "test"), 404, "TemplateNotFoundError", field: "build_type")
            try await check(CreateBuild(releaseID: version.id, artifactID: "x"), 400, "InvalidConfigurationError", field: "artifact_id")
            try await check(CreateBuild(releaseID: version.id, artifactIDs: ["x"]), 400, "InvalidConfigurationError", field: "artifact_ids")
            try await check(
                CreateBuild(releaseID: version.id, buildArgs: ["A-B": ""]), 400, "InvalidConfigurationError", field: "build_args")
        }
    }

    @Test("Files that have not arrived are counted, and the way to send them is told")
    func missingFiles() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion(stored: false)
            let error = try await refusal(lab, CreateBuild(releaseID: version.id))
            #expect(error.status == 409)
            #expect(error.message == "2 of the 2 files of Team/Tiny Model:1.0 have not arrived yet: parts/a.bin, weights.bin")
            #expect(error.hint?.contains("PUT /api/v1/versions/\(version.id)/files/parts/a.bin") == true)
        }
    }

    @Test("A model without a server type gets the template that its files call for")
    func detection() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate("llama", types: ["llama-cpp"])
            let listed = try await lab.addVersion(model: "listed", serverType: nil, files: ["tiny.gguf": "x"])
            let walked = try await lab.addVersion(model: "walked", serverType: nil, files: ["tiny.gguf": "x"], listed: false)
            for version in [listed, walked] {
                #expect(try await lab.service.create(CreateBuild(releaseID: version.id), BuildLab.context).template == "llama")
            }
            let content = try await lab.service.template(GetTemplate(type: "organic", releaseID: listed.id), BuildLab.context)
            #expect(content.templateType == "llama")
            #expect(content.content.hasPrefix("ARG BASE_IMAGE"))
            await #expect(throws: CatapultError.self) { try await lab.service.template(GetTemplate(type: "organic"), BuildLab.context) }
            await #expect(throws: CatapultError.self) { try await lab.service.template(GetTemplate(type: "../llama"), BuildLab.context) }
        }
    }

    @Test("An engine that is away is told at once, and nothing is stored")
    func engineAway() async throws {
        try await BuildLab.with(host: .unixSocket(path: "/nonexistent/engine.sock")) { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion()
            await #expect(throws: ContainerEngineError.self) {
                try await lab.service.create(CreateBuild(releaseID: version.id), BuildLab.context)
            }
            #expect(try await lab.service.list(ListBuilds(), BuildLab.context).total == 0)
        }
    }

    @Test("A build that waits is cancelled at once; one that has ended stays as it is")
    func cancelPending() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion()
            let build = try await lab.service.create(CreateBuild(releaseID: version.id), BuildLab.context)
            var context = BuildLab.context
            context.action = CancelBuild.audit
            let cancelled = try await lab.service.cancel(CancelBuild(buildID: build.id), context)
            #expect(cancelled.status == .cancelled)
            #expect(cancelled.completedAt != nil)
            #expect(try await lab.service.cancel(CancelBuild(buildID: build.id), context) == cancelled)
            #expect(
                try await AuditLog(database: lab.database).list(ListAuditLogs(action: "cancel_docker_build"), BuildLab.context).count == 1)
            await #expect(throws: CatapultError.self) { try await lab.service.cancel(CancelBuild(buildID: Identifier.make()), context) }
        }
    }

    @Test("A success supersedes the others of its version, and the version names the image")
    func superseding() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion()
            let other = try await lab.addVersion(version: "2.0")
            var builds: [Build] = []
            for (version, tag) in [(version, "a:1"), (version, "a:2"), (other, "a:3")] {
                let build = try await lab.service.create(CreateBuild(releaseID: version.id, imageTag: tag), BuildLab.context)
                try await lab.database.write { try BuildStore.succeed(build.id, digest: "sha256:\(tag)", in: $0) }
                builds.append(try await lab.service.get(build.id, BuildLab.context))
            }
            let first = try await lab.service.get(builds[0].id, BuildLab.context)
            #expect(first.supersededAt != nil)
            #expect(!first.isCurrent)
            #expect(builds[1].isCurrent)
            #expect(builds[2].isCurrent)
            #expect(try await lab.version(version.id).metadata == ["kept": true, "docker_image": "a:2"])
            let newest = try await lab.database.read { try lab.planner.newestImage(ofVersion: version.id, in: $0) }
            #expect(newest?.imageDigest == "sha256:a:2")
            #expect(lab.planner.template(of: newest).name == "script")
            #expect(lab.planner.template(of: nil).port == 8_000)
        }
    }

    @Test("The log of a build that was cancelled while it waited ends by itself")
    func followCancelled() async throws {
        try await BuildLab.with { lab in
            try lab.addTemplate()
            let version = try await lab.addVersion()
            let build = try await lab.service.create(CreateBuild(releaseID: version.id), BuildLab.context)
            var context = BuildLab.context
            context.action = CancelBuild.audit
            _ = try await lab.service.cancel(CancelBuild(buildID: build.id), context)

            let authenticator = Authenticator(database: lab.database)
            let router = Router(context: HTTPContext.self)
            router.add(middleware: RequestMiddleware())
            let routes = CallRoutes(
                router: router, gate: RequestGate(authenticator: authenticator), audit: AuditLog(database: lab.database),
                maximumBodySize: 1 << 20)
            BuildRoutes.register(routes, builds: lab.service)
            let secret = KeySecret.random()
            try await lab.database.write {
                try KeyStore.insert(
                    KeyService.record(name: "viewer", role: .viewer, scope: .everything, secret: secret, expiresAt: nil), in: $0)
            }
            let application = Application(responder: router.buildResponder(), logger: BuildLab.logger)
            try await application.test(.router) { client in
                let path = "/api/v1/docker/builds/\(build.id)/logs/stream"
                try await client.execute(uri: path, method: .get, headers: [.apiKey: secret.text]) { response in
                    #expect(response.status == .ok)
                    #expect(response.headers[.contentType] == "text/plain; charset=utf-8")
                    #expect(String(buffer: response.body) == "-- log of the build of team/tiny-model:1.0\n")
                }
                try await client.execute(uri: "/api/v1/docker/builds/x/logs/stream", method: .get, headers: [.apiKey: secret.text]) {
                    #expect($0.status == .notFound)
                }
                try await client.execute(
                    uri: "/api/v1/docker/builds", method: .post, headers: [.apiKey: secret.text], body: .init(string: "{}")
                ) { #expect($0.status == .forbidden) }
            }
        }
    }
}
