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

    private init(_ database: GRDB.Database, _ kind: Kind) {
        self.database = database
        self.kind = kind
    }

    /// Lends a connection to `body` inside a transaction: committed when it returns, rolled back when it throws.
    static func withTransaction<T>(_ kind: Kind, _ database: GRDB.Database, _ body: (any SQLConnection) throws -> T) throws -> T {
        guard database.sqliteConnection != nil else { throw DatabaseError.closed }
        let connection = SQLiteConnection(database, kind)
        defer { connection.database = nil }
        try connection.run(kind == .write ? "BEGIN IMMEDIATE" : "BEGIN")
        do {
            let result = try body(connection)
            guard try connection.isInTransaction else { throw DatabaseError.transactionAborted }
            try connection.run("COMMIT")
            return result
        } catch {
            // The first error is the one to tell; a failing rollback means that SQLite has rolled back already.
            if (try? connection.isInTransaction) == true { try? connection.run("ROLLBACK") }
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

    func executeScript(_ sql: String) throws {
        let statements = try openDatabase().allStatements(sql: sql)
        while let statement = try translatingSQLiteErrors({ try statements.next() }) {
            let query = SQLQuery(raw: statement.sql)
            try requireTransaction()
            try bind(query, to: statement.sqliteStatement)
            defer { sqlite3_reset(statement.sqliteStatement) }
            while try step(statement.sqliteStatement, query) {}
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
        try bind(query, to: statement.sqliteStatement)
        return try body(statement.sqliteStatement)
    }

    private func prepare(_ query: SQLQuery, _ database: GRDB.Database) throws -> Statement {
        let sql = query.render(parameterPrefix: "?")
        return try translatingSQLiteErrors {
            guard query.isCacheable else { return try database.makeStatement(sql: sql) }
            let cached = try database.cachedStatement(sql: sql)
            // The same text runs further out, as in a query inside another query's mapper: it needs a statement of its own.
            return sqlite3_stmt_busy(cached.sqliteStatement) == 0 ? cached : try database.makeStatement(sql: sql)
        }
    }

    private func bind(_ query: SQLQuery, to statement: OpaquePointer) throws {
        let expected = Int(sqlite3_bind_parameter_count(statement))
        guard expected == query.values.count else {
            throw DatabaseError.syntax(
                sql: query.sql, message: "\(expected) parameters and \(query.values.count) values: write values as interpolations only"
            )
        }
        for (offset, value) in query.values.enumerated() {
            let code = try Self.bind(value, to: statement, at: Int32(offset + 1), query)
            guard code == SQLITE_OK else { throw error(code, statement, query) }
        }
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
        case let code: throw error(code, statement, query)
        }
    }

    private func error(_ code: Int32, _ statement: OpaquePointer, _ query: SQLQuery) -> any Error {
        let handle = sqlite3_db_handle(statement)
        // Only a cancelled task interrupts a connection.
        if code & 0xff == SQLITE_INTERRUPT { return CancellationError() }
        // The messages of functions may quote their arguments; the code's own text never does.
        let hidesMessage = code & 0xff == SQLITE_ERROR && !query.values.isEmpty
        let message = hidesMessage ? sqlite3_errstr(code) : sqlite3_errmsg(handle)
        return DatabaseError(sqliteCode: code, message: message.map { String(cString: $0) } ?? "", sql: query.sql)
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
        guard try isInTransaction else { throw DatabaseError.transactionAborted }
    }
}
