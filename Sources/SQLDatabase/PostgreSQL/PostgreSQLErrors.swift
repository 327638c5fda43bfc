/// Why the server, or the connection to it, did not do what it was sent.
struct PostgreSQLFailure: Error {
    /// Which of the commands that were sent together failed.
    var index: Int
    /// The server's code (https://www.postgresql.org/docs/15/errcodes-appendix.html); nil where the connection broke without one.
    var sqlState: String?
    /// The same in the terms of this module.
    var error: DatabaseError
    /// Whether the connection is gone, and with it the transaction.
    var isLost: Bool
}

extension DatabaseError {
    /// The error for a failed command, from its SQLSTATE.
    ///
    /// - Parameters:
    ///   - message: The server's primary message. It may quote a value where data could not be understood (class 22); it is left out
    ///     there.
    ///   - constraint: What the server says of table, column and constraint.
    init(sqlState: String, message: String, constraint: Constraint = Constraint(), sql: String? = nil) {
        switch sqlState {
        case "23505", "23P01": self = .uniqueViolation(constraint)
        case "23503": self = .foreignKeyViolation(constraint)
        case "23514": self = .checkViolation(constraint)
        case "23502": self = .notNullViolation(constraint)
        // The message is the text that a trigger raises, written in the schema.
        case "P0001": self = .checkViolation(Constraint(name: message))
        case "40001", "40P01", "55P03": self = .busy
        case "53100": self = .diskFull
        case "53300": self = .connectionLost(message: "the server has no connection to spare")
        case "25006": self = .readOnly
        case "25P02": self = .transactionAborted
        case "57014": self = .timedOut
        case "57P01", "57P02", "57P03", "57P04", "57P05", "25P03": self = .connectionLost(message: message)
        case "42501": self = .failed(code: 0, message: "\(message) (SQLSTATE 42501)")
        case "08P01": self = sql.map { .syntax(sql: $0, message: message) } ?? .connectionLost(message: message)
        default: self = Self.fromClass(sqlState, message: message, sql: sql)
        }
    }

    private static func fromClass(_ sqlState: String, message: String, sql: String?) -> DatabaseError {
        switch sqlState.prefix(2) {
        case "08": .connectionLost(message: message)
        case "42", "0A": sql.map { .syntax(sql: $0, message: message) } ?? .failed(code: 0, message: "\(message) (SQLSTATE \(sqlState))")
        case "22": .failed(code: 0, message: "a value does not fit its type (SQLSTATE \(sqlState))\(sql.map { " in: \($0)" } ?? "")")
        case "58": .inputOutput(code: 0, message: "\(message) (SQLSTATE \(sqlState))")
        case "XX": .corrupt(message: "\(message) (SQLSTATE \(sqlState))")
        default: .failed(code: 0, message: "\(message) (SQLSTATE \(sqlState))")
        }
    }
}

extension PostgreSQLFailure {
    /// Codes after which the server has closed, or is about to close, the connection.
    private static let endsConnection: Set<String> = ["57P01", "57P02", "57P03", "57P04", "57P05", "25P03"]

    /// Reads a failed result.
    init(_ result: OpaquePointer, index: Int, sql: String?, library: LibPQ) {
        func field(_ field: LibPQ.ErrorField) -> String? {
            field.rawValue.asciiValue.flatMap { library.errorField(result, Int32($0)) }.map { String(cString: $0) }
        }
        self.index = index
        sqlState = field(.sqlState)
        let message = field(.message) ?? ""
        if let sqlState {
            error = DatabaseError(
                sqlState: sqlState, message: message,
                constraint: .init(name: field(.constraint), table: field(.table), columns: field(.column).map { [$0] } ?? []), sql: sql)
            isLost = Self.endsConnection.contains(sqlState)
        } else {
            error = .connectionLost(message: message)
            isLost = true
        }
    }
}
