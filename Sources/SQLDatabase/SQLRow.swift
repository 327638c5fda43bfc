internal import GRDBSQLite

/// The row that a statement stands on. It is a view without storage of its own, valid only inside the closure that receives it.
public struct SQLRow {
    /// SQLite's statement, or the unretained ``PostgreSQLResult``.
    @usableFromInline let source: OpaquePointer
    /// The row of the result; negative for SQLite. Plain values rather than an enum of two references, since rows are a hot path.
    @usableFromInline let row: Int32
    /// How many columns the row has.
    public let columnCount: Int

    init(statement: OpaquePointer) {
        source = statement
        row = -1
        columnCount = Int(sqlite3_data_count(statement))
    }

    /// A row of a result, which must outlive it.
    init(result: PostgreSQLResult, row: Int32) {
        source = OpaquePointer(Unmanaged.passUnretained(result).toOpaque())
        self.row = row
        columnCount = Int(result.columnCount)
    }

    /// The column at a zero-based index.
    @inlinable
    public func column(_ index: Int) throws -> SQLColumn {
        let column = SQLColumn(source: source, row: row, index: Int32(truncatingIfNeeded: index))
        guard index >= 0, index < columnCount else { throw column.missing(index: index, of: columnCount) }
        return column
    }

    /// The value of the column at a zero-based index.
    @inlinable
    public func get<T: SQLValueDecodable>(_ index: Int) throws -> T {
        try T.decode(column(index))
    }

    /// The enum whose raw value is in the column, for enums that do not themselves conform to ``SQLValueDecodable``.
    @inlinable
    @_disfavoredOverload
    public func get<R: RawRepresentable>(_ index: Int) throws -> R where R.RawValue: SQLValueDecodable {
        try column(index).rawRepresentable(R.self)
    }

    /// The enum whose raw value is in the column, or nil for `NULL`.
    @inlinable
    @_disfavoredOverload
    public func get<R: RawRepresentable>(_ index: Int) throws -> R? where R.RawValue: SQLValueDecodable {
        let column = try column(index)
        return column.isNull ? nil : try column.rawRepresentable(R.self)
    }

    /// Reads the columns from the first to the last, so that a mapper written in column order needs no indexes.
    @inlinable
    public func cursor() -> Cursor { Cursor(row: self) }

    /// Reads the columns of one row in order.
    public struct Cursor {
        @usableFromInline let row: SQLRow
        @usableFromInline var index = 0

        @inlinable
        init(row: SQLRow) { self.row = row }

        /// The value of the next column.
        @inlinable
        public mutating func next<T: SQLValueDecodable>(_ type: T.Type = T.self) throws -> T {
            defer { index += 1 }
            return try row.get(index)
        }

        /// The enum whose raw value is in the next column.
        @inlinable
        @_disfavoredOverload
        public mutating func next<R: RawRepresentable>(_ type: R.Type = R.self) throws -> R where R.RawValue: SQLValueDecodable {
            defer { index += 1 }
            return try row.column(index).rawRepresentable(R.self)
        }

        /// The enum whose raw value is in the next column, or nil for `NULL`.
        @inlinable
        @_disfavoredOverload
        public mutating func next<R: RawRepresentable>(_ type: R?.Type = R?.self) throws -> R? where R.RawValue: SQLValueDecodable {
            defer { index += 1 }
            let column = try row.column(index)
            return column.isNull ? nil : try column.rawRepresentable(R.self)
        }

        /// Passes over columns.
        @inlinable
        public mutating func skip(_ count: Int = 1) { index += count }
    }
}

@available(*, unavailable)
extension SQLRow: Sendable {}

@available(*, unavailable)
extension SQLRow.Cursor: Sendable {}

/// One column of the row that a statement stands on; valid as long as its ``SQLRow``.
public struct SQLColumn {
    @usableFromInline let source: OpaquePointer
    @usableFromInline let row: Int32
    @usableFromInline let index: Int32

    @usableFromInline
    init(source: OpaquePointer, row: Int32, index: Int32) {
        self.source = source
        self.row = row
        self.index = index
    }

    /// Whether the column holds `NULL`.
    public var isNull: Bool {
        isSQLite ? sqlite3_column_type(source, index) == SQLITE_NULL : result { $0.isNull(row, index) }
    }

