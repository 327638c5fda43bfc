import CatapultAPI
import Crypto
import Glibc
import ModelFiles
import SQLDatabase

/// The rules of versions.
struct VersionService: Sendable {
    let database: Database
    let storage: StoragePaths

    func list(_ call: ListVersions, _ context: CallContext) async throws -> Page<Version> {
        try await database.read { try VersionStore.list(call, for: context.scope, in: $0) }
    }

    func options(_ call: ListVersionOptions, _ context: CallContext) async throws -> [VersionOption] {
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
        if let path = call.cephPath { _ = try storage.resolve(path) }
        let folder = try storage.resolve(call.cephPath ?? model.storagePath)
        let files = try Self.check(call.files ?? [], in: folder)
        let listed = files.isEmpty ? nil : files.reduce(0) { $0 + $1.sizeBytes }
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
                try VersionStore.insert(version, files: files, in: connection)
                if var model = try ModelStore.find(model.id, in: connection), model.learn(ModelFacts(), paths: files.map(\.path)) {
                    try ModelStore.update(model, in: connection)
                }
                try AuditLog.record(
                    context, id: version.id,
                    details: [
                        "model": .string(model.name), "version": .string(version.version), "tag": .string(version.tag),
                        "digest": .string(version.digest),
                    ], in: connection)
            }
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
        guard version.missingFiles == 0 else { return version }
        await FactsRecorder(database: database, storage: storage).record(versionID: version.id, logger: context.logger)
        return try await database.read { try VersionStore.find(version.id, in: $0) } ?? version
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
        if let path = call.cephPath { _ = try storage.resolve(path) }
        do {
            return try await database.write { connection in
                var version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
                version.quantization = call.quantization ?? version.quantization
                version.releaseNotes = call.releaseNotes ?? version.releaseNotes
                version.metadata = call.metadata ?? version.metadata
                version.status = call.status ?? version.status
                version.cephPath = call.cephPath ?? version.cephPath
                version.mlflowURL = call.mlflowURL ?? version.mlflowURL
                version.isRelease = call.isRelease ?? version.isRelease
                try VersionStore.update(version, in: connection)
                try AuditLog.record(
                    context, id: version.id,
                    details: [
                        "version": .string(version.version), "is_release": .bool(version.isRelease),
                        "status": .string(version.status.rawValue),
                    ],
                    in: connection)
                return version
            }
        } catch DatabaseError.uniqueViolation {
            throw CatapultError.alreadyExists(.version, call.versionID, hint: "Another version has this quantization already.")
        }
    }

    func delete(_ call: DeleteVersion, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            let filter: SQLQuery = "v.id = \(version.id)"
            try Self.refuseWhileDeployed(filter, "The version \(version.modelName):\(version.version)", in: connection)
            try AuditLog.record(
                context, id: version.id, details: ["model": .string(version.modelName), "version": .string(version.version)], in: connection
            )
            try VersionStore.deleteDeploymentRecords(of: filter, in: connection)
            try VersionStore.delete(version.id, in: connection)
            return Deletion(deletedID: version.id)
        }
    }

    /// What runs must be deleted by its own name first: nobody should stop a service by tidying the registry.
    static func refuseWhileDeployed(_ filter: SQLQuery, _ subject: String, in connection: any SQLConnection) throws {
        let names = try VersionStore.deployments(using: filter, in: connection)
        guard let first = names.first else { return }
        throw CatapultError.conflict(
            "still_deployed", type: "StillReferencedError", "\(subject) is still deployed as \(names.joined(separator: ", ")).",
            hint: "Delete the deployment first: `mcp deployment delete \(first)`.",
            details: ["deployments": .array(names.map(JSONValue.string))])
    }
}
