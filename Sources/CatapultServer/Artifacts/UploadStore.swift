import CatapultAPI
import SQLDatabase

/// An upload's row: what a client sees of it, and what its file becomes.
struct UploadRecord: Sendable {
    var upload: Upload
    var artifactType: String?
    var platform: String?
    var pythonVersion: String?
    var metadata: [String: JSONValue]
}

/// The SQL of uploads.
enum UploadStore {
    private static let selection: SQLQuery = """
        SELECT u.id, u.state, u.size_bytes, u.sha256, u.received, u.version_id, u.path, u.model_id, u.name, u.artifact_type, u.platform,
            u.python_version, u.metadata, u.artifact_id, u.message, u.created_by, u.created_at, u.updated_at, u.expires_at
        FROM uploads u LEFT JOIN models m ON m.id = u.model_id
        """

    private static func record(_ row: SQLRow) throws -> UploadRecord {
        var column = row.cursor()
        let (id, state): (String, UploadState) = (try column.next(), try column.next())
        let (size, sha256, offset): (Int64, String, Int64) = (try column.next(), try column.next(), try column.next())
        let (version, path, model, name): (String?, String?, String?, String?) = (
            try column.next(), try column.next(), try column.next(), try column.next()
        )
        let (type, platform, python): (String?, String?, String?) = (try column.next(), try column.next(), try column.next())
        let metadata = try column.next(JSONColumn.self).members
        return UploadRecord(
            upload: Upload(
                id: id, state: state, sizeBytes: size, sha256: sha256, offset: offset, versionID: version, path: path, modelID: model,
                name: name, artifactID: try column.next(), message: try column.next(), createdBy: try column.next(),
                createdAt: try column.next(), updatedAt: try column.next(), expiresAt: try column.next()),
            artifactType: type, platform: platform, pythonVersion: python, metadata: metadata)
    }

    static func insert(_ record: UploadRecord, in connection: any SQLConnection) throws {
        let upload = record.upload
        try connection.execute(
            """
            INSERT INTO uploads (id, state, size_bytes, sha256, received, version_id, path, model_id, name, artifact_type, platform,
                python_version, metadata, artifact_id, message, created_by, created_at, updated_at, expires_at)
            VALUES (\(upload.id), \(upload.state), \(upload.sizeBytes), \(upload.sha256), \(upload.offset), \(upload.versionID),
                \(upload.path), \(upload.modelID), \(upload.name), \(record.artifactType), \(record.platform), \(record.pythonVersion),
                \(JSONColumn(record.metadata)), \(upload.artifactID), \(upload.message), \(upload.createdBy), \(upload.createdAt),
                \(upload.updatedAt), \(upload.expiresAt))
            """)
    }

    /// 404 where there is none inside the scope.
    static func get(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> UploadRecord {
        let inside = scope.models("m.name", in: connection.dialect).map { " AND \($0)" as SQLQuery } ?? ""
        guard Identifier.isUUID(id),
            let record = try connection.fetchFirst("\(selection) WHERE u.id = \(id.lowercased())\(inside)", record)
        else { throw CatapultError.notFound(.upload, id) }
        return record
    }

    static func list(_ call: ListUploads, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Upload> {
        let window = try PageWindow(call)
        var conditions: [SQLQuery] = ["TRUE"]
        if let state = call.state { conditions.append("u.state = \(state)") }
        if let reference = call.versionID {
            conditions.append("u.version_id = \(try VersionStore.resolve(reference, for: scope, in: connection).id)")
        }
        if let inside = scope.models("m.name", in: connection.dialect) { conditions.append(inside) }
        let source: SQLQuery = "uploads u LEFT JOIN models m ON m.id = u.model_id"
        let total = try RowTotal.counting("SELECT 1 FROM \(source) WHERE \(conditions.joined(separator: " AND "))", in: connection)
        let query = window.query(selection, from: source, order: .newestFirst("u.created_at", id: "u.id"), where: conditions)
        return try window.page(connection.fetchAll(query) { try record($0).upload }, total: total) { .age($0.createdAt, id: $0.id) }
    }

    /// Bytes that open uploads have not sent yet.
    static func outstanding(in connection: any SQLConnection) throws -> Int64 {
        try connection.fetchInt(
            "SELECT CAST(coalesce(sum(size_bytes - received), 0) AS BIGINT) FROM uploads WHERE state = 'open' AND expires_at > \(Timestamp.now)"
        ) ?? 0
    }

    /// Makes `writer` the only one that may change an upload; false where another one still is.
    static func lock(_ id: String, for writer: String, _ lease: Duration, in connection: any SQLConnection) throws -> Bool {
        let now = Timestamp.now
        return try connection.execute(
            """
            UPDATE uploads SET writer = \(writer), writer_expires_at = \(now + lease)
            WHERE id = \(id) AND (writer IS NULL OR writer_expires_at < \(now))
            """) > 0
    }

    /// Notes how much is safely stored, and prolongs the lock; false where it was lost.
    static func advance(
        _ id: String, to offset: Int64, by writer: String, at now: Timestamp, _ lease: Duration, lifetime: Duration,
        in connection: any SQLConnection
    ) throws -> Bool {
        try connection.execute(
            """
            UPDATE uploads SET received = \(offset), updated_at = \(now), expires_at = \(now + lifetime), writer_expires_at = \(now + lease)
            WHERE id = \(id) AND writer = \(writer)
            """) > 0
    }

    static func unlock(_ id: String, from writer: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE uploads SET writer = NULL, writer_expires_at = NULL WHERE id = \(id) AND writer = \(writer)")
    }

    /// Begins an upload anew whose bytes were wrong.
    static func reset(_ id: String, message: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE uploads SET received = 0, message = \(message), updated_at = \(Timestamp.now) WHERE id = \(id)")
    }

    static func complete(_ id: String, artifactID: String?, message: String, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE uploads SET state = 'complete', received = size_bytes, artifact_id = \(artifactID), message = \(message),
                updated_at = \(Timestamp.now) WHERE id = \(id)
            """)
    }

    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM uploads WHERE id = \(id)")
    }

    /// Uploads whose time is over and that nobody writes to, oldest first.
    static func expired(limit: Int, in connection: any SQLConnection) throws -> [Upload] {
        let now = Timestamp.now
        return try connection.fetchAll(
            """
            \(selection) WHERE u.expires_at < \(now) AND (u.writer IS NULL OR u.writer_expires_at < \(now)) ORDER BY u.expires_at LIMIT \(limit)
            """, record
        ).map(\.upload)
    }

    static func exists(_ id: String, in connection: any SQLConnection) throws -> Bool {
        try connection.exists("SELECT 1 FROM uploads WHERE id = \(id)")
    }
}
