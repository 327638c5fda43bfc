internal import GRDB
internal import GRDBSQLite

/// Runs queries on one SQLite connection inside one transaction.
///
/// GRDB supplies connection and statement cache; binding, stepping and reading columns go to SQLite directly, since rows are a hot path.
final class SQLiteConnection: SQLConnection {
    enum Kind {
        case read, write
    }

    let dialect = SQLDialect.sqlite
    /// Nil once the closure that the connection was lent to has returned.
    private var database: GRDB.Database?

    private let kind: Kind
    /// What the commit sends.
    private(set) var notifications: [PendingNotification] = []
    /// The failure on which SQLite rolled the transaction back by itself.
    private var abortCause: DatabaseError?

    private init(_ database: GRDB.Database, _ kind: Kind) {
        self.database = database
        self.kind = kind
    }

    /// Lends a connection to `body` inside a transaction: committed when it returns, rolled back when it throws.
    ///
    /// - Parameter onCommit: gets the notifications of a transaction that has committed.
    static func withTransaction<T>(
        _ kind: Kind, _ database: GRDB.Database, onCommit: ([PendingNotification]) -> Void = { _ in },
        _ body: (any SQLConnection) throws -> T
    ) throws -> T {
        let connection = SQLiteConnection(database, kind)
        defer { connection.database = nil }
        try connection.run(kind == .write ? "BEGIN IMMEDIATE" : "BEGIN")
        do {
            let result = try body(connection)
            try connection.requireTransaction()
            try connection.run("COMMIT")
            onCommit(connection.notifications)
            return result
        } catch {
            connection.rollBack()
            throw error
        }
    }

    @discardableResult
    func execute(_ query: SQLQuery) throws -> Int {
        let handle = try openHandle()
        let before = sqlite3_total_changes64(handle)
        try withStatement(query) { statement in
            while try step(statement, query) {}
        }
        // sqlite3_changes keeps the count of the last statement that changed rows; the total tells whether this was it.
        return sqlite3_total_changes64(handle) == before ? 0 : Int(sqlite3_changes64(handle))
    }

    func fetchAll<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> [T] {
        try withStatement(query) { statement in
            var rows: [T] = []
            while try step(statement, query) {
                rows.append(try map(SQLRow(statement: statement)))
            }
            return rows
        }
    }

    func fetchFirst<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> T? {
        try withStatement(query) { statement in
            guard try step(statement, query) else { return nil }
            let first = try map(SQLRow(statement: statement))
            // A statement that writes must run to its end to be complete.
            if sqlite3_stmt_readonly(statement) == 0 { while try step(statement, query) {} }
            return first
        }
    }

    func notify(_ channel: String, _ payload: String) throws {
        _ = try openDatabase()
        let notification = try PendingNotification(channel: channel, payload: payload)
        guard kind == .write else { throw DatabaseError.readOnly }
        if !notifications.contains(notification) { notifications.append(notification) }
    }

    /// The connection is set up so: `catapult_sqlite_keep_plans`.
    func keepPlans() throws {
        _ = try openDatabase()
    }

    func executeScript(_ sql: String) throws {
        let handle = try openHandle()
        guard !sql.utf8.contains(0) else { throw DatabaseError.syntax(sql: sql, message: "a NUL character") }
        try sql.withCString { start in
            var rest: UnsafePointer<CChar>? = start
            while let next = rest, next.pointee != 0 {
                var prepared: OpaquePointer?
                let code = sqlite3_prepare_v2(handle, next, -1, &prepared, &rest)
                guard code == SQLITE_OK else { throw failure(code, handle, SQLQuery(raw: String(cString: next))) }
                // Between two semicolons, or after the last one, there may be nothing but space and comments.
                guard let statement = prepared else { continue }
                defer { sqlite3_finalize(statement) }
                let query = SQLQuery(raw: String(cString: sqlite3_sql(statement)))
                try requireTransaction()
                try refuseTransactionControl(query, statement)
                try bind(query, to: statement)
                while try step(statement, query) {}
            }
        }
    }

    // MARK: - Statements

    /// Runs a statement of the transaction's frame, which the check for an open transaction would refuse.
    private func run(_ sql: String) throws {
        let statement = try openDatabase().cachedStatement(sql: sql).sqliteStatement
        defer { sqlite3_reset(statement) }
        while try step(statement, SQLQuery(raw: sql)) {}
    }

    private func withStatement<T>(_ query: SQLQuery, _ body: (OpaquePointer) throws -> T) throws -> T {
        let database = try openDatabase()
        try requireTransaction()
        // An interrupt reaches a running statement only; a write that has started is completed.
        if kind == .read { try Task.checkCancellation() }
        let statement = try prepare(query, database)
        // Bound here and cleared at the end, so that a cached statement keeps no values.
        defer {
            sqlite3_reset(statement.sqliteStatement)
            sqlite3_clear_bindings(statement.sqliteStatement)
        }
        try refuseTransactionControl(query, statement.sqliteStatement)
        try bind(query, to: statement.sqliteStatement)
        return try body(statement.sqliteStatement)
    }

