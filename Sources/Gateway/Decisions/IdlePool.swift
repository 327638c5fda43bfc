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

    /// When the oldest connection is due to be closed.
    var nextExpiry: NIODeadline? { entries.first?.expiry }

    /// Keeps a connection; false where there is no room, and the caller closes it.
    mutating func park(_ connection: Connection, now: NIODeadline) -> Bool {
        guard entries.count < limit else { return false }
        entries.append((connection, now + idleTimeout))
        return true
    }

    /// The connection that was used last. One that is past its time is not given out: the upstream may be closing it at this moment.
    mutating func take(now: NIODeadline) -> Connection? {
        guard let last = entries.last, now < last.expiry else { return nil }
        entries.removeLast()
        return last.connection
    }

    /// Removes and returns what is past its time.
    mutating func expire(now: NIODeadline) -> [Connection] {
        let due = entries.prefix { $0.expiry <= now }.map(\.connection)
        entries.removeFirst(due.count)
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
