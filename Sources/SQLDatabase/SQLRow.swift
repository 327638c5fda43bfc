internal import GRDBSQLite

/// The row that a statement stands on. It is a view without storage of its own, valid only inside the closure that receives it.
public struct SQLRow {
    @usableFromInline let statement: OpaquePointer
    /// How many columns the row has.
    public let columnCount: Int

    init(statement: OpaquePointer) {
        self.statement = statement
        columnCount = Int(sqlite3_data_count(statement))
    }

    /// The column at a zero-based index.
    @inlinable
    public func column(_ index: Int) throws -> SQLColumn {
        let column = SQLColumn(statement: statement, index: Int32(truncatingIfNeeded: index))
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
    @usableFromInline let statement: OpaquePointer
    @usableFromInline let index: Int32

    @usableFromInline
    init(statement: OpaquePointer, index: Int32) {
        self.statement = statement
        self.index = index
    }

    /// Whether the column holds `NULL`.
    public var isNull: Bool { sqlite3_column_type(statement, index) == SQLITE_NULL }

    /// The column's name in the result.
    public var name: String {
        guard let name = sqlite3_column_name(statement, index) else { return "column \(index)" }
        return String(cString: name)
    }

    /// The text of a `TEXT` column.
    public func text() throws -> String {
        guard sqlite3_column_type(statement, index) == SQLITE_TEXT, let bytes = sqlite3_column_text(statement, index) else {
            throw conversionError(expected: "text")
        }
        let count = Int(sqlite3_column_bytes(statement, index))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// The number of an integer column.
    public func integer() throws -> Int64 {
        guard sqlite3_column_type(statement, index) == SQLITE_INTEGER else { throw conversionError(expected: "integer") }
        return sqlite3_column_int64(statement, index)
    }

    /// The number of a column of real numbers or integers.
    public func real() throws -> Double {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_FLOAT, SQLITE_INTEGER: return sqlite3_column_double(statement, index)
        default: throw conversionError(expected: "number")
        }
    }

    /// The truth value of a boolean column.
    public func boolean() throws -> Bool {
        guard sqlite3_column_type(statement, index) == SQLITE_INTEGER else { throw conversionError(expected: "boolean") }
        switch sqlite3_column_int64(statement, index) {
        case 0: return false
        case 1: return true
        default: throw conversionError(expected: "boolean (0 or 1)")
        }
    }

    /// The bytes of a column of bytes.
    public func blob() throws -> [UInt8] {
        guard sqlite3_column_type(statement, index) == SQLITE_BLOB else { throw conversionError(expected: "bytes") }
        guard let bytes = sqlite3_column_blob(statement, index) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, index))))
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

    private var storedType: String {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_NULL: "NULL"
        case SQLITE_INTEGER: "integer"
        case SQLITE_FLOAT: "real"
        case SQLITE_TEXT: "text"
        default: "bytes"
        }
    }

    private var queryText: String {
        sqlite3_sql(statement).map { String(cString: $0) } ?? ""
    }
}

@available(*, unavailable)
extension SQLColumn: Sendable {}
