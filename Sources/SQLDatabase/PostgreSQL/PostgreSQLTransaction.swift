/// Runs queries in one transaction of a PostgreSQL session.
///
/// The transaction begins with its first statement, in the same round trip.
final class PostgreSQLTransaction: SQLConnection {
    enum Kind {
        /// One snapshot; nothing can be written.
        case read
        /// Behind the lock that puts the writes of all programs on this database in one order.
        case write
        /// The same, and waits for the lock as long as it takes.
        case patientWrite
    }

    /// Where the savepoint stands that lets a transaction outlive a statement that fails.
    private enum Savepoint {
        case none, set, failed
    }

    /// The key of the advisory lock: FNV-1a of "catapult.write". Such locks belong to one database of the server.
    static let lockKey: Int64 = -0x7170_28d3_1929_60dc

    private static let savepointName = "catapult_statement"
    private static let keepingPlans = "SET LOCAL plan_cache_mode = force_generic_plan"
    private static let savepointWords: Set<String> = ["SAVEPOINT", "RELEASE", "ROLLBACK"]

    let dialect = SQLDialect.postgresql
    /// Nil once the closure that the connection was lent to has returned.
    private var session: PostgreSQLSession?
    private let kind: Kind
    private let link: PostgreSQLLink
    private var hasBegun = false
    private var plansAreKept = false
    private var savepoint = Savepoint.none
    /// The failure after which nothing of the transaction can be saved.
    private var abortCause: (any Error)?

    private init(_ session: PostgreSQLSession, _ kind: Kind, _ link: PostgreSQLLink) {
        self.session = session
        self.kind = kind
        self.link = link
    }

    /// Lends a connection to `body` inside a transaction: committed when it returns, rolled back when it throws.
    static func run<T>(
        _ kind: Kind, _ session: PostgreSQLSession, _ link: PostgreSQLLink, _ body: (any SQLConnection) throws -> T
    ) throws -> T {
        let transaction = PostgreSQLTransaction(session, kind, link)
        defer { transaction.session = nil }
        do {
            let result = try body(transaction)
            try transaction.commit(session)
            return result
        } catch {
            if transaction.hasBegun { session.sendAhead("ROLLBACK") }
            throw error
        }
    }

    // MARK: - Queries

    @discardableResult
    func execute(_ query: SQLQuery) throws -> Int {
        try perform(query).changedRows
    }

    func fetchAll<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> [T] {
        let result = try perform(query)
        return try withExtendedLifetime(result) {
            try (0..<result.rowCount).map { try map(SQLRow(result: result, row: $0)) }
        }
    }

    func fetchFirst<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> T? {
        let result = try perform(query)
        guard result.rowCount > 0 else { return nil }
        return try withExtendedLifetime(result) { try map(SQLRow(result: result, row: 0)) }
    }

    func notify(_ channel: String, _ payload: String) throws {
        guard session != nil else { throw DatabaseError.closed }
        let notification = try PendingNotification(channel: channel, payload: payload)
        guard kind != .read else { throw DatabaseError.readOnly }
        _ = try perform("SELECT pg_notify(\(notification.channel), \(notification.payload))")
    }

    func keepPlans() throws {
        guard session != nil else { throw DatabaseError.closed }
        plansAreKept = true
        if hasBegun { _ = try perform(SQLQuery(raw: Self.keepingPlans)) }
    }

    func executeScript(_ sql: String) throws {
        guard session != nil else { throw DatabaseError.closed }
        guard !sql.utf8.contains(0) else { throw DatabaseError.syntax(sql: sql, message: "a NUL character") }
        for statement in SQLScanner(sql).statements {
            var query = SQLQuery(raw: statement)
            query.isCacheable = false
            _ = try perform(query)
        }
    }

    // MARK: - Statements

    private func perform(_ query: SQLQuery) throws -> PostgreSQLResult {
        guard let session else { throw DatabaseError.closed }
        if let abortCause { throw abortCause }
        // A write that has started is completed.
        if kind == .read { try Task.checkCancellation() }
        guard !query.fragments.contains(where: { $0.utf8.contains(0) }) else {
            throw DatabaseError.syntax(sql: query.sql, message: "a NUL character")
        }
        let commands = try session.commands(for: query)
        let isKept = session.keeps(commands)
        // What is kept was checked; only a write also needs to know whether a statement is about savepoints.
        let isSavepointControl = try isKept && kind == .read ? false : check(query)
        do {
            do {
                return try begin(commands, isSavepointControl, session)
            } catch let failure as PostgreSQLFailure where failure.sqlState == "0A000" && isKept {
                // The schema has changed since the statement was prepared.
                session.forget(commands)
                return try begin(try session.commands(for: query), isSavepointControl, session)
            }
        } catch let failure as PostgreSQLFailure {
            throw Self.thrown(failure)
        }
    }

