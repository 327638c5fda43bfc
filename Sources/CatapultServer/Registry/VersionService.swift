import CatapultAPI
import Crypto
import Glibc
import ModelFiles
import SQLDatabase

/// The rules of versions.
struct VersionService: Sendable {
    let database: Database
    let storage: StoragePaths
    let blobs: BlobStore
    /// Builds the image of a new version where that is asked for; nil where images are not built.
    var autoBuilder: AutoBuilder?
    /// Tells the workers of a kind that a transaction of ours has queued something.
    var wake: @Sendable (OperationKind) -> Void = { _ in }

    private var folders: ScopedFolders { ScopedFolders(database: database, storage: storage) }

    func list(_ call: ListVersions, _ context: CallContext) async throws -> Page<Version> {
        try await database.read { try VersionStore.list(call, for: context.scope, in: $0) }
    }

    func options(_ call: ListVersionOptions, _ context: CallContext) async throws -> OptionList<VersionOption> {
        try await database.read { try VersionStore.options(call, for: context.scope, in: $0) }
    }

    func latest(_ call: GetLatestVersion, _ context: CallContext) async throws -> Version {
        guard let name = call.modelName ?? call.imageName else {
            throw CatapultError.unprocessable([.missing(anyOf: ["model_name", "image_name"], part: .query)])
        }
        return try await database.read { connection in
            guard
                let version = try VersionStore.latest(
                    ofModel: name, environment: call.environment, for: context.scope, in: connection)
            else {
                throw CatapultError.notFound(.version, "\(name)\(call.environment.map { " in \($0)" } ?? "")")
            }
            return version
        }
    }

    func get(_ call: GetVersion, _ context: CallContext) async throws -> Version {
        try await database.read { try VersionStore.resolve(call.versionID, for: context.scope, in: $0) }
    }

    func files(_ call: ListVersionFiles, _ context: CallContext) async throws -> [VersionFile] {
        try await database.read { connection in
            try VersionStore.files(of: VersionStore.resolve(call.versionID, for: context.scope, in: connection).id, in: connection)
        }
    }

    func create(_ call: CreateVersion, _ context: CallContext) async throws -> Version {
        guard let reference = call.modelID ?? call.imageID ?? call.modelName else {
            throw CatapultError.unprocessable([.missing(anyOf: ["model_id", "image_id", "model_name"])])
        }
        let model = try await database.read { try ModelStore.resolve(reference, for: context.scope, in: $0) }
        let folder =
            if let path = call.cephPath {
                try await folders.resolve(path, of: model.name, for: context.scope)
            } else {
                try storage.resolve(model.storagePath)
            }
        let (files, places) = try await VersionFileBytes(blobs: blobs).adopt(
            Self.check(call.files ?? [], in: folder), in: folder, for: context.scope)
        let listed = files.isEmpty ? nil : files.reduce(0) { $0 + $1.sizeBytes }
        let builder = try await Self.requireBuilder(autoBuilder, for: call, context)
        let version = Version(
            id: Identifier.make(), modelID: model.id, modelName: model.name, modelStoragePath: model.storagePath, version: call.version,
            tag: call.tag ?? call.version, digest: call.digest ?? Self.digest(of: files, of: model, call.version),
            quantization: call.quantization,
            sizeBytes: call.sizeBytes ?? listed, platform: call.platform ?? "linux/amd64", architecture: call.architecture ?? "amd64",
            os: call.os ?? "linux", releaseNotes: call.releaseNotes, metadata: call.metadata ?? [:], cephPath: call.cephPath,
            mlflowURL: call.mlflowURL, isRelease: call.isRelease ?? false, status: .active, fileCount: files.count,
            missingFiles: files.count { $0.stored != true }, createdAt: .now)
        do {
            try await database.write { connection in
                try Self.refuseNameOfAlias(call.version, of: model, in: connection)
                try VersionStore.insert(version, files: files, in: connection)
                guard try VersionFileBytes.record(places, of: files, version, in: connection) else {
                    throw CatapultError.unavailable("The store", "it is removing bytes that this version needs", hint: "Try again.")
                }
                for dependency in call.dependencies ?? [] {
                    _ = try DependencyStore.add(dependency, to: version, context, in: connection)
                }
                if version.isRelease { try VersionUse.promoted.note(of: version.id, by: "release", in: connection) }
                if var model = try ModelStore.find(model.id, in: connection), model.learn(ModelFacts(), paths: files.map(\.path)) {
                    try ModelStore.update(model, in: connection)
                }
                try MLflowService.enqueue(for: version, context, in: connection)
                try AuditLog.record(
                    context, id: version.id,
                    details: [
                        "model": .string(model.name), "version": .string(version.version), "tag": .string(version.tag),
                        "digest": .string(version.digest),
                    ], in: connection)
                try builder?.enqueue(version, call.buildConfig, context.caller?.name, connection)
            }
            builder?.wake()
        } catch DatabaseError.uniqueViolation {
            throw CatapultError.alreadyExists(
                .version, "\(model.name):\(call.version)",
                details: ["version": .string(call.version), "model_name": .string(model.name)],
                hint:
                    "A version never changes: choose another number, or look at this one with `mcp version show \(model.name):\(call.version)`."
            )
        } catch DatabaseError.foreignKeyViolation {
            throw CatapultError.notFound(.model, reference)
        }
        if version.mlflowURL != nil { wake(.mlflow) }
        if version.missingFiles == 0 {
            await FactsRecorder(database: database, storage: storage).record(versionID: version.id, logger: context.logger)
        }
        return try await database.read { try VersionStore.find(version.id, in: $0) } ?? version
    }

