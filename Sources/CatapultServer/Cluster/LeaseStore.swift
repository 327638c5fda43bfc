import SQLDatabase

/// The SQL of leases and of the servers that share a database.
enum LeaseStore {
    /// Asks for a lease: it is granted where nobody holds it, or its time is over, or the owner holds it already. Times are those of the database.
    static func acquire(_ name: String, owner: String, lease: Duration, in connection: any SQLConnection) throws -> Leadership.Answer {
        let now = connection.dialect.currentMicroseconds
        let microseconds = lease.microseconds
        try connection.execute(
            """
            INSERT INTO leases (name, owner, term, expires_at) VALUES (\(name), \(owner), 1, \(now) + \(microseconds))
            ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,
                term = CASE WHEN leases.owner = excluded.owner THEN leases.term ELSE leases.term + 1 END
            WHERE leases.owner = excluded.owner OR leases.expires_at < \(now)
            """)
        let held = try connection.fetchFirst("SELECT owner, term FROM leases WHERE name = \(name)") {
            (try $0.get(0) as String, try $0.get(1) as Int64)
        }
        guard let (holder, term) = held, holder == owner else { return .refused }
        return .held(term: term)
    }

    /// Whether a lease is still held under a term: what its holder writes must be refused when another has taken over meanwhile.
    static func isHeld(_ name: String, owner: String, term: Int64, in connection: any SQLConnection) throws -> Bool {
        try connection.exists("SELECT 1 FROM leases WHERE name = \(name) AND owner = \(owner) AND term = \(term)")
    }

    /// Gives a lease back before its time.
    static func release(_ name: String, owner: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE leases SET expires_at = 0 WHERE name = \(name) AND owner = \(owner)")
    }

    // MARK: Servers

    /// Says that a server is there, and forgets those that have been silent for long.
    static func announce(_ server: ServerIdentity, for time: Duration, in connection: any SQLConnection) throws {
        let now = connection.dialect.currentMicroseconds
        try connection.execute("DELETE FROM servers WHERE expires_at < \(now)")
        try connection.execute(
            """
            INSERT INTO servers (id, url, software_version, started_at, expires_at)
            VALUES (\(server.id), \(server.url), \(server.version), \(server.startedAt), \(now) + \(time.microseconds))
            ON CONFLICT (id) DO UPDATE SET url = excluded.url, expires_at = excluded.expires_at
            """)
    }

    /// Takes a server that stops off the list.
    static func retire(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM servers WHERE id = \(id)")
    }

    /// The URL of the server that holds a lease, where it is known.
    static func url(ofHolder name: String, in connection: any SQLConnection) throws -> String? {
        try connection.fetchString("SELECT s.url FROM leases l JOIN servers s ON s.id = l.owner WHERE l.name = \(name)")
    }

    // MARK: Settings

    /// The value of a setting that all servers share; `value` becomes it where there is none yet.
    static func setting(_ name: String, orElse value: String, in connection: any SQLConnection) throws -> String {
        try connection.execute("INSERT INTO settings (name, value) VALUES (\(name), \(value)) ON CONFLICT (name) DO NOTHING")
        return try connection.fetchString("SELECT value FROM settings WHERE name = \(name)") ?? value
    }
}

extension SQLDialect {
    /// The database's own clock, in microseconds since the Unix epoch. Servers' clocks may differ; the database has one.
    var currentMicroseconds: SQLQuery {
        switch self {
        case .sqlite: "CAST((julianday('now') - 2440587.5) * 86400000000 AS BIGINT)"
        case .postgresql: "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
        }
    }
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