    /// The column's name in the result.
    public var name: String {
        guard isSQLite else { return result { $0.name(index) } }
        guard let name = sqlite3_column_name(source, index) else { return "column \(index)" }
        return String(cString: name)
    }

    /// The text of a `TEXT` column.
    public func text() throws -> String {
        guard isSQLite else { return try require("text") { $0.text(row, index) } }
        guard sqlite3_column_type(source, index) == SQLITE_TEXT, let bytes = sqlite3_column_text(source, index) else {
            throw conversionError(expected: "text")
        }
        let count = Int(sqlite3_column_bytes(source, index))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// The number of an integer column.
    public func integer() throws -> Int64 {
        guard isSQLite else { return try require("integer") { $0.integer(row, index) } }
        guard sqlite3_column_type(source, index) == SQLITE_INTEGER else { throw conversionError(expected: "integer") }
        return sqlite3_column_int64(source, index)
    }

    /// The number of a column of real numbers or integers.
    public func real() throws -> Double {
        guard isSQLite else { return try require("number") { $0.real(row, index) } }
        switch sqlite3_column_type(source, index) {
        case SQLITE_FLOAT, SQLITE_INTEGER: return sqlite3_column_double(source, index)
        default: throw conversionError(expected: "number")
        }
    }

    /// The truth value of a boolean column, or of an integer that is 0 or 1.
    public func boolean() throws -> Bool {
        let number: Int64? =
            if isSQLite {
                sqlite3_column_type(source, index) == SQLITE_INTEGER ? sqlite3_column_int64(source, index) : nil
            } else {
                result { $0.integer(row, index) }
            }
        switch number {
        case 0: return false
        case 1: return true
        case nil: throw conversionError(expected: "boolean")
        default: throw conversionError(expected: "boolean (0 or 1)")
        }
    }

    /// The bytes of a column of bytes.
    public func blob() throws -> [UInt8] {
        guard isSQLite else { return try require("bytes") { $0.blob(row, index) } }
        guard sqlite3_column_type(source, index) == SQLITE_BLOB else { throw conversionError(expected: "bytes") }
        guard let bytes = sqlite3_column_blob(source, index) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(source, index))))
    }

    /// The value of a type whose raw value the column holds.
    @inlinable
    public func rawRepresentable<R: RawRepresentable>(_ type: R.Type) throws -> R where R.RawValue: SQLValueDecodable {
        guard let value = R(rawValue: try R.RawValue.decode(self)) else {
            throw conversionError(expected: "one of the values of \(R.self)")
        }
        return value
    }

    /// The error for a column that does not hold what was expected; it names column, types and query but shows no value.
    public func conversionError(expected: String) -> DatabaseError {
        .conversion(.init(column: name, expected: expected, found: storedType, sql: queryText))
    }

    @usableFromInline
    func missing(index: Int, of count: Int) -> DatabaseError {
        .conversion(.init(column: "number \(index)", expected: "an index below \(count)", found: "no such column", sql: queryText))
    }

    private var isSQLite: Bool { row < 0 }

    /// What PostgreSQL's result says.
    private func result<T>(_ body: (PostgreSQLResult) -> T) -> T {
        Unmanaged<PostgreSQLResult>.fromOpaque(UnsafeRawPointer(source))._withUnsafeGuaranteedRef(body)
    }

    private func require<T>(_ expected: String, _ body: (PostgreSQLResult) -> T?) throws -> T {
        guard let value = result(body) else { throw conversionError(expected: expected) }
        return value
    }

    private var storedType: String {
        guard isSQLite else { return result { $0.storedType(row, index) } }
        return switch sqlite3_column_type(source, index) {
        case SQLITE_NULL: "NULL"
        case SQLITE_INTEGER: "integer"
        case SQLITE_FLOAT: "real"
        case SQLITE_TEXT: "text"
        default: "bytes"
        }
    }

    private var queryText: String {
        guard isSQLite else { return result { $0.sql } }
        return sqlite3_sql(source).map { String(cString: $0) } ?? ""
    }
}

@available(*, unavailable)
extension SQLColumn: Sendable {}
