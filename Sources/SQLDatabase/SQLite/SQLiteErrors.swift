import Foundation
internal import GRDB
internal import GRDBSQLite

extension DatabaseError {
    /// The error for a failed SQLite call, from its extended result code (https://www.sqlite.org/rescode.html).
    ///
    /// - Parameter message: SQLite's own message. It names constraints and columns, not values, except where `SQLITE_ERROR` comes
    ///   out of a function; the caller leaves it out there.
    init(sqliteCode code: Int32, message: String, sql: String? = nil) {
        switch code {
        case ExtendedCode.unique, ExtendedCode.primaryKey, ExtendedCode.rowID:
            self = .uniqueViolation(Constraint(sqliteMessage: message))
        case ExtendedCode.foreignKey: self = .foreignKeyViolation(Constraint())
        case ExtendedCode.notNull: self = .notNullViolation(Constraint(sqliteMessage: message))
        case ExtendedCode.check: self = .checkViolation(Constraint(name: Self.detail(of: message)))
        // The message is the text that the trigger raises, written in the schema.
        case ExtendedCode.trigger: self = .checkViolation(Constraint(name: message))
        case ExtendedCode.corruptFileSystem: self = .corrupt(message: message)
        default: self = Self.fromPrimaryCode(code, message: message, sql: sql)
        }
    }

    private static func fromPrimaryCode(_ code: Int32, message: String, sql: String?) -> DatabaseError {
        switch code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_FULL: .diskFull
        case SQLITE_READONLY: .readOnly
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(message: message)
        case SQLITE_IOERR: .inputOutput(code: Int(code), message: message)
        case SQLITE_ERROR, SQLITE_MISUSE:
            if let sql { .syntax(sql: sql, message: message) } else { .failed(code: Int(code), message: message) }
        default: .failed(code: Int(code), message: message)
        }
    }

    /// The text after the first ": " of "UNIQUE constraint failed: models.name".
    fileprivate static func detail(of message: String) -> String? {
        message.range(of: ": ").map { String(message[$0.upperBound...]) }
    }
}

extension DatabaseError.Constraint {
    /// Reads "UNIQUE constraint failed: models.name, models.version" and "UNIQUE constraint failed: index 'models_by_name'".
    init(sqliteMessage message: String) {
        guard let detail = DatabaseError.detail(of: message) else {
            self.init()
            return
        }
        if detail.hasPrefix("index '"), detail.hasSuffix("'") {
            self.init(name: String(detail.dropFirst(7).dropLast()))
            return
        }
        let parts = detail.components(separatedBy: ", ").map { $0.split(separator: ".", maxSplits: 1).map(String.init) }
        self.init(table: parts.first.flatMap { $0.count == 2 ? $0[0] : nil }, columns: parts.compactMap(\.last))
    }
}

/// Runs work with GRDB and translates its errors.
func translatingSQLiteErrors<T>(_ work: () throws -> T) throws -> T {
    do {
        return try work()
    } catch let error as GRDB.DatabaseError {
        throw DatabaseError(error)
    }
}

extension DatabaseError {
    init(_ error: GRDB.DatabaseError) {
        // GRDB reports the use of a closed connection as misuse.
        if error.resultCode == .SQLITE_MISUSE, error.sql == nil {
            self = .closed
        } else {
            let code = error.extendedResultCode.rawValue
            self.init(sqliteCode: code, message: error.message ?? "", sql: error.sql)
        }
    }
}

/// SQLite defines its extended codes by expressions that Swift does not import.
private enum ExtendedCode {
    static let check = SQLITE_CONSTRAINT | (1 << 8)
    static let foreignKey = SQLITE_CONSTRAINT | (3 << 8)
    static let notNull = SQLITE_CONSTRAINT | (5 << 8)
    static let primaryKey = SQLITE_CONSTRAINT | (6 << 8)
    static let trigger = SQLITE_CONSTRAINT | (7 << 8)
    static let unique = SQLITE_CONSTRAINT | (8 << 8)
    static let rowID = SQLITE_CONSTRAINT | (10 << 8)
    static let corruptFileSystem = SQLITE_IOERR | (33 << 8)
}
