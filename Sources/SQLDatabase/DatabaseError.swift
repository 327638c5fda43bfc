/// What went wrong in the database. No case carries a bound value or a stored value: they may be secrets.
public enum DatabaseError: Error, Sendable, Equatable {
    /// A row with the same key is there already.
    case uniqueViolation(Constraint)
    /// A row refers to one that is not there, or is still referred to.
    case foreignKeyViolation(Constraint)
    /// A row breaks a `CHECK`.
    case checkViolation(Constraint)
    /// A column that must have a value got `NULL`.
    case notNullViolation(Constraint)
    /// Another connection held a lock for longer than the busy timeout. Trying again may help.
    case busy
    /// There is no space left for the database.
    case diskFull
    /// A write was attempted inside ``Database/read(_:)``, or the database file may not be written.
    case readOnly
    /// The database file is damaged, or is not a database.
    case corrupt(message: String)
    /// Reading or writing the database file failed.
    case inputOutput(code: Int, message: String)
    /// The connection to the database server broke, or cannot be made; nothing of a write is stored. Trying again may help.
    case connectionLost(message: String)
    /// The connection broke while a write was committed: it may be stored or not. Look before trying again.
    case commitUnknown(message: String)
    /// A statement took longer than the database lets one take.
    case timedOut
    /// The database could not be opened.
    case cannotOpen(path: String, message: String)
    /// Another process, or another ``Database`` of this one, has the embedded database open.
    case alreadyInUse(path: String)
    /// The statement is not valid SQL for this schema, or its parameters do not fit its values.
    case syntax(sql: String, message: String)
    /// A column does not hold what the program expects, or a value cannot be stored.
    case conversion(Conversion)
    /// The schema could not be brought to the program's version.
    case migration(MigrationError)
    /// The request is understood, and not possible in this release or with this database.
    case unsupported(String)
    /// An earlier failure undid the transaction, or a statement ended it; nothing of it is stored.
    case transactionAborted
    /// The database, or the connection that a closure was lent, is closed.
    case closed
    /// A notification has a longer payload than a database can carry.
    case notificationTooLong(bytes: Int, limit: Int)
    /// Any other failure, with the database's own code; 0 for PostgreSQL, whose message ends with its SQLSTATE.
    case failed(code: Int, message: String)

    /// Whether the same may succeed later: the database was away or busy, and nothing is wrong with what was asked.
    public var isPassing: Bool {
        switch self {
        case .busy, .connectionLost, .commitUnknown, .timedOut: true
        default: false
        }
    }

    /// The constraint that a row broke, as far as the database names it.
    public struct Constraint: Sendable, Equatable {
        /// The constraint's or index's name, if the database reports one: SQLite does for checks and expression indexes.
        public var name: String?
        /// The table, if the database reports it: SQLite does for keys and `NOT NULL`.
        public var table: String?
        /// The columns, as far as the database reports them.
        public var columns: [String]

        /// What is known of a constraint.
        public init(name: String? = nil, table: String? = nil, columns: [String] = []) {
            self.name = name
            self.table = table
            self.columns = columns
        }
    }

    /// A value that does not have the expected type.
    public struct Conversion: Sendable, Equatable {
        /// The column, or the parameter for a value that cannot be stored.
        public var column: String
        /// What the program asked for.
        public var expected: String
        /// What is there.
        public var found: String
        /// The query, without its values.
        public var sql: String

        /// Describes a value that does not have the expected type.
        public init(column: String, expected: String, found: String, sql: String) {
            self.column = column
            self.expected = expected
            self.found = found
            self.sql = sql
        }
    }
}

/// Why the schema could not be brought to the program's version.
public indirect enum MigrationError: Error, Sendable, Equatable {
    /// The program's migrations are not numbered 1, 2, 3, …
    case numbering(expected: Int, found: Int)
    /// The database's record of applied migrations leaves a number out.
    case gapInHistory(missing: Int)
    /// A migration that was applied has another text now. Applied migrations must stay as they were; add a new one.
    case changed(number: Int, name: String)
    /// The database was made by a newer program.
    case databaseIsNewer(database: Int, program: Int)
    /// A migration failed and was rolled back.
    case failed(number: Int, name: String, cause: DatabaseError)
}

extension DatabaseError: CustomStringConvertible {
    /// One sentence that says what went wrong and, where there is one, the next step.
    public var description: String {
        switch self {
        case .uniqueViolation(let constraint): "a row with the same key exists\(constraint)"
        case .foreignKeyViolation(let constraint): "a row refers to one that does not exist, or is still referred to\(constraint)"
        case .checkViolation(let constraint): "a row breaks a check\(constraint)"
        case .notNullViolation(let constraint): "a value is missing\(constraint)"
        case .busy: "the database is locked by another connection; try again"
        case .diskFull: "no space is left for the database"
        case .readOnly: "the database may not be written here"
        case .corrupt(let message): "the database file is damaged or not a database: \(message)"
        case .inputOutput(let code, let message): "reading or writing the database file failed: \(message) (code \(code))"
        case .connectionLost(let message): "there is no connection to the database: \(message)"
        case .commitUnknown(let message):
            "the connection to the database broke during a commit, which may or may not have happened: \(message)"
        case .timedOut: "the database took too long"
        case .cannotOpen(let path, let message): "cannot open the database \(path): \(message)"
        case .alreadyInUse(let path):
            "the database \(path) is in use by another server; stop it first, or give this one another data directory"
        case .syntax(let sql, let message): "\(message) in the statement: \(sql)"
        case .conversion(let failure): "column \(failure.column) holds \(failure.found), expected \(failure.expected), in: \(failure.sql)"
        case .migration(let error): "\(error)"
        case .unsupported(let message): message
        case .transactionAborted: "the transaction was undone by an earlier failure"
        case .closed: "the database is closed"
        case .notificationTooLong(let bytes, let limit): "a notification of \(bytes) bytes is too long; at most \(limit) bytes are possible"
        case .failed(0, let message): "the database failed: \(message)"
        case .failed(let code, let message): "the database failed: \(message) (code \(code))"
        }
    }
}

extension DatabaseError.Constraint: CustomStringConvertible {
    /// What is known, with a leading colon; empty if nothing is known.
    public var description: String {
        let target = columns.isEmpty ? table : columns.map { column in table.map { "\($0).\(column)" } ?? column }.joined(separator: ", ")
        return (target ?? name).map { ": \($0)" } ?? ""
    }
}

extension MigrationError: CustomStringConvertible {
    /// One sentence that says what is wrong with the schema and the next step.
    public var description: String {
        switch self {
        case .numbering(let expected, let found): "migrations must be numbered without gaps: expected \(expected), found \(found)"
        case .gapInHistory(let missing): "the database does not record migration \(missing), though it records later ones"
        case .changed(let number, let name):
            "migration \(number) (\(name)) differs from the one that was applied; restore its text and add a new migration instead"
        case .databaseIsNewer(let database, let program):
            "the database has schema version \(database), this program knows versions up to \(program); run a newer program"
        case .failed(let number, let name, let cause): "migration \(number) (\(name)) failed and was rolled back: \(cause)"
        }
    }
}
