import CatapultAPI
import SQLDatabase

/// The rules of artifacts.
struct ArtifactService: Sendable {
    let database: Database
    let storage: StoragePaths
    let blobs: BlobStore

    func list(_ call: ListArtifacts, _ context: CallContext) async throws -> Page<Artifact> {
        try await database.read { try ArtifactStore.list(call, for: context.scope, in: $0) }
    }

    func get(_ call: GetArtifact, _ context: CallContext) async throws -> Artifact {
        try await database.read { try ArtifactStore.get(call.artifactID, for: context.scope, in: $0).artifact }
    }

    /// Records an artifact. Its bytes are not looked at, and nothing is taken for them that merely has the same digest.
    func create(_ call: CreateArtifact, _ context: CallContext) async throws -> Artifact {
        let path = try Self.required(call.filePath ?? call.storagePath, ["file_path", "storage_path"])
        var draft = try ArtifactDraft(
            name: Self.required(call.name ?? call.filename, ["name", "filename"]), artifactType: call.artifactType, platform: call.platform,
            pythonVersion: call.pythonVersion, version: call.releaseID ?? call.versionID, model: call.modelID)
        draft.metadata = call.metadata ?? [:]
        let absolute = try storage.resolve(path, field: call.filePath == nil ? "storage_path" : "file_path")
        let facts = try await HashingPool.foreground.run { FileFacts(path: absolute) }
        if let facts, facts.size != call.sizeBytes {
            throw CatapultError.invalid(
                field: "size_bytes", "\(path) has \(facts.size) bytes, not \(call.sizeBytes).",
                hint: "Send the right size, or use POST /api/v1/artifacts/register, which reads the file.")
        }
        return try await database.write { [draft, storage] connection in
            let owner = try draft.owner(for: context.scope, in: connection)
            try Self.requireInside(absolute, owner, context.scope, storage)
            let record = draft.record(
                owner: owner, path: storage.relative(absolute), sizeBytes: call.sizeBytes, checksum: call.checksum,
                checksumType: call.checksumType ?? "sha256", sha256: nil, by: context.caller?.name)
            try ArtifactStore.insert(record, in: connection)
            try AuditLog.record(
                context, id: record.artifact.id, details: ["name": .string(draft.name), "file_path": .string(path)], in: connection)
            return record.artifact
        }
    }

    /// Registers a file where it lies.
    func register(_ call: RegisterArtifact, _ context: CallContext) async throws -> Artifact {
        let path = try Self.required(call.filePath ?? call.storagePath, ["file_path", "storage_path"])
        let absolute = try storage.resolve(path, field: call.filePath == nil ? "storage_path" : "file_path")
        let name = call.name ?? call.filename ?? absolute.split(separator: "/").last.map(String.init) ?? ""
        var draft = try ArtifactDraft(
            name: name, artifactType: call.artifactType, platform: call.platform, pythonVersion: call.pythonVersion,
            version: call.releaseID ?? call.versionID, model: call.modelID)
        draft.metadata = call.metadata ?? [:]
        // Before the file is read, which may take minutes.
        let owner = try await database.read { [draft] in try draft.owner(for: context.scope, in: $0) }
        try Self.requireInside(absolute, owner, context.scope, storage)
        let place = try await blobs.register(path, expecting: call.checksum)
        return try await database.write { [draft] connection in
            try BlobTable.record(place, in: connection)
            return try draft.insert(
                owner: owner, path: place.path, Blob(sha256: place.sha256, sizeBytes: place.facts.size), context, in: connection)
        }
    }

    func update(_ call: UpdateArtifact, _ context: CallContext) async throws -> Artifact {
        let record = try await database.read { try ArtifactStore.get(call.artifactID, for: context.scope, in: $0) }
        var path = record.registeredPath
        if let new = call.filePath ?? call.storagePath {
            let owner = try await database.read { connection in
                ArtifactDraft.Owner(
                    version: try record.artifact.versionID.flatMap { try VersionStore.find($0, in: connection) },
                    model: try record.artifact.modelID.flatMap { try ModelStore.find($0, in: connection) })
            }
            let absolute = try storage.resolve(new, field: call.filePath == nil ? "storage_path" : "file_path")
            try Self.requireInside(absolute, owner, context.scope, storage)
            let expected = record.sha256 ?? (record.artifact.checksumType == "sha256" ? record.artifact.checksum : nil)
            path = try await blobs.register(new, expecting: expected).path
        }
        return try await database.write { [path] connection in
            let current = try ArtifactStore.get(call.artifactID, for: context.scope, in: connection)
            try ArtifactStore.update(
                current.artifact.id, metadata: call.metadata ?? current.artifact.metadata, path: path, in: connection)
            try AuditLog.record(context, id: current.artifact.id, details: ["name": .string(current.artifact.name)], in: connection)
            return try ArtifactStore.get(call.artifactID, for: context.scope, in: connection).artifact
        }
    }

    /// Deletes an artifact that no version depends on; with force the dependencies go, too.
    func delete(_ call: DeleteArtifact, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let artifact = try ArtifactStore.get(call.artifactID, for: context.scope, in: connection).artifact
            let released = try ReferenceStore.release(.artifact(artifact), force: call.force == true, context, in: connection)
            try AuditLog.record(
                context, id: artifact.id, details: ["name": .string(artifact.name)].merging(released.details) { $1 }, in: connection)
            try ArtifactStore.delete(artifact.id, in: connection)
            return Deletion(deletedID: artifact.id, released: released.references)
        }
    }

    func download(_ call: DownloadArtifact, _ context: CallContext) async throws -> Download {
        let record = try await database.read { try ArtifactStore.get(call.artifactID, for: context.scope, in: $0) }
        let name = record.artifact.name.split(separator: "/").last.map(String.init) ?? record.artifact.name
        if let sha256 = record.sha256 { return Download(file: try await blobs.open(sha256), filename: name, sha256: sha256) }
        let path = storage.relative(try storage.resolve(record.registeredPath))
        let file = try await VersionFileBytes(blobs: blobs).unverified(path, size: record.artifact.sizeBytes)
        return Download(file: file, filename: name, sha256: nil)
    }

    /// A key that is limited to some models reaches no files but theirs.
    private static func requireInside(
        _ absolute: String, _ owner: ArtifactDraft.Owner, _ scope: KeyScope, _ storage: StoragePaths
    ) throws(CatapultError) {
        guard scope.models != nil else { return }
        let folders = try [owner.version?.cephPath, owner.model?.storagePath].compactMap { $0 }.map { (path) throws(CatapultError) in
            try storage.resolve(path)
        }
        guard folders.contains(where: { absolute.hasPrefix($0 + "/") && $0 != storage.root }) else {
            throw .invalid(
                "InvalidPathError", field: "file_path", "The file does not lie in a folder of the model that it is registered for.",
                hint: "This key is limited to some models: put the file beneath the model's storage path.")
        }
    }

    static func required(_ value: String?, _ names: [String]) throws(CatapultError) -> String {
        guard let value else { throw CatapultError.unprocessable([.missing(anyOf: names)]) }
        return value
    }
}
