import CatapultAPI
import SQLDatabase

/// The SQL of aliases and their moves.
enum AliasStore {
    /// The id of the version that an alias of a model points at.
    static func target(of alias: String, modelID: String, in connection: any SQLConnection) throws -> String? {
        try connection.fetchString("SELECT version_id FROM version_aliases WHERE model_id = \(modelID) AND alias = \(alias)")
    }

    static func find(_ alias: String, modelID: String, in connection: any SQLConnection) throws -> VersionAlias? {
        try connection.fetchFirst("\(selection) WHERE a.model_id = \(modelID) AND a.alias = \(alias)", row)
    }

    static func list(modelID: String, in connection: any SQLConnection) throws -> [VersionAlias] {
        try connection.fetchAll("\(selection) WHERE a.model_id = \(modelID) ORDER BY a.alias", row)
    }

    private static let selection: SQLQuery = """
        SELECT a.alias, a.model_id, m.name, a.version_id, v.version, v.quantization, v.status, a.reason, a.moved_by, a.moved_at
        FROM version_aliases a JOIN versions v ON v.id = a.version_id JOIN models m ON m.id = a.model_id
        """

    private static func row(_ row: SQLRow) throws -> VersionAlias {
        var column = row.cursor()
        return VersionAlias(
            alias: try column.next(), modelID: try column.next(), modelName: try column.next(), versionID: try column.next(),
            version: try column.next(), quantization: try column.next(), status: try column.next(), isComputed: false,
            reason: try column.next(), movedBy: try column.next(), movedAt: try column.next())
    }

    /// Makes, moves or removes an alias, with its row in the history and the names in the rows of the versions.
    static func point(
        _ alias: String, modelID: String, from: Version?, to: Version?, reason: String?, by mover: String?, in connection: any SQLConnection
    ) throws {
        let now = Timestamp.now
        if let to {
            try connection.execute(
                """
                INSERT INTO version_aliases (model_id, alias, version_id, reason, moved_by, moved_at)
                VALUES (\(modelID), \(alias), \(to.id), \(reason), \(mover), \(now))
                ON CONFLICT (model_id, alias) DO UPDATE SET version_id = excluded.version_id, reason = excluded.reason,
                    moved_by = excluded.moved_by, moved_at = excluded.moved_at
                """)
            try VersionUse.aliased.note(of: to.id, by: alias, in: connection)
        } else {
            try connection.execute("DELETE FROM version_aliases WHERE model_id = \(modelID) AND alias = \(alias)")
        }
        try connection.execute(
            """
            INSERT INTO alias_moves (id, model_id, alias, from_version_id, from_version, to_version_id, to_version, reason, moved_by, moved_at)
            VALUES (\(Identifier.make(at: now)), \(modelID), \(alias), \(from?.id), \(from?.version), \(to?.id), \(to?.version), \(reason),
                \(mover), \(now))
            """)
        for version in [from, to] {
            if let version { try refreshNames(of: version.id, in: connection) }
        }
    }

    private static func refreshNames(of versionID: String, in connection: any SQLConnection) throws {
        let names = try connection.fetchColumn(
            "SELECT alias FROM version_aliases WHERE version_id = \(versionID) ORDER BY alias", as: String.self)
        try connection.execute("UPDATE versions SET alias_names = \(names.joined(separator: ",")) WHERE id = \(versionID)")
    }

    /// The version that an alias pointed at before the one that it points at now.
    static func previousTarget(of alias: String, modelID: String, before versionID: String, in connection: any SQLConnection) throws
        -> String?
    {
        try connection.fetchString(
            """
            SELECT from_version_id FROM alias_moves
            WHERE model_id = \(modelID) AND alias = \(alias) AND to_version_id = \(versionID) AND from_version_id IS NOT NULL
            ORDER BY moved_at DESC, id DESC LIMIT 1
            """)
    }

    static func history(_ call: ListAliasHistory, modelID: String, in connection: any SQLConnection) throws -> Page<AliasMove> {
        let window = try PageWindow(call)
        let conditions: [SQLQuery] = ["model_id = \(modelID)", "alias = \(call.alias)"]
        let total = try RowTotal.counting("SELECT 1 FROM alias_moves WHERE \(conditions.joined(separator: " AND "))", in: connection)
        let query = window.query(
            """
            SELECT id, alias, model_id, from_version_id, from_version, to_version_id, to_version, reason, moved_by, moved_at FROM alias_moves
            """, from: "alias_moves", order: .newestFirst("moved_at", id: "id"), where: conditions)
        let moves = try connection.fetchAll(query) { row in
            var column = row.cursor()
            return AliasMove(
                id: try column.next(), alias: try column.next(), modelID: try column.next(), fromVersionID: try column.next(),
                fromVersion: try column.next(), toVersionID: try column.next(), toVersion: try column.next(), reason: try column.next(),
                movedBy: try column.next(), movedAt: try column.next())
        }
        return window.page(moves, total: total) { .age($0.movedAt, id: $0.id) }
    }
}
