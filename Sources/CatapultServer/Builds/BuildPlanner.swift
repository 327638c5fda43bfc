import CatapultAPI
import SQLDatabase

/// Plans builds: decides template and image name, and queues the work. It needs no worker, so the workers of other features can use it.
struct BuildPlanner: ImageBuilding {
    let templates: TemplateLibrary
    let storage: StoragePaths
    let signals: ChangeSignals

    /// What a client may say of a build.
    struct Request: Sendable {
        var imageTag: String?
        var buildType: String?
        var dockerfile: String?
        var arguments: [String: String] = [:]
        var ignoresCache = false
    }

    /// Checks a request against a version, writes the build and queues its operation, in the caller's transaction.
    ///
    /// - Throws: 400, 404 or 409, in which case nothing is written.
    func plan(
        _ request: Request, for version: Version, parentOperation: String?, createdBy: String?, in connection: any SQLConnection
    ) throws -> Build {
        try BuildArguments.check(request.arguments)
        if let tag = request.imageTag { try ImageTag.check(tag) }
        let files = try VersionStore.files(of: version.id, in: connection)
        try Self.requireAll(files, of: version)
        let serverType = try serverType(of: version, files: files, in: connection)
        let buildType = request.buildType ?? "organic"
        let template =
            try request.dockerfile == nil
            ? templates.contents().choose(buildType: buildType, serverType: serverType, model: version.modelName) : nil
        let build = Build(
            id: Identifier.make(), versionID: version.id,
            imageTag: request.imageTag
                ?? ImageTag.standard(model: version.modelName, version: version.version, quantization: version.quantization),
            imageDigest: nil, buildType: buildType, template: template?.name, dockerfileContent: request.dockerfile,
            buildArgs: request.arguments, status: .pending, serverType: serverType, errorMessage: nil, operationID: Identifier.make(),
            supersededAt: nil, createdAt: .now, completedAt: nil)
        try BuildStore.insert(build, noCache: request.ignoresCache, in: connection)
        try OperationStore.insert(
            id: build.operationID, kind: .build, subject: .build, subjectID: build.id, message: "waiting for a worker",
            parentID: parentOperation, createdBy: createdBy, in: connection)
        return build
    }

    /// The model's server type; where it has none, what the files say.
    func serverType(of version: Version, files: [VersionFile], in connection: any SQLConnection) throws -> ServerType? {
        if let type = try ModelStore.resolve(version.modelID, for: .everything, in: connection).serverType { return type }
        guard files.isEmpty else { return ServerTypeDetector.detect(paths: files.map(\.path)) }
        let folder = try storage.resolve(version.cephPath ?? version.modelRepository)
        return ServerTypeDetector.detect(paths: ServerTypeDetector.paths(in: folder))
    }

    private static func requireAll(_ files: [VersionFile], of version: Version) throws(CatapultError) {
        let missing = files.filter { $0.stored != true }
        guard let first = missing.first else { return }
        let names = missing.prefix(3).map(\.path).joined(separator: ", ")
        throw .conflict(
            "files_missing", type: "MissingFilesError",
            "\(missing.count) of the \(files.count) files of \(version.modelName):\(version.version) have not arrived yet: "
                + names + (missing.count > 3 ? ", …" : ""),
            hint:
                "Upload each with `PUT /api/v1/versions/\(version.id)/files/\(first.path)`, or run `mcp model register` again with the same --path.",
            details: ["missing_files": .int(Int64(missing.count)), "file_count": .int(Int64(files.count))])
    }

    // MARK: ImageBuilding

    func newestImage(ofVersion versionID: String, in connection: any SQLConnection) throws -> Build? {
        try BuildStore.newestSuccess(ofVersion: versionID, in: connection)
    }

    func build(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Build {
        try BuildStore.resolve(id, for: scope, in: connection)
    }

    func isForeign(_ imageTag: String, to scope: KeyScope, in connection: any SQLConnection) throws -> Bool {
        try BuildStore.isForeign(imageTag: imageTag, to: scope, in: connection)
    }

    func enqueue(version: Version, parentOperation: String?, createdBy: String?, in connection: any SQLConnection) throws -> Build {
        try plan(Request(), for: version, parentOperation: parentOperation, createdBy: createdBy, in: connection)
    }

    func template(of build: Build?) -> Template {
        build?.template.flatMap { templates.contents().templates[$0]?.resource } ?? Self.unknownImage
    }

    func wake() { signals.notify(OperationRunner.queueName(.build)) }

    /// What the contract expects of a serving image (section 6.1), with the grace times of a server that loads from a disk.
    private static let unknownImage = Template(
        name: "custom", summary: "An image that was not made from a template", serverTypes: [], requiresGPU: false, port: 8_000,
        healthPath: "/health", startGraceSeconds: 600, stopGraceSeconds: 30, baseImage: nil, buildArgs: [], environment: [],
        endpoints: ["/health"])
}

extension AutoBuilder {
    /// Builds new versions as a client's build of them would be made.
    static func building(with planner: BuildPlanner, probe: EngineProbe) -> AutoBuilder {
        AutoBuilder(requireEngine: { try await probe.require() }) { version, configuration, creator, connection in
            let request = BuildPlanner.Request(
                buildType: configuration?.buildType, dockerfile: configuration?.dockerfileContent,
                ignoresCache: configuration?.nocache ?? false)
            _ = try planner.plan(request, for: version, parentOperation: nil, createdBy: creator, in: connection)
        } wake: {
            planner.wake()
        }
    }
}
