import CatapultAPI
import SQLDatabase

/// The rules of keys.
struct KeyService: Sendable {
    /// Names that audit rows have for who is no key.
    private static let reservedNames: Set<String> = [Caller.anonymousName, AuditLog.system]

    let database: Database
    let authenticator: Authenticator

    func create(_ call: CreateAPIKey, _ context: CallContext) async throws -> NewAPIKey {
        try Self.checkExpiry(call.expiresAt)
        if Self.reservedNames.contains(call.name) {
            throw CatapultError.invalid(field: "name", "the name \(call.name) is reserved: the audit log uses it for who has no key")
        }
        let secret = KeySecret.random()
        var record = Self.record(
            name: call.name, role: call.role ?? .viewer, scope: call.scope ?? .everything, secret: secret, expiresAt: call.expiresAt)
        record.key.description = call.description
        record.key.owner = call.owner
        record.key.rateLimit = call.rateLimit
        let made = record
        try await database.write { connection in
            if try KeyStore.find(idOrName: call.name, in: connection) != nil { throw CatapultError.alreadyExists(.apiKey, call.name) }
            try KeyStore.insert(made, in: connection)
            try AuditLog.record(
                context, id: made.key.id,
                details: [
                    "created_key_name": .string(call.name), "role": .string(made.key.role.rawValue),
                    "models": Self.patterns(made.key.scope.models), "environments": Self.patterns(made.key.scope.environments),
                ],
                in: connection)
        }
        return NewAPIKey(made.key, key: secret.text)
    }

    func list(_ call: ListAPIKeys) async throws -> [APIKey] {
        let paging = Paging(limit: call.limit, offset: call.offset, skip: call.skip, fallback: 100)
        return try await database.read { try KeyStore.list(paging, in: $0).map(\.key) }
    }

    func get(_ call: GetAPIKey) async throws -> APIKey {
        try await database.read { try KeyStore.resolve(call.keyID, in: $0).key }
    }

    func update(_ call: UpdateAPIKey, _ context: CallContext) async throws -> APIKey {
        try Self.checkExpiry(call.expiresAt)
        let record = try await database.write { connection in
            var record = try KeyStore.resolve(call.keyID, in: connection)
            if call.isActive == false, record.key.id == context.caller?.id {
                throw CatapultError.invalid(
                    field: "is_active", "self_disable: a key cannot disable itself", hint: "Use another admin key to disable this one.")
            }
            record.key.description = call.description ?? record.key.description
            record.key.owner = call.owner ?? record.key.owner
            record.key.rateLimit = call.rateLimit ?? record.key.rateLimit
            record.key.expiresAt = call.expiresAt ?? record.key.expiresAt
            if let isActive = call.isActive { record.key.disabledAt = isActive ? nil : record.key.disabledAt ?? .now }
            try KeyStore.update(record, in: connection)
            var details: [String: JSONValue] = ["name": .string(record.key.name)]
            if let isActive = call.isActive { details["is_active"] = .bool(isActive) }
            try AuditLog.record(context, id: record.key.id, details: details, in: connection)
            return try KeyStore.resolve(record.key.id, in: connection)
        }
        authenticator.forget(prefix: record.prefix)
        return record.key
    }

    /// Gives a key a new secret behind the same prefix, so that logs and lists still name it alike.
    func rotate(_ call: RotateAPIKey, _ context: CallContext) async throws -> NewAPIKey {
        let (record, secret) = try await database.write { connection in
            var record = try KeyStore.resolve(call.keyID, in: connection)
            let secret = KeySecret.random(prefix: record.prefix)
            let now = Timestamp.now
            let overlap = Duration.seconds(call.overlapSeconds ?? 0)
            record.previous =
                overlap > .zero ? KeyRecord.Previous(salt: record.salt, hash: record.hash, validUntil: now + overlap) : nil
            record.salt = KeySecret.makeSalt()
            record.hash = secret.hash(salt: record.salt)
            record.key.rotatedAt = now
            try KeyStore.update(record, in: connection)
            try AuditLog.record(
                context, id: record.key.id,
                details: ["name": .string(record.key.name), "overlap_seconds": .int(Int64(call.overlapSeconds ?? 0))], in: connection)
            return (try KeyStore.resolve(record.key.id, in: connection), secret)
        }
        authenticator.forget(prefix: record.prefix)
        return NewAPIKey(record.key, key: secret.text)
    }

    func delete(_ call: DeleteAPIKey, _ context: CallContext) async throws -> Deletion {
        let record = try await database.write { connection in
            let record = try KeyStore.resolve(call.keyID, in: connection)
            if record.key.id == context.caller?.id {
                throw CatapultError.invalid(
                    field: "key_id", "self_delete: a key cannot revoke itself", hint: "Use another admin key to revoke this one.")
            }
            try KeyStore.delete(id: record.key.id, in: connection)
            try AuditLog.record(context, id: record.key.id, details: ["deleted_key_name": .string(record.key.name)], in: connection)
            return record
        }
        authenticator.forget(prefix: record.prefix)
        return Deletion(deletedID: record.key.id)
    }

    private static func checkExpiry(_ expiry: Timestamp?) throws(CatapultError) {
        guard let expiry, expiry <= .now else { return }
        throw .invalid(field: "expires_at", "expires_at must lie in the future, but is \(expiry)")
    }

    private static func patterns(_ patterns: [String]?) -> JSONValue { patterns.map { .array($0.map(JSONValue.string)) } ?? .null }

    static func record(name: String, role: Role, scope: KeyScope, secret: KeySecret, expiresAt: Timestamp?) -> KeyRecord {
        let salt = KeySecret.makeSalt()
        let key = APIKey(id: Identifier.make(), name: name, role: role, scope: scope, createdAt: .now, expiresAt: expiresAt)
        return KeyRecord(key: key, prefix: secret.prefix, salt: salt, hash: secret.hash(salt: salt))
    }
}