    /// A version of the name would take the alias's place wherever `model:name` is written.
    private static func refuseNameOfAlias(_ name: String, of model: Model, in connection: any SQLConnection) throws {
        guard let alias = try AliasStore.find(name, modelID: model.id, in: connection) else { return }
        throw CatapultError.conflict(
            "version_is_an_alias", "\(name) is an alias of \(model.name) and points at \(alias.version).", field: "version",
            hint: "Choose another name for the version, or remove the alias with `mcp version alias remove \(model.name):\(name)`.")
    }

    /// Who builds the image of a new version, where that is asked for.
    private static func requireBuilder(
        _ builder: AutoBuilder?, for call: CreateVersion, _ context: CallContext
    ) async throws -> AutoBuilder? {
        guard call.autoBuild == true else { return nil }
        if call.buildConfig?.dockerfileContent != nil { try context.scope.requireForImages() }
        guard let builder else {
            throw CatapultError.invalid(
                field: "auto_build", "this server builds no images", hint: "Leave auto_build out, and deploy an image of your own.")
        }
        try await builder.requireEngine()
        return builder
    }

    /// Holds the list of files against what lies in the folder: those that are there with their size need no upload.
    private static func check(_ files: [VersionFile], in folder: String) throws(CatapultError) -> [VersionFile] {
        var problems: [FieldProblem] = []
        var seen: Set<String> = []
        var checked: [VersionFile] = []
        for (index, file) in files.enumerated() {
            let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
            if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) || file.path.utf8.contains(0) {
                problems.append(
                    FieldProblem(
                        kind: .value, location: ["files", "\(index)", "path"],
                        message: "must be a relative path without '.', '..' or empty parts",
                        input: .string(file.path)))
            } else if !seen.insert(file.path).inserted {
                problems.append(
                    FieldProblem(
                        kind: .value, location: ["files", "\(index)", "path"], message: "stands in the list twice",
                        input: .string(file.path)))
            } else {
                var facts = stat()
                let there =
                    stat("\(folder)/\(file.path)", &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
                    && Int64(facts.st_size) == file.sizeBytes
                checked.append(VersionFile(path: file.path, sizeBytes: file.sizeBytes, sha256: file.sha256, stored: there))
            }
        }
        guard problems.isEmpty else { throw .unprocessable(problems) }
        return checked.sorted { $0.path < $1.path }
    }

