/// A value as a database stores it: what a query binds.
public enum SQLValue: Sendable, Hashable {
    /// SQL `NULL`.
    case null
    /// A 64-bit integer (`BIGINT`).
    case integer(Int64)
    /// A double-precision number (`DOUBLE PRECISION`).
    case real(Double)
    /// A truth value (`BOOLEAN`). SQLite stores 1 or 0.
    case boolean(Bool)
    /// Text in UTF-8 (`TEXT`). It may not contain a NUL character: PostgreSQL cannot store one.
    case text(String)
    /// Bytes (`BLOB` in SQLite, `BYTEA` in PostgreSQL).
    case blob([UInt8])
}

/// The column types that both databases have under one name in SQL text.
public enum SQLType: String, Sendable {
    /// Text in UTF-8.
    case text = "TEXT"
    /// A 64-bit integer.
    case integer = "BIGINT"
    /// A double-precision number.
    case real = "DOUBLE PRECISION"
    /// A truth value.
    case boolean = "BOOLEAN"
    /// Bytes.
    case blob = "BYTEA"
}

/// A type whose values can be bound to a query by interpolation.
public protocol SQLValueEncodable {
    /// The type that an absent value has in SQL: `CAST(NULL AS …)`, and the type of an empty list.
    static var sqlType: SQLType { get }
    /// The value as the database stores it.
    var sqlValue: SQLValue { get }
}

/// A type whose values can be read from a column.
public protocol SQLValueDecodable {
    /// Reads the value, or throws ``DatabaseError/conversion(_:)`` when the column holds `NULL` or another type.
    static func decode(_ column: SQLColumn) throws -> Self
}

/// A type that can be both bound and read.
public typealias SQLValueConvertible = SQLValueEncodable & SQLValueDecodable

extension SQLValueEncodable {
    /// Text, unless the type says otherwise.
    public static var sqlType: SQLType { .text }
}

extension SQLValue: SQLValueEncodable {
    /// The value itself.
    public var sqlValue: SQLValue { self }
}

extension String: SQLValueConvertible {
    /// The text.
    public var sqlValue: SQLValue { .text(self) }

    /// Reads a text column.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> String { try column.text() }
}

extension Int64: SQLValueConvertible {
    /// `BIGINT`.
    public static var sqlType: SQLType { .integer }
    /// The number.
    public var sqlValue: SQLValue { .integer(self) }

    /// Reads an integer column.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> Int64 { try column.integer() }
}

extension Int: SQLValueConvertible {
    /// `BIGINT`.
    public static var sqlType: SQLType { .integer }
    /// The number.
    public var sqlValue: SQLValue { .integer(Int64(self)) }

    /// Reads an integer column.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> Int {
        guard let value = Int(exactly: try column.integer()) else { throw column.conversionError(expected: "Int") }
        return value
    }
}

extension Double: SQLValueConvertible {
    /// `DOUBLE PRECISION`.
    public static var sqlType: SQLType { .real }
    /// The number. SQLite stores NaN as `NULL`.
    public var sqlValue: SQLValue { .real(self) }

    /// Reads a number; an integer is widened.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> Double { try column.real() }
}

extension Bool: SQLValueConvertible {
    /// `BOOLEAN`.
    public static var sqlType: SQLType { .boolean }
    /// The truth value.
    public var sqlValue: SQLValue { .boolean(self) }

    /// Reads a boolean column; in SQLite the integers 0 and 1 and nothing else.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> Bool { try column.boolean() }
}

extension Array: SQLValueEncodable where Element == UInt8 {
    /// Bytes.
    public static var sqlType: SQLType { .blob }
    /// The bytes.
    public var sqlValue: SQLValue { .blob(self) }
}

extension Array: SQLValueDecodable where Element == UInt8 {
    /// Reads a column of bytes.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> [UInt8] { try column.blob() }
}

extension Optional: SQLValueEncodable where Wrapped: SQLValueEncodable {
    /// The type of the wrapped value.
    public static var sqlType: SQLType { Wrapped.sqlType }
    /// The wrapped value, or `NULL`.
    public var sqlValue: SQLValue { self?.sqlValue ?? .null }
}

extension Optional: SQLValueDecodable where Wrapped: SQLValueDecodable {
    /// Reads the value, or nil for `NULL`.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> Wrapped? {
        column.isNull ? nil : try Wrapped.decode(column)
    }
}

extension SQLValueEncodable where Self: RawRepresentable, RawValue: SQLValueEncodable {
    /// The type of the raw value.
    public static var sqlType: SQLType { RawValue.sqlType }
    /// The raw value.
    public var sqlValue: SQLValue { rawValue.sqlValue }
}

extension SQLValueDecodable where Self: RawRepresentable, RawValue: SQLValueDecodable {
    /// Reads the raw value; throws when no case has it.
    @inlinable
    public static func decode(_ column: SQLColumn) throws -> Self { try column.rawRepresentable(Self.self) }
}
