import CatapultAPI
import SQLDatabase

/// A row of `api_keys`.
struct KeyRecord: Sendable {
    /// The secret before the last rotation, while it still works.
    struct Previous: Sendable {
        var salt: String
        var hash: String
        var validUntil: Timestamp
    }

    var key: APIKey
    var prefix: String
    var salt: String
    var hash: String
    var previous: Previous?

    /// Whether a secret opens this key now.
    func accepts(_ secret: KeySecret, at now: Timestamp) -> Bool {
        guard key.disabledAt == nil, key.expiresAt.map({ $0 > now }) ?? true else { return false }
        if KeySecret.constantTimeEquals(secret.hash(salt: salt), hash) { return true }
        guard let previous, previous.validUntil > now else { return false }
        return KeySecret.constantTimeEquals(secret.hash(salt: previous.salt), previous.hash)
    }
}

/// The SQL of keys.
enum KeyStore {
    private static let columns: SQLQuery = """
        id, name, role, scope_environments, scope_models, description, owner, requests_per_second, burst, disabled_at, created_at,
        last_used_at, expires_at, rotated_at, prefix, salt, hash, previous_salt, previous_hash, previous_valid_until
        """

    private static func record(_ row: SQLRow) throws -> KeyRecord {
        var column = row.cursor()
        var key = APIKey(id: try column.next(), name: try column.next(), role: try column.next(), createdAt: .now)
        key.scope = KeyScope(environments: try column.next(JSONColumn?.self)?.texts, models: try column.next(JSONColumn?.self)?.texts)
        key.description = try column.next()
        key.owner = try column.next()
        let rate: Double? = try column.next()
        let burst: Int? = try column.next()
        key.rateLimit = rate.map { RateLimit(requestsPerSecond: $0, burst: burst) }
        key.disabledAt = try column.next()
        key.createdAt = try column.next()
        key.lastUsedAt = try column.next()
        key.expiresAt = try column.next()
        key.rotatedAt = try column.next()
        key.isActive = key.disabledAt == nil && key.expiresAt.map { $0 > .now } ?? true
        var record = KeyRecord(key: key, prefix: try column.next(), salt: try column.next(), hash: try column.next())
        let (salt, hash): (String?, String?) = (try column.next(), try column.next())
        let validUntil: Timestamp? = try column.next()
        if let salt, let hash, let validUntil, validUntil > .now {
            record.previous = KeyRecord.Previous(salt: salt, hash: hash, validUntil: validUntil)
            record.key.previousValidUntil = validUntil
        }
        return record
    }

    static func find(prefix: String, in connection: any SQLConnection) throws -> KeyRecord? {
        try connection.fetchFirst("SELECT \(columns) FROM api_keys WHERE prefix = \(prefix)", record)
    }

    static func find(idOrName: String, in connection: any SQLConnection) throws -> KeyRecord? {
        try connection.fetchFirst("SELECT \(columns) FROM api_keys WHERE id = \(idOrName) OR name = \(idOrName)", record)
    }

    /// The key with an id or a name; 404 otherwise.
    static func resolve(_ idOrName: String, in connection: any SQLConnection) throws -> KeyRecord {
        guard let record = try find(idOrName: idOrName, in: connection) else { throw CatapultError.notFound(.apiKey, idOrName) }
        return record
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
            INSERT INTO api_keys (\(columns))
            VALUES (\(key.id), \(key.name), \(key.role), \(key.scope.environments.map { JSONColumn($0) }),
                \(key.scope.models.map { JSONColumn($0) }), \(key.description), \(key.owner), \(key.rateLimit?.requestsPerSecond),
                \(key.rateLimit?.burst), \(key.disabledAt), \(key.createdAt), \(key.lastUsedAt), \(key.expiresAt), \(key.rotatedAt),
                \(record.prefix), \(record.salt), \(record.hash), \(record.previous?.salt), \(record.previous?.hash),
                \(record.previous?.validUntil))
            """)
    }

    /// Writes down what of a key can change: neither its role nor its scope. Other servers hear of it.
    static func update(_ record: KeyRecord, in connection: any SQLConnection) throws {
        let key = record.key
        try connection.execute(
            """
            UPDATE api_keys SET description = \(key.description), owner = \(key.owner),
                requests_per_second = \(key.rateLimit?.requestsPerSecond), burst = \(key.rateLimit?.burst), disabled_at = \(key.disabledAt),
                expires_at = \(key.expiresAt), rotated_at = \(key.rotatedAt), salt = \(record.salt), hash = \(record.hash),
                previous_salt = \(record.previous?.salt), previous_hash = \(record.previous?.hash),
                previous_valid_until = \(record.previous?.validUntil)
            WHERE id = \(key.id)
            """)
        try connection.notify(Authenticator.changes, key.id)
    }

    static func delete(id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM api_keys WHERE id = \(id)")
        try connection.notify(Authenticator.changes, id)
    }

    static func touch(id: String, at moment: Timestamp, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE api_keys SET last_used_at = \(moment) WHERE id = \(id)")
    }
}