    /// SHA-256 over the sorted lines `sha256  path\n`, as `sha256sum` prints them; without files over the name, so that it is never empty.
    private static func digest(of files: [VersionFile], of model: Model, _ version: String) -> String {
        let text = files.isEmpty ? "\(model.id):\(version)" : files.map { "\($0.sha256)  \($0.path)\n" }.joined()
        return "sha256:" + SHA256.hash(data: Array(text.utf8)).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    func update(_ call: UpdateVersion, _ context: CallContext) async throws -> Version {
        if let path = call.cephPath {
            let name = try await get(GetVersion(versionID: call.versionID), context).modelName
            _ = try await folders.resolve(path, of: name, for: context.scope)
        }
        defer { if call.mlflowURL != nil { wake(.mlflow) } }
        do {
            return try await database.write { connection in
                var version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
                try VersionDefinition.check(call, on: version, in: connection)
                let plan = try Self.lifePlan(call, version, context, in: connection)
                let known = version.mlflowURL
                version.quantization = call.quantization ?? version.quantization
                version.releaseNotes = call.releaseNotes ?? version.releaseNotes
                version.metadata = call.metadata ?? version.metadata
                version.cephPath = call.cephPath ?? version.cephPath
                version.mlflowURL = call.mlflowURL ?? version.mlflowURL
                version.digest = call.digest ?? version.digest
                version.sizeBytes = call.sizeBytes ?? version.sizeBytes
                version.platform = call.platform ?? version.platform
                try VersionStore.update(version, in: connection)
                try LifeStore.apply(plan, reason: nil, by: context.caller?.name, in: connection)
                let changed = try VersionStore.find(version.id, in: connection) ?? version
                if version.mlflowURL != known { try MLflowService.enqueue(for: version, context, in: connection) }
                try AuditLog.record(
                    context, id: version.id,
                    details: [
                        "version": .string(version.version), "is_release": .bool(changed.isRelease),
                        "status": .string(changed.status.rawValue),
                    ],
                    in: connection)
                return changed
            }
        } catch DatabaseError.uniqueViolation {
            throw CatapultError.alreadyExists(.version, call.versionID, hint: "Another version has this quantization already.")
        }
    }

    /// Status and release mark by PUT, as earlier clients set them, go the same way as by the calls of their own.
    private static func lifePlan(
        _ call: UpdateVersion, _ version: Version, _ context: CallContext, in connection: any SQLConnection
    ) throws -> LifePlan {
        var plan = LifePlan()
        if let status = call.status {
            let references = status == .archived ? try ReferenceStore.list(of: .version(version), for: context.scope, in: connection) : nil
            plan = try LifePlan.step(.init(to: status), version, references: references)
        }
        if let isRelease = call.isRelease, isRelease != version.isRelease {
            if isRelease, (call.status ?? version.status) == .archived { try LifePlan.requireUsable(version, "be promoted") }
            plan.steps.append(.mark(version, isRelease: isRelease))
        }
        return plan
    }

    /// Deletes the row and what hangs on it; files beneath the storage root stay, they are not ours to remove.
    func delete(_ call: DeleteVersion, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            let released = try ReferenceStore.release(.version(version), force: call.force == true, context, in: connection)
            try AuditLog.record(
                context, id: version.id,
                details: ["model": .string(version.modelName), "version": .string(version.version)].merging(released.details) { $1 },
                in: connection
            )
            try ArtifactStore.delete(ofVersion: version.id, in: connection)
            try VersionStore.delete(version.id, in: connection)
            return Deletion(deletedID: version.id, released: released.references)
        }
    }

    func references(_ call: ListVersionReferences, _ context: CallContext) async throws -> References {
        try await database.read { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            return try ReferenceStore.list(of: .version(version), for: context.scope, in: connection)
        }
    }
}
