import CatapultAPI
import SQLDatabase

/// A row of `api_keys`.
struct KeyRecord: Sendable {
    var key: APIKey
    var prefix: String
    var salt: String
    var hash: String
}

/// The SQL of keys.
enum KeyStore {
    private static let columns: SQLQuery =
        "id, name, role, scope_environments, scope_models, created_at, last_used_at, expires_at, prefix, salt, hash"

    private static func record(_ row: SQLRow) throws -> KeyRecord {
        var column = row.cursor()
        let id: String = try column.next()
        let name: String = try column.next()
        let role: Role = try column.next()
        let scope = KeyScope(
            environments: try column.next(JSONColumn?.self)?.texts, models: try column.next(JSONColumn?.self)?.texts)
        let createdAt: Timestamp = try column.next()
        let lastUsedAt: Timestamp? = try column.next()
        let expiresAt: Timestamp? = try column.next()
        let key = APIKey(
            id: id, name: name, role: role, scope: scope, isActive: expiresAt.map { $0 > .now } ?? true, createdAt: createdAt,
            lastUsedAt: lastUsedAt,
            expiresAt: expiresAt)
        return KeyRecord(key: key, prefix: try column.next(), salt: try column.next(), hash: try column.next())
    }

    static func find(prefix: String, in connection: any SQLConnection) throws -> KeyRecord? {
        try connection.fetchFirst("SELECT \(columns) FROM api_keys WHERE prefix = \(prefix)", record)
    }

    static func find(idOrName: String, in connection: any SQLConnection) throws -> KeyRecord? {
        try connection.fetchFirst("SELECT \(columns) FROM api_keys WHERE id = \(idOrName) OR name = \(idOrName)", record)
    }

    static func list(_ paging: Paging, in connection: any SQLConnection) throws -> [KeyRecord] {
        try connection.fetchAll(
            "SELECT \(columns) FROM api_keys ORDER BY created_at DESC, id DESC LIMIT \(paging.limit) OFFSET \(paging.offset)", record)
    }

    static func isEmpty(in connection: any SQLConnection) throws -> Bool {
        try !connection.exists("SELECT 1 FROM api_keys LIMIT 1")
    }

    static func insert(_ record: KeyRecord, in connection: any SQLConnection) throws {
        let key = record.key
        try connection.execute(
            """
            INSERT INTO api_keys (id, name, prefix, salt, hash, role, scope_environments, scope_models, created_at, last_used_at, expires_at)
            VALUES (\(key.id), \(key.name), \(record.prefix), \(record.salt), \(record.hash), \(key.role),
                \(key.scope.environments.map { JSONColumn($0) }), \(key.scope.models.map { JSONColumn($0) }), \(key.createdAt), \(key.lastUsedAt),
                \(key.expiresAt))
            """)
    }

    static func delete(id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM api_keys WHERE id = \(id)")
    }

    static func touch(id: String, at moment: Timestamp, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE api_keys SET last_used_at = \(moment) WHERE id = \(id)")
    }
}
