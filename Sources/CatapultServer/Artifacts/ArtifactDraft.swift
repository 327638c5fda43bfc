import CatapultAPI
import SQLDatabase

/// An artifact that is to be: what a client says of it, checked.
struct ArtifactDraft: Sendable {
    var name: String
    var artifactType: String?
    var platform: String?
    var pythonVersion: String?
    var metadata: [String: JSONValue] = [:]
    /// The version and the model as the client names them.
    var version: String?
    var model: String?

    /// A draft with a name that can be a file's.
    init(name: String, artifactType: String?, platform: String?, pythonVersion: String?, version: String?, model: String?)
        throws(CatapultError)
    {
        guard !name.isEmpty, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }), name.unicodeScalars.count <= 255,
            !name.split(separator: "/", omittingEmptySubsequences: false).contains(where: { $0.isEmpty || $0 == "." || $0 == ".." })
        else {
            throw .invalid(
                field: "name", "The name must have 1 to 255 characters without control characters, and no empty part, '.' or '..'.",
                hint: "Name the artifact as its file is to be called.", details: ["name": .string(String(name.prefix(300)))])
        }
        self.name = name
        self.artifactType = artifactType
        self.platform = platform
        self.pythonVersion = pythonVersion
        self.version = version
        self.model = model
    }

    /// What an artifact belongs to.
    struct Owner: Sendable {
        var version: Version?
        var model: Model?

        /// In words, for the report of a later collection.
        var label: String { version.map { "\($0.modelName):\($0.version)" } ?? model?.name ?? "" }
    }

    /// Looks the owner up, and whether the name is free.
    ///
    /// - Throws: 404; 409 where the name is taken; 403 for an artifact without a model from a key that is limited to some; 400 where the
    ///   version is one of another model.
    func owner(for scope: KeyScope, in connection: any SQLConnection) throws -> Owner {
        var owner = Owner()
        if let version { owner.version = try VersionStore.resolve(version, for: scope, in: connection) }
        if let reference = model ?? owner.version?.modelID {
            let found = try ModelStore.resolve(reference, for: scope, in: connection)
            if let version = owner.version, version.modelID != found.id {
                throw CatapultError.invalid(
                    field: "model_id", "The version \(version.modelName):\(version.version) is not one of the model \(found.name).",
                    hint: "Leave model_id out: the version has its model.")
            }
            owner.model = found
        } else if scope.models != nil {
            throw CatapultError.wholeScopeRequired()
        }
        if let taken = try ArtifactStore.named(name, versionID: owner.version?.id, modelID: owner.model?.id, in: connection) {
            throw Self.nameTaken(name, by: taken, of: owner)
        }
        return owner
    }

    static func nameTaken(_ name: String, by id: String, of owner: Owner) -> CatapultError {
        .alreadyExists(
            .artifact, name, details: ["artifact_id": .string(id)],
            hint: "\(owner.label.isEmpty ? "An artifact without model or version" : owner.label) has it already as \(id): "
                + "delete that one, or choose another name.")
    }

    /// The type that the ending of a name tells.
    static func type(of name: String) -> String {
        let name = name.lowercased()
        if name.hasSuffix(".whl") { return "wheel" }
        if [".tar.gz", ".tgz", ".zip"].contains(where: name.hasSuffix) { return "sdist" }
        if name.hasSuffix(".sif") { return "singularity" }
        return "binary"
    }

    /// The row that comes of it.
    func record(
        owner: Owner, path: String, sizeBytes: Int64, checksum: String, checksumType: String = "sha256", sha256: String?, by name: String?
    ) -> ArtifactRecord {
        let now = Timestamp.now
        return ArtifactRecord(
            artifact: Artifact(
                id: Identifier.make(at: now), name: self.name, artifactType: artifactType ?? Self.type(of: self.name), filePath: path,
                sizeBytes: sizeBytes, checksum: checksum, checksumType: checksumType, platform: platform ?? "any",
                pythonVersion: pythonVersion, metadata: metadata, versionID: owner.version?.id,
                modelID: owner.model?.id ?? owner.version?.modelID, version: owner.version?.version, modelName: owner.model?.name,
                stored: sha256 != nil, problem: nil, verifiedAt: nil, createdAt: now, uploadedBy: name),
            sha256: sha256, registeredPath: path)
    }

    /// Writes the row and refers to its bytes, in the caller's transaction. `upload` is what the call was about, where it is not the artifact.
    func insert(
        owner: Owner, path: String, _ blob: Blob, upload: String? = nil, _ context: CallContext, in connection: any SQLConnection
    ) throws -> Artifact {
        let record = record(
            owner: owner, path: path, sizeBytes: blob.sizeBytes, checksum: blob.sha256, sha256: blob.sha256, by: context.caller?.name)
        // The name may have been taken while the bytes came.
        if let taken = try ArtifactStore.named(
            name, versionID: record.artifact.versionID, modelID: owner.version == nil ? record.artifact.modelID : nil, in: connection)
        {
            throw Self.nameTaken(name, by: taken, of: owner)
        }
        try ArtifactStore.insert(record, in: connection)
        guard
            try BlobTable.reference(blob.sha256, by: "artifact \(name)" + (owner.label.isEmpty ? "" : " of \(owner.label)"), in: connection)
        else { throw CatapultError.unknownBytes(blob.sha256) }
        try AuditLog.record(
            context, id: upload ?? record.artifact.id,
            details: [
                "artifact_id": .string(record.artifact.id), "name": .string(name), "sha256": .string(blob.sha256),
                "size_bytes": .int(blob.sizeBytes), "owner": .string(owner.label),
            ], in: connection)
        return try ArtifactStore.get(record.artifact.id, for: .everything, in: connection).artifact
    }
}
