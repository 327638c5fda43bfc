import CatapultAPI
import SQLDatabase

/// An artifact's row, beside what a client sees of it.
struct ArtifactRecord: Sendable {
    var artifact: Artifact
    /// Digest of bytes that the server has seen; nil for a mere record.
    var sha256: String?
    /// Path as it was registered; empty where the store alone has the bytes.
    var registeredPath: String
}

/// The SQL of artifacts.
enum ArtifactStore {
    private static let selection: SQLQuery = """
        SELECT a.id, a.name, a.artifact_type, a.file_path, a.size_bytes, a.checksum, a.checksum_type, a.sha256, a.platform, a.python_version,
            a.metadata, a.version_id, a.model_id, v.version, m.name, a.uploaded_by, a.created_at,
            (SELECT max(p.path) FROM blob_places p WHERE p.sha256 = a.sha256 AND p.kind = 'store'),
            (SELECT max(p.verified_at) FROM blob_places p WHERE p.sha256 = a.sha256 AND p.problem IS NULL),
            (SELECT max(p.problem) FROM blob_places p WHERE p.sha256 = a.sha256)
        FROM artifacts a LEFT JOIN versions v ON v.id = a.version_id LEFT JOIN models m ON m.id = a.model_id
        """

    private static func record(_ row: SQLRow) throws -> ArtifactRecord {
        var column = row.cursor()
        let (id, name, type) = (try column.next(String.self), try column.next(String.self), try column.next(String.self))
        let (path, size): (String, Int64) = (try column.next(), try column.next())
        let (checksum, checksumType, sha256): (String, String, String?) = (try column.next(), try column.next(), try column.next())
        let (platform, python): (String?, String?) = (try column.next(), try column.next())
        let metadata = try column.next(JSONColumn.self).members
        let (versionID, modelID, version, model): (String?, String?, String?, String?) = (
            try column.next(), try column.next(), try column.next(), try column.next()
        )
        let (uploadedBy, createdAt): (String?, Timestamp) = (try column.next(), try column.next())
        let (storePath, verifiedAt, problem): (String?, Timestamp?, String?) = (try column.next(), try column.next(), try column.next())
        return ArtifactRecord(
            artifact: Artifact(
                id: id, name: name, artifactType: type, filePath: path.isEmpty ? storePath ?? "" : path, sizeBytes: size,
                checksum: checksum,
                checksumType: checksumType, platform: platform, pythonVersion: python, metadata: metadata, versionID: versionID,
                modelID: modelID, version: version, modelName: model, stored: verifiedAt != nil, problem: verifiedAt == nil ? problem : nil,
                verifiedAt: verifiedAt, createdAt: createdAt, uploadedBy: uploadedBy),
            sha256: sha256, registeredPath: path)
    }

    static func insert(_ record: ArtifactRecord, in connection: any SQLConnection) throws {
        let artifact = record.artifact
        try connection.execute(
            """
            INSERT INTO artifacts (id, name, artifact_type, file_path, size_bytes, checksum, checksum_type, sha256, platform, python_version,
                metadata, version_id, model_id, uploaded_by, created_at)
            VALUES (\(artifact.id), \(artifact.name), \(artifact.artifactType), \(record.registeredPath), \(artifact.sizeBytes),
                \(artifact.checksum), \(artifact.checksumType), \(record.sha256), \(artifact.platform), \(artifact.pythonVersion),
                \(JSONColumn(artifact.metadata)), \(artifact.versionID), \(artifact.modelID), \(artifact.uploadedBy), \(artifact.createdAt))
            """)
    }

    static func find(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> ArtifactRecord? {
        guard Identifier.isUUID(id) else { return nil }
        let inside = scope.models("m.name", in: connection.dialect).map { " AND \($0)" as SQLQuery } ?? ""
        return try connection.fetchFirst(
            "\(selection) WHERE a.id = \(id.lowercased()) AND a.deleted_at IS NULL\(inside)", record)
    }

    /// 404 where there is none inside the scope.
    static func get(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> ArtifactRecord {
        guard let record = try find(id, for: scope, in: connection) else { throw CatapultError.notFound(.artifact, id) }
        return record
    }

    /// The artifact that has a name already in its version, else its model, else among the others.
    static func named(_ name: String, versionID: String?, modelID: String?, in connection: any SQLConnection) throws -> String? {
        let owner: SQLQuery =
            if let versionID {
                "version_id = \(versionID)"
            } else if let modelID {
                "version_id IS NULL AND model_id = \(modelID)"
            } else {
                "version_id IS NULL AND model_id IS NULL"
            }
        return try connection.fetchString("SELECT id FROM artifacts WHERE \(owner) AND name = \(name) AND deleted_at IS NULL")
    }

    static func list(_ call: ListArtifacts, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Artifact> {
        let window = try PageWindow(call)
        var conditions: [SQLQuery] = ["a.deleted_at IS NULL"]
        if let reference = call.releaseID ?? call.versionID {
            conditions.append("a.version_id = \(try VersionStore.filter(reference, for: scope, in: connection))")
        }
        if let reference = call.modelID {
            conditions.append("a.model_id = \(try ModelStore.filter(reference, for: scope, in: connection))")
        }
        if let type = call.artifactType { conditions.append("a.artifact_type = \(type)") }
        if let platform = call.platform { conditions.append("a.platform = \(platform)") }
        if let search = call.search, !search.isEmpty { conditions.append(connection.dialect.contains("a.name", search)) }
        if let inside = scope.models("m.name", in: connection.dialect) { conditions.append(inside) }
        let source: SQLQuery = "artifacts a LEFT JOIN models m ON m.id = a.model_id"
        let total = try RowTotal.counting("SELECT 1 FROM \(source) WHERE \(conditions.joined(separator: " AND "))", in: connection)
        let query = window.query(selection, from: source, order: .newestFirst("a.created_at", id: "a.id"), where: conditions)
        return try window.page(connection.fetchAll(query) { try record($0).artifact }, total: total) { .age($0.createdAt, id: $0.id) }
    }

    static func update(_ id: String, metadata: [String: JSONValue], path: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE artifacts SET metadata = \(JSONColumn(metadata)), file_path = \(path) WHERE id = \(id)")
    }

    /// Notes that a record's bytes were seen.
    static func setDigest(_ sha256: String, of id: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE artifacts SET sha256 = \(sha256) WHERE id = \(id)")
    }

    /// Hides an artifact; collecting garbage removes the row after the retention time.
    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE artifacts SET deleted_at = \(Timestamp.now) WHERE id = \(id)")
    }

    /// Hides the artifacts of what is being deleted.
    static func delete(ofVersion id: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE artifacts SET deleted_at = \(Timestamp.now) WHERE version_id = \(id) AND deleted_at IS NULL")
    }

    /// Hides the artifacts of a model that is being deleted, with those of its versions.
    static func delete(ofModel id: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE artifacts SET deleted_at = \(Timestamp.now) WHERE model_id = \(id) AND deleted_at IS NULL")
    }
}
