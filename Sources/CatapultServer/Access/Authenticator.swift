import CatapultAPI
import HTTPTypes
import NIOConcurrencyHelpers
import SQLDatabase

/// Decides whose key a request shows. Known keys are kept in memory, so that a request costs one hash; revoking forgets them at once.
final class Authenticator: Sendable {
    private struct State {
        var records: [String: KeyRecord] = [:]
        /// Counts revocations: a row that was read before one must not be remembered after it.
        var generation = 0
        var lastUsed: [String: Timestamp] = [:]
    }

    private let database: Database
    private let state = NIOLockedValueBox(State())

    init(database: Database) { self.database = database }

    /// The caller of a request, or a 401 that does not tell a wrong key from a revoked or expired one.
    func caller(of headers: HTTPFields) async throws -> Caller {
        guard let text = Self.key(in: headers) else { throw CatapultError.unauthenticated("Missing API key") }
        let invalid = CatapultError.unauthenticated("Invalid API key")
        guard let secret = KeySecret(parsing: text), let record = try await record(prefix: secret.prefix) else { throw invalid }
        guard KeySecret.constantTimeEquals(secret.hash(salt: record.salt), record.hash) else { throw invalid }
        let now = Timestamp.now
        if let expiry = record.key.expiresAt, expiry <= now { throw invalid }
        state.withLockedValue { $0.lastUsed[record.key.id] = now }
        return Caller(keyID: record.key.id, name: record.key.name, role: record.key.role, scope: record.key.scope)
    }

    private static func key(in headers: HTTPFields) -> String? {
        if let key = headers[.apiKey] { return key }
        guard let authorization = headers[.authorization] else { return nil }
        let scheme = "bearer "
        return authorization.lowercased().hasPrefix(scheme) ? String(authorization.dropFirst(scheme.count)) : nil
    }

    private func record(prefix: String) async throws -> KeyRecord? {
        let (known, generation) = state.withLockedValue { ($0.records[prefix], $0.generation) }
        if let known { return known }
        guard let record = try await database.read({ try KeyStore.find(prefix: prefix, in: $0) }) else { return nil }
        state.withLockedValue { if $0.generation == generation { $0.records[prefix] = record } }
        return record
    }

    /// Forgets a key. To be called after its row is gone and before that is acknowledged.
    func forget(prefix: String) {
        state.withLockedValue {
            $0.records[prefix] = nil
            $0.generation += 1
        }
    }

    /// Writes when keys were last used; called once a minute, so that using a key does not cost a write.
    func saveUse() async throws {
        let used = state.withLockedValue { state in
            defer { state.lastUsed = [:] }
            return state.lastUsed
        }
        guard !used.isEmpty else { return }
        try await database.write { connection in
            for (id, moment) in used { try KeyStore.touch(id: id, at: moment, in: connection) }
        }
    }
}