    /// Sends a statement, connecting first where it is the transaction's first.
    private func begin(
        _ commands: [PostgreSQLSession.Command], _ isSavepointControl: Bool, _ session: PostgreSQLSession
    ) throws -> PostgreSQLResult {
        guard !hasBegun else { return try send(commands, isSavepointControl, session) }
        try link.connect(session)
        do {
            return try send(session.renewed(commands), isSavepointControl, session)
        } catch let failure as PostgreSQLFailure where failure.isLost {
            // Nothing was delivered and nothing can have been committed; as a rule the connection broke while it was idle.
            abortCause = nil
            try link.connect(session)
            return try send(session.renewed(commands), isSavepointControl, session)
        } catch let failure as PostgreSQLFailure where failure.sqlState == "0A000" && kind == .read {
            // Nothing was delivered: the whole transaction can begin anew.
            abortCause = nil
            hasBegun = false
            session.sendAhead("ROLLBACK")
            throw failure
        }
    }

    private func send(
        _ commands: [PostgreSQLSession.Command], _ isSavepointControl: Bool, _ session: PostgreSQLSession
    ) throws -> PostgreSQLResult {
        let opening = hasBegun ? [] : session.housekeeping() + self.opening + (plansAreKept ? [.text(Self.keepingPlans)] : [])
        let prefix = kind == .read ? [] : savepointCommands(isSavepointControl)
        let before = opening.count + prefix.count
        hasBegun = true
        do {
            let all = opening + prefix + commands
            guard let result = kind == .read ? try session.cancellable({ try session.run(all) }) : try session.run(all) else {
                throw DatabaseError.closed
            }
            savepoint = kind == .read || isSavepointControl ? .none : .set
            return result
        } catch let failure as PostgreSQLFailure {
            if failure.isLost {
                hasBegun = false
                abortCause = failure.error
            } else if kind == .read || isSavepointControl || failure.index < before {
                abortCause = Self.thrown(failure)
            } else {
                savepoint = .failed
            }
            throw failure
        }
    }

    private var opening: [PostgreSQLSession.Command] {
        switch kind {
        case .read: [.text("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")]
        // Each statement sees what was committed before it began, so all of them see what the lock's last holder wrote.
        case .write: [.text("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"), .text("SELECT pg_advisory_xact_lock(\(Self.lockKey))")]
        case .patientWrite:
            [
                .text("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"), .text("SET LOCAL lock_timeout = 0"),
                .text("SET LOCAL statement_timeout = 0"), .text("SELECT pg_advisory_xact_lock(\(Self.lockKey))"),
            ]
        }
    }

    /// What brings the savepoint to where the next statement needs it.
    private func savepointCommands(_ isSavepointControl: Bool) -> [PostgreSQLSession.Command] {
        let release = PostgreSQLSession.Command.text("RELEASE SAVEPOINT \(Self.savepointName)")
        let set = PostgreSQLSession.Command.text("SAVEPOINT \(Self.savepointName)")
        let undo = PostgreSQLSession.Command.text("ROLLBACK TO SAVEPOINT \(Self.savepointName)")
        // The program's own savepoints must not lie inside this one.
        return switch savepoint {
        case .none: isSavepointControl ? [] : [set]
        case .set: isSavepointControl ? [release] : [release, set]
        case .failed: isSavepointControl ? [undo, release] : [undo]
        }
    }

    private func commit(_ session: PostgreSQLSession) throws {
        if let abortCause { throw abortCause }
        guard hasBegun else { return }
        guard kind != .read else {
            hasBegun = false
            // Nobody needs to wait for the end of a transaction that only read.
            session.sendAhead("COMMIT")
            return
        }
        let undo = savepoint == .failed ? savepointCommands(false) : []
        hasBegun = false
        do {
            try session.run(undo + [.text("COMMIT")])
        } catch let failure as PostgreSQLFailure {
            guard failure.isLost else { throw Self.thrown(failure) }
            // The server ended an idle transaction before the commit came.
            if failure.sqlState == "25P03" { throw failure.error }
            throw DatabaseError.commitUnknown(message: Self.message(of: failure.error))
        }
    }

    private static func message(of error: DatabaseError) -> String {
        if case .connectionLost(let message) = error { message } else { "\(error)" }
    }

    /// The error that a closure sees.
    private static func thrown(_ failure: PostgreSQLFailure) -> any Error {
        failure.sqlState == "57014" && Task.isCancelled ? CancellationError() : failure.error
    }

    // MARK: - Checks

    /// Refuses what would end the transaction and placeholders written by hand; tells whether the statement is about savepoints.
    private func check(_ query: SQLQuery) throws -> Bool {
        let scan = SQLScanner(query.fragments.joined(separator: " "))
        guard !scan.hasPlaceholder else {
            throw DatabaseError.syntax(sql: query.sql, message: "a placeholder in the text: values are written as interpolations only")
        }
        let words = scan.firstWords
        let isControl =
            switch words.first {
            case "BEGIN", "START", "COMMIT", "END", "ABORT": true
            case "ROLLBACK": !words.contains("TO")
            case "PREPARE": words.dropFirst().first == "TRANSACTION"
            default: false
            }
        if isControl { throw DatabaseError.unsupported("a transaction begins and ends with its closure, not with \(words[0])") }
        return words.first.map(Self.savepointWords.contains) ?? false
    }
}
