/// Runs queries inside one transaction.
///
/// A connection is lent to the closure of ``Database/read(_:)`` or ``Database/write(_:)``: its calls are synchronous, run on threads of the
/// database and never on Swift's cooperative pool. Used after the closure has returned, it throws ``DatabaseError/closed``.
public protocol SQLConnection {
    /// The dialect of the database behind the connection.
    var dialect: SQLDialect { get }

    /// Runs a statement to its end and returns how many rows it inserted, updated or deleted.
    @discardableResult
    func execute(_ query: SQLQuery) throws -> Int

    /// Runs a trusted text of several statements without values, as migrations have them. Not cached.
    func executeScript(_ sql: String) throws

    /// Sends a payload to all who listen to a channel (``Database/notifications(_:)``), when and only when the transaction commits. The same
    /// payload twice in one transaction is sent once.
    ///
    /// Throws ``DatabaseError/notificationTooLong(bytes:limit:)`` for more than 7999 bytes, ``DatabaseError/readOnly`` in a read.
    func notify(_ channel: String, _ payload: String) throws

    /// Has the rest of the transaction run each statement by one plan, whatever its values. For queries whose tables are joined in one
    /// sensible order only: PostgreSQL would else plan them anew at each run, for more than the run costs. SQLite always does so.
    func keepPlans() throws

    /// Maps every row. SQLite gives them while the statement runs, PostgreSQL from memory when it has ended.
    func fetchAll<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> [T]

    /// Maps the first row; nil when there is none.
    func fetchFirst<T>(_ query: SQLQuery, _ map: (SQLRow) throws -> T) throws -> T?
}

extension SQLConnection {
    /// The first column of every row.
    public func fetchColumn<T: SQLValueDecodable>(_ query: SQLQuery, as type: T.Type = T.self) throws -> [T] {
        try fetchAll(query) { try $0.get(0) }
    }

    /// The first column of the first row; nil when there is no row. Ask for an optional type where the column may be `NULL`.
    public func fetchValue<T: SQLValueDecodable>(_ query: SQLQuery, as type: T.Type = T.self) throws -> T? {
        try fetchFirst(query) { try $0.get(0) }
    }

    /// The integer in the first column of the first row; nil when there is no row or it is `NULL`.
    public func fetchInt(_ query: SQLQuery) throws -> Int64? {
        try fetchFirst(query) { try $0.get(0) as Int64? } ?? nil
    }

    /// The text in the first column of the first row; nil when there is no row or it is `NULL`.
    public func fetchString(_ query: SQLQuery) throws -> String? {
        try fetchFirst(query) { try $0.get(0) as String? } ?? nil
    }

    /// Whether the query has at least one row.
    public func exists(_ query: SQLQuery) throws -> Bool {
        try fetchFirst(query) { _ in true } ?? false
    }
}
