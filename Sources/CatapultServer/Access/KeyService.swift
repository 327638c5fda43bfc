import CatapultAPI
import SQLDatabase

/// The rules of keys.
struct KeyService: Sendable {
    let database: Database
    let authenticator: Authenticator

    func create(_ call: CreateAPIKey, _ context: CallContext) async throws -> NewAPIKey {
        if let expiry = call.expiresAt, expiry <= .now {
            throw CatapultError.invalid(field: "expires_at", "expires_at must lie in the future, but is \(expiry)")
        }
        let secret = KeySecret.random()
        let record = Self.record(
            name: call.name, role: call.role ?? .viewer, scope: call.scope ?? .everything, secret: secret, expiresAt: call.expiresAt)
        try await database.write { connection in
            if try KeyStore.find(idOrName: call.name, in: connection) != nil { throw CatapultError.alreadyExists(.apiKey, call.name) }
            try KeyStore.insert(record, in: connection)
            try AuditLog.record(
                context, id: record.key.id, details: ["created_key_name": .string(call.name), "role": .string(record.key.role.rawValue)],
                in: connection)
        }
        return NewAPIKey(record.key, key: secret.text)
    }

    func list(_ call: ListAPIKeys) async throws -> [APIKey] {
        let paging = Paging(limit: call.limit, offset: call.offset, skip: call.skip, fallback: 100)
        return try await database.read { try KeyStore.list(paging, in: $0).map(\.key) }
    }

    func delete(_ call: DeleteAPIKey, _ context: CallContext) async throws -> Deletion {
        let record = try await database.write { connection in
            guard let record = try KeyStore.find(idOrName: call.keyID, in: connection) else {
                throw CatapultError.notFound(.apiKey, call.keyID)
            }
            if record.key.id == context.caller?.keyID {
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

    static func record(name: String, role: Role, scope: KeyScope, secret: KeySecret, expiresAt: Timestamp?) -> KeyRecord {
        let salt = KeySecret.makeSalt()
        let key = APIKey(
            id: Identifier.make(), name: name, role: role, scope: scope, isActive: true, createdAt: .now, lastUsedAt: nil,
            expiresAt: expiresAt)
        return KeyRecord(key: key, prefix: secret.prefix, salt: salt, hash: secret.hash(salt: salt))
    }
}
