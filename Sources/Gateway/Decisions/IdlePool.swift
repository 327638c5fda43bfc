import NIOCore

/// The unused connections to one upstream on one event loop: last in, first out, so that the rest grows old and is closed.
struct IdlePool<Connection: AnyObject> {
    private var entries: [(connection: Connection, expiry: NIODeadline)] = []
    private let limit: Int
    var idleTimeout: TimeAmount

    init(limit: Int, idleTimeout: TimeAmount) {
        self.limit = limit
        self.idleTimeout = idleTimeout
    }

    var count: Int { entries.count }

    /// When the next connection is due to be closed; that need not be the oldest, since terms differ.
    var nextExpiry: NIODeadline? { entries.lazy.map(\.expiry).min() }

    /// Keeps a connection on the terms of its peer; false where these forbid it or there is no room, and the caller closes it.
    mutating func park(_ connection: Connection, terms: ReuseTerms = .init(), now: NIODeadline) -> Bool {
        guard entries.count < limit, let idleTime = terms.idleTime(limit: idleTimeout) else { return false }
        entries.append((connection, now + idleTime))
        return true
    }

    /// The connection that was used last. One that is past its time is not given out: the upstream may be closing it at this moment.
    mutating func take(now: NIODeadline) -> Connection? {
        guard let index = entries.lastIndex(where: { now < $0.expiry }) else { return nil }
        return entries.remove(at: index).connection
    }

    /// Removes and returns what is past its time.
    mutating func expire(now: NIODeadline) -> [Connection] {
        let due = entries.filter { $0.expiry <= now }.map(\.connection)
        entries.removeAll { $0.expiry <= now }
        return due
    }

    /// Forgets a connection that closed by itself.
    mutating func remove(_ connection: Connection) {
        entries.removeAll { $0.connection === connection }
    }

    /// Removes and returns all.
    mutating func removeAll() -> [Connection] {
        defer { entries = [] }
        return entries.map(\.connection)
    }
}