    private func prepare(_ query: SQLQuery, _ database: GRDB.Database) throws -> Statement {
        let sql = query.render(.question)
        do {
            guard query.isCacheable else { return try database.makeStatement(sql: sql) }
            let cached = try database.cachedStatement(sql: sql)
            // The same text runs further out, as in a query inside another query's mapper: it needs a statement of its own.
            return sqlite3_stmt_busy(cached.sqliteStatement) == 0 ? cached : try database.makeStatement(sql: sql)
        } catch let error as GRDB.DatabaseError {
            throw DatabaseError(sqliteCode: error.extendedResultCode.rawValue, message: error.message ?? "", sql: query.sql)
        }
    }

    private func bind(_ query: SQLQuery, to statement: OpaquePointer) throws {
        guard Int(sqlite3_bind_parameter_count(statement)) == query.values.count else { throw placeholderError(query) }
        for (offset, value) in query.values.enumerated() {
            let index = Int32(offset + 1)
            // A `?` of ours has no name. A placeholder written by hand has one, and might share the number of one of ours.
            guard sqlite3_bind_parameter_name(statement, index) == nil else { throw placeholderError(query) }
            let code = try Self.bind(value, to: statement, at: index, query)
            guard code == SQLITE_OK else { throw failure(code, sqlite3_db_handle(statement), query) }
        }
    }

    private func placeholderError(_ query: SQLQuery) -> DatabaseError {
        .syntax(sql: query.sql, message: "a placeholder in the text: values are written as interpolations only")
    }

    private static func bind(_ value: SQLValue, to statement: OpaquePointer, at index: Int32, _ query: SQLQuery) throws -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .real(let number): return sqlite3_bind_double(statement, index, number)
        case .boolean(let flag): return sqlite3_bind_int64(statement, index, flag ? 1 : 0)
        case .text(var text):
            return try text.withUTF8 { bytes in
                guard !bytes.contains(0) else {
                    throw DatabaseError.conversion(
                        .init(column: "parameter \(index)", expected: "text", found: "text with a NUL character", sql: query.sql)
                    )
                }
                return bytes.withMemoryRebound(to: CChar.self) {
                    // An empty buffer may have no address, which SQLite would take for NULL.
                    guard let start = $0.baseAddress else { return sqlite3_bind_text(statement, index, "", 0, copying) }
                    return sqlite3_bind_text64(statement, index, start, UInt64($0.count), copying, UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let bytes):
            guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, index, 0) }
            return sqlite3_bind_blob64(statement, index, bytes, UInt64(bytes.count), copying)
        }
    }

    /// SQLITE_TRANSIENT, which C defines by a cast that Swift does not import: SQLite copies the bytes before the call returns.
    private static let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// Advances a statement: true on a row, false at the end.
    private func step(_ statement: OpaquePointer, _ query: SQLQuery) throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code, sqlite3_db_handle(statement), query)
        }
    }

    private func failure(_ code: Int32, _ handle: OpaquePointer?, _ query: SQLQuery) -> any Error {
        // Only a cancelled task interrupts a connection.
        if code & 0xff == SQLITE_INTERRUPT { return CancellationError() }
        // The messages of functions may quote their arguments; the code's own text never does.
        let hidesMessage = code & 0xff == SQLITE_ERROR && !query.values.isEmpty
        let message = hidesMessage ? sqlite3_errstr(code) : sqlite3_errmsg(handle)
        let error = DatabaseError(sqliteCode: code, message: message.map { String(cString: $0) } ?? "", sql: query.sql)
        if (try? isInTransaction) == false { abortCause = abortCause ?? error }
        return error
    }

    // MARK: - State

    private func openDatabase() throws -> GRDB.Database {
        guard let database else { throw DatabaseError.closed }
        return database
    }

    private func openHandle() throws -> OpaquePointer {
        guard let handle = try openDatabase().sqliteConnection else { throw DatabaseError.closed }
        return handle
    }

    private var isInTransaction: Bool {
        get throws { sqlite3_get_autocommit(try openHandle()) == 0 }
    }

    /// Some failures make SQLite roll back by itself; a statement after that would be a transaction of its own.
    private func requireTransaction() throws {
        guard try isInTransaction else { throw abortCause ?? DatabaseError.transactionAborted }
    }

    /// A `COMMIT` inside the closure would store half of what belongs together.
    private func refuseTransactionControl(_ query: SQLQuery, _ statement: OpaquePointer) throws {
        // What begins or ends a transaction neither writes a table by itself nor has columns; few other statements are like that.
        guard sqlite3_stmt_readonly(statement) != 0, sqlite3_column_count(statement) == 0 else { return }
        let words = query.fragments[0].uppercased().split { !$0.isLetter }.prefix(3)
        let isControl =
            switch words.first {
            case "BEGIN", "COMMIT", "END": true
            case "ROLLBACK": !words.contains("TO")
            default: false
            }
        if isControl { throw DatabaseError.unsupported("a transaction begins and ends with its closure, not with \(words[0])") }
    }

    private func rollBack() {
        // Cancellation interrupts a read once, and that may hit the rollback itself: the second try then succeeds. No error is of
        // interest here, since the caller throws the one that led here.
        for _ in 0..<2 where (try? isInTransaction) == true {
            try? run("ROLLBACK")
        }
    }
}
