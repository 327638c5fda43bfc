import CatapultAPI
import SQLDatabase

/// The SQL of the sync.
enum SyncStore {
    /// What earlier syncs made, by path.
    static func synced(in connection: any SQLConnection) throws -> [String: SyncPlan.Known] {
        let rows = try connection.fetchAll(
            """
            SELECT s.path, s.model_id, m.name, m.source, s.fingerprint, s.missing_since FROM synced_folders s JOIN models m ON m.id = s.model_id
            """
        ) { row in
            var column = row.cursor()
            let path: String = try column.next()
            let known = SyncPlan.Known(
                modelID: try column.next(), modelName: try column.next(), source: try column.next(), fingerprint: try column.next(),
                isMissing: try column.next(Int64?.self) != nil)
            return (path, known)
        }
        return Dictionary(rows) { $1 }
    }

    /// How many models have a folder that was there when it was last looked at.
    static func countPresent(in connection: any SQLConnection) throws -> Int {
        Int(try connection.fetchInt("SELECT count(*) FROM synced_folders WHERE missing_since IS NULL") ?? 0)
    }

    /// Whether a sync made a model from a path.
    static func isKnown(_ path: String, in connection: any SQLConnection) throws -> Bool {
        try connection.fetchString("SELECT model_id FROM synced_folders WHERE path = \(path)") != nil
    }

    /// Folders beneath the models directory that belong to models which no sync made: their own and those of their versions, as they are
    /// written, by path.
    static func owned(beneath prefixes: [String], in connection: any SQLConnection) throws -> [String: String] {
        var owned: [String: String] = [:]
        for prefix in prefixes {
            let range: (SQLQuery) -> SQLQuery = { column in "\(column) >= \(prefix) AND \(column) < \(prefix + "\u{10FFFF}")" }
            let rows = try connection.fetchAll(
                """
                SELECT m.storage_path, m.name FROM models m
                WHERE \(range("m.storage_path")) AND NOT EXISTS (SELECT 1 FROM synced_folders s WHERE s.model_id = m.id)
                UNION ALL
                SELECT v.ceph_path, m.name FROM versions v JOIN models m ON m.id = v.model_id
                WHERE \(range("v.ceph_path")) AND NOT EXISTS (SELECT 1 FROM synced_folders s WHERE s.model_id = m.id)
                """
            ) { row in
                let path: String = try row.get(0)
                let name: String = try row.get(1)
                return (path, name)
            }
            owned.merge(rows) { first, _ in first }
        }
        return owned
    }

    static func record(
        path: String, modelID: String, version: String, fingerprint: String, in connection: any SQLConnection
    ) throws {
        let now = Timestamp.now
        try connection.execute(
            """
            INSERT INTO synced_folders (path, model_id, version, fingerprint, missing_since, synced_at)
            VALUES (\(path), \(modelID), \(version), \(fingerprint), NULL, \(now))
            ON CONFLICT (path) DO UPDATE SET model_id = excluded.model_id, version = excluded.version, fingerprint = excluded.fingerprint,
                missing_since = NULL, synced_at = excluded.synced_at
            """)
    }

    /// Marks a model whose folder is gone, or takes the mark away.
    static func setMissing(_ isMissing: Bool, path: String, in connection: any SQLConnection) throws {
        guard let id = try connection.fetchString("SELECT model_id FROM synced_folders WHERE path = \(path)") else { return }
        let since: Timestamp? = isMissing ? .now : nil
        try connection.execute("UPDATE synced_folders SET missing_since = \(since) WHERE path = \(path)")
        guard var model = try ModelStore.find(id, in: connection) else { return }
        model.source = isMissing ? .orphaned : .filesystem
        model.metadata["orphaned_since"] = since.map { .string($0.description) }
        model.updatedAt = .now
        try ModelStore.setSource(model.source, of: id, in: connection)
        try ModelStore.update(model, in: connection)
    }

    /// The sync that waits or runs.
    static func open(in connection: any SQLConnection) throws -> Operation? {
        guard
            let id = try connection.fetchString(
                "SELECT id FROM operations WHERE kind = \(OperationKind.sync) AND state IN ('pending', 'running') ORDER BY created_at LIMIT 1"
            )
        else { return nil }
        return try OperationStore.find(id, in: connection)
    }

    /// When a sync that changes things was last asked for.
    static func lastAsked(in connection: any SQLConnection) throws -> Timestamp? {
        try connection.fetchValue(
            """
            SELECT created_at FROM operations WHERE kind = \(OperationKind.sync) AND input NOT LIKE '%"dry_run":true%'
            ORDER BY created_at DESC LIMIT 1
            """, as: Timestamp.self)
    }
}
