import CatapultAPI
import NIOConcurrencyHelpers
import SQLDatabase

/// Decides whose key a request shows. Known keys are kept in memory, so that a request costs one hash; revoking forgets them at once.
///
/// On another server on the same database a key that was revoked, disabled or rotated is forgotten when the database tells of it, some
/// milliseconds after that was acknowledged; and after ``maximumAge`` in any case, should that message be lost.
final class Authenticator: Sendable {
    /// The channel on which the database tells that a key has changed.
    static let changes = "catapult_keys"
    /// How long a key may be kept in memory where another server could change it.
    static let maximumAge = Duration.seconds(5)

    private struct State {
        var records: [String: (record: KeyRecord, readAt: ContinuousClock.Instant)] = [:]
        /// Prefixes of keys that were let in since the server started: their failures count apart from those of guessed prefixes.
        var admitted: Set<String> = []
        /// Counts revocations: a row that was read before one must not be remembered after it.
        var generation = 0
        var lastUsed: [String: Timestamp] = [:]
    }

    /// Wrong keys of an address that are heard before it has to wait: enough for a script with an old key, too few to guess.
    static let standardFailureLimit = RateLimit(requestsPerSecond: 0.5, burst: 30)

    private let database: Database
    private let failures = RateLimiter()
    private let failureLimit: RateLimit
    private let maximumAge: Duration
    private let state = NIOLockedValueBox(State())

    init(database: Database, failureLimit: RateLimit = standardFailureLimit, maximumAge: Duration = Authenticator.maximumAge) {
        self.database = database
        self.maximumAge = maximumAge
        self.failureLimit = failureLimit
    }

    /// The caller with a key, or a 401 that does not tell a wrong key from a revoked or expired one.
    ///
    /// - Throws: 429 where an address has shown too many wrong keys. It is told so also for a right one, since an attempt that may succeed
    ///   is what a guesser must not have; but a key that is in use elsewhere at the same address is not kept out by another one's failures.
    func caller(of text: String, address: String?) async throws -> Caller {
        guard let secret = KeySecret(parsing: text) else { throw refuse(at: address ?? "") }
        let isKnown = state.withLockedValue { $0.admitted.contains(secret.prefix) }
        let attempts = isKnown ? "\(address ?? "") \(secret.prefix)" : address ?? ""
        let standing = failures.look(attempts, failureLimit)
        guard standing.isAllowed else { throw Self.tooManyFailures(standing) }
        let now = Timestamp.now
        guard let record = try await record(prefix: secret.prefix), record.accepts(secret, at: now) else { throw refuse(at: attempts) }
        state.withLockedValue { state in
            state.lastUsed[record.key.id] = now
            if !isKnown { state.admitted.insert(secret.prefix) }
        }
        return Caller(
            keyID: record.key.id, name: record.key.name, role: record.key.role, scope: record.key.scope, rateLimit: record.key.rateLimit)
    }

    private func refuse(at attempts: String) -> CatapultError {
        let decision = failures.take(attempts, failureLimit)
        return decision.isAllowed ? .unauthenticated("Invalid API key") : Self.tooManyFailures(decision)
    }

    private static func tooManyFailures(_ decision: TokenBucket.Decision) -> CatapultError {
        .tooManyRequests("Too many wrong keys from this address.", retryAfter: max(1, decision.retryAfter))
    }

    private func record(prefix: String) async throws -> KeyRecord? {
        let (known, generation) = state.withLockedValue { ($0.records[prefix], $0.generation) }
        let now = ContinuousClock.now
        if let known, database.dialect == .sqlite || now - known.readAt < maximumAge { return known.record }
        guard let record = try await database.read({ try KeyStore.find(prefix: prefix, in: $0) }) else { return nil }
        state.withLockedValue { if $0.generation == generation { $0.records[prefix] = (record, now) } }
        return record
    }

    /// Forgets a key. To be called after its row is gone and before that is acknowledged.
    func forget(prefix: String) {
        state.withLockedValue {
            $0.records[prefix] = nil
            $0.generation += 1
        }
    }

    /// Forgets all keys, whenever one has changed on any server, until the task is cancelled.
    func followChanges() async {
        for await _ in database.notifications(Self.changes) {
            state.withLockedValue {
                $0.records = [:]
                $0.generation += 1
            }
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
