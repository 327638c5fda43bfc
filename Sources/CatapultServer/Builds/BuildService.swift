import CatapultAPI
import Hummingbird
import NIOCore
import SQLDatabase

/// The rules of builds.
struct BuildService: Sendable {
    /// How long the answer to a cancellation waits for the work to have stopped.
    private static let cancelLimit = Duration.seconds(15)

    let database: Database
    let planner: BuildPlanner
    let probe: EngineProbe
    let runner: OperationRunner
    let signals: ChangeSignals
    let logs: SharedLogs

    /// Queues a build. An engine that is away is told at once; nothing is stored then.
    func create(_ call: CreateBuild, _ context: CallContext) async throws -> Build {
        guard let reference = call.releaseID ?? call.versionID else {
            throw CatapultError.unprocessable([.missing(anyOf: ["release_id", "version_id"])])
        }
        try Self.refuseArtifacts(call)
        if call.dockerfileContent != nil || call.buildArgs?["BASE_IMAGE"] != nil { try context.scope.requireForImages() }
        let request = BuildPlanner.Request(
            imageTag: call.imageTag, buildType: call.buildType, dockerfile: call.dockerfileContent, arguments: call.buildArgs ?? [:],
            ignoresCache: call.noCache ?? false)
        try await probe.require()
        let build = try await database.write { connection in
            let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
            let build = try planner.plan(
                request, for: version, parentOperation: nil, createdBy: context.caller?.name, in: connection)
            try AuditLog.record(
                context, id: build.id,
                details: [
                    "release_id": .string(build.versionID), "image_tag": .string(build.imageTag), "build_type": .string(build.buildType),
                    "operation_id": .string(build.operationID),
                ], in: connection)
            return build
        }
        planner.wake()
        return build
    }

    private static func refuseArtifacts(_ call: CreateBuild) throws(CatapultError) {
        let field = call.artifactID != nil ? "artifact_id" : call.artifactIDs?.isEmpty == false ? "artifact_ids" : nil
        guard let field else { return }
        throw .invalid(
            field: field, "\(field) is not supported: a build takes its files from the version",
            hint: "Register the files with the version, or leave \(field) out.")
    }

    func list(_ call: ListBuilds, _ context: CallContext) async throws -> Page<Build> {
        try await database.read { connection in
            let versionID = try (call.releaseID ?? call.versionID).map { try VersionStore.filter($0, for: context.scope, in: connection) }
            return try BuildStore.list(call, versionID: versionID, for: context.scope, in: connection)
        }
    }

    func get(_ id: String, _ context: CallContext) async throws -> Build {
        try await database.read { try BuildStore.resolve(id, for: context.scope, in: $0) }
    }

    /// Stops a build, and answers when it has stopped. One that has ended stays as it is.
    func cancel(_ call: CancelBuild, _ context: CallContext) async throws -> Build {
        let build = try await get(call.buildID, context)
        guard !build.status.isTerminal else { return build }
        let changes = signals.subscribe(build.operationID)
        let operation = try await database.write { [runner] connection in
            let operation = try runner.cancel(build.operationID, in: connection)
            try AuditLog.record(context, id: build.id, details: ["operation_id": .string(build.operationID)], in: connection)
            return operation
        }
        runner.didCancel(operation)
        let end = ContinuousClock.now + Self.cancelLimit
        while true {
            let build = try await get(build.id, context)
            let rest = ContinuousClock.now.duration(to: end)
            guard !build.status.isTerminal, rest > .zero else { return build }
            _ = try await ChangeSignals.next(changes, within: rest)
        }
    }

    /// The log so far; empty while the build waits.
    func log(_ call: GetBuildLogs, _ context: CallContext) async throws -> LogText {
        LogText(logs: try await logs.text(get(call.buildID, context).operationID))
    }

    /// The log as it grows, up to the end of the build, however that comes.
    func follow(_ call: StreamBuildLogs, _ context: CallContext) async throws -> ResponseBody {
        let build = try await get(call.buildID, context)
        return ResponseBody { [database, logs] writer in
            // The first bytes go out before there is a log: earlier clients give up on a silent connection.
            try await writer.write(ByteBuffer(string: "-- log of the build of \(build.imageTag)\n"))
            try await logs.follow(build.operationID, keepAlive: ByteBuffer(string: "-- nothing new\n")) {
                try await database.read { try OperationStore.find(build.operationID, in: $0)?.state.isTerminal ?? true }
            } send: { bytes in
                try await writer.write(bytes)
            }
            try await writer.finish(nil)
        }
    }

    /// The templates that can be used.
    func templates() -> [Template] { planner.templates.contents().sorted.map(\.resource) }

    /// The Dockerfile that a build of a type would use.
    func template(_ call: GetTemplate, _ context: CallContext) async throws -> TemplateContent {
        let contents = planner.templates.contents()
        guard TemplateChoice.automatic.contains(call.type) else { return Self.content(of: try contents.named(call.type)) }
        guard let reference = call.releaseID else {
            throw CatapultError.invalid(
                field: "release_id", "The template type \(call.type) depends on the model: release_id is needed",
                hint: "Give release_id, or one of \(contents.sorted.map(\.name).joined(separator: ", ")).")
        }
        return try await database.read { [planner] connection in
            let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
            let files = try VersionStore.files(of: version.id, in: connection)
            let type = try planner.serverType(of: version, files: files, in: connection)
            return Self.content(of: try contents.choose(buildType: call.type, serverType: type, model: version.modelName))
        }
    }

    private static func content(of template: BuildTemplate) -> TemplateContent {
        TemplateContent(content: template.dockerfile, templateType: template.name)
    }
}
