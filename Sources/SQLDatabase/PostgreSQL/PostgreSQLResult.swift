/// What a statement gave: all rows, in PostgreSQL's binary format.
///
/// The rows are in memory, other than with SQLite: a mapper may then run queries of its own, and the connection is free for them.
final class PostgreSQLResult {
    private let library: LibPQ
    private let result: OpaquePointer
    /// The statement's text, for errors.
    let sql: String
    let rowCount: Int32
    let columnCount: Int32

    init(_ result: OpaquePointer, sql: String, library: LibPQ) {
        self.library = library
        self.result = result
        self.sql = sql
        rowCount = library.rowCount(result)
        columnCount = library.columnCount(result)
    }

    deinit {
        library.clear(result)
    }

    /// How many rows an `INSERT`, `UPDATE` or `DELETE` changed; 0 for everything else.
    var changedRows: Int {
        guard let tag = library.commandStatus(result).map({ String(cString: $0) }),
            ["INSERT", "UPDATE", "DELETE", "MERGE"].contains(where: tag.hasPrefix)
        else { return 0 }
        return library.commandRows(result).flatMap { Int(String(cString: $0)) } ?? 0
    }

    // MARK: - Columns

    func isNull(_ row: Int32, _ column: Int32) -> Bool { library.isNull(result, row, column) != 0 }

    func name(_ column: Int32) -> String {
        library.columnName(result, column).map { String(cString: $0) } ?? "column \(column)"
    }

    /// The text; nil for another type.
    func text(_ row: Int32, _ column: Int32) -> String? {
        guard Self.isText(library.columnType(result, column)), let bytes = bytes(row, column) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The number of an integer, of a numeric without a fraction (`sum` gives one), or of a truth value, which SQLite has as 0 and 1.
    func integer(_ row: Int32, _ column: Int32) -> Int64? {
        guard let bytes = bytes(row, column) else { return nil }
        switch library.columnType(result, column) {
        case PostgreSQLType.int8: return Int64(bitPattern: bytes.bigEndian())
        case PostgreSQLType.int4: return Int64(Int32(bitPattern: bytes.bigEndian()))
        case PostgreSQLType.int2: return Int64(Int16(bitPattern: bytes.bigEndian()))
        case PostgreSQLType.oid: return Int64(bytes.bigEndian() as UInt32)
        case PostgreSQLType.bool: return Int64(bytes.bigEndian() as UInt8)
        case PostgreSQLType.numeric: return PostgreSQLNumeric(bytes)?.integer
        default: return nil
        }
    }

    /// The number of a column of real numbers, integers or numerics.
    func real(_ row: Int32, _ column: Int32) -> Double? {
        guard let bytes = bytes(row, column) else { return nil }
        switch library.columnType(result, column) {
        case PostgreSQLType.float8: return Double(bitPattern: bytes.bigEndian())
        case PostgreSQLType.float4: return Double(Float(bitPattern: bytes.bigEndian()))
        case PostgreSQLType.numeric: return PostgreSQLNumeric(bytes)?.real
        case PostgreSQLType.bool: return nil
        default: return integer(row, column).map { Double($0) }
        }
    }

    /// The bytes; nil for another type.
    func blob(_ row: Int32, _ column: Int32) -> [UInt8]? {
        guard library.columnType(result, column) == PostgreSQLType.bytea, let bytes = bytes(row, column) else { return nil }
        return [UInt8](bytes)
    }

    /// What the column holds, in the words of errors.
    func storedType(_ row: Int32, _ column: Int32) -> String {
        if isNull(row, column) { return "NULL" }
        switch library.columnType(result, column) {
        case let type where Self.isText(type): return "text"
        case PostgreSQLType.int8, PostgreSQLType.int4, PostgreSQLType.int2, PostgreSQLType.oid: return "integer"
        case PostgreSQLType.float8, PostgreSQLType.float4: return "real"
        case PostgreSQLType.numeric: return integer(row, column) == nil ? "real" : "integer"
        case PostgreSQLType.bool: return "boolean"
        case PostgreSQLType.bytea: return "bytes"
        case let type: return "PostgreSQL's type \(type)"
        }
    }

    private static func isText(_ type: UInt32) -> Bool {
        switch type {
        case PostgreSQLType.text, PostgreSQLType.varchar, PostgreSQLType.bpchar, PostgreSQLType.name, PostgreSQLType.unknown,
            PostgreSQLType.json:
            true
        default: false
        }
    }

    private func bytes(_ row: Int32, _ column: Int32) -> UnsafeBufferPointer<UInt8>? {
        guard !isNull(row, column) else { return nil }
        return UnsafeBufferPointer(start: library.value(result, row, column), count: Int(library.length(result, row, column)))
    }
}

/// The numbers of PostgreSQL's own types (`src/include/catalog/pg_type.dat`); they never change.
enum PostgreSQLType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let numeric: UInt32 = 1700
}

/// PostgreSQL's decimal number, as it sends it: digits to the base 10000 (`numeric_send`).
struct PostgreSQLNumeric {
    private static let negative: UInt16 = 0x4000

    private let digits: [UInt16]
    /// The power of 10000 of the first digit.
    private let weight: Int
    private let sign: UInt16

    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 8 else { return nil }
        let words = stride(from: 0, to: bytes.count - 1, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        weight = Int(Int16(bitPattern: words[1]))
        sign = words[2]
        digits = Array(words[4...])
        // Not a number and the infinities have signs of their own.
        guard sign == 0 || sign == Self.negative, digits.count == Int(words[0]) else { return nil }
    }

    /// The number, if it has no fraction and fits.
    var integer: Int64? {
        guard digits.dropFirst(max(0, weight + 1)).allSatisfy({ $0 == 0 }) else { return nil }
        guard weight >= 0, !digits.isEmpty else { return 0 }
        var value: Int64 = 0
        for position in 0...min(weight, 5) {
            let digit = position < digits.count ? Int64(digits[position]) : 0
            let (product, overflow) = value.multipliedReportingOverflow(by: 10_000)
            // Downwards for a negative number, whose range is larger by one.
            let (sum, second) = product.addingReportingOverflow(sign == Self.negative ? -digit : digit)
            if overflow || second { return nil }
            value = sum
        }
        return weight > 5 ? nil : value
    }

    /// The number as the nearest double.
    var real: Double? {
        var text = sign == Self.negative ? "-0." : "0."
        for digit in digits { text += String(String(Int(digit) + 10_000).dropFirst()) }
        return Double("\(text)e\((weight + 1) * 4)")
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The number in network byte order; bytes that are missing count as 0.
    fileprivate func bigEndian<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type = Number.self) -> Number {
        var number: Number = 0
        for byte in prefix(MemoryLayout<Number>.size) {
            number = MemoryLayout<Number>.size == 1 ? Number(byte) : number << 8 | Number(byte)
        }
        return number
    }
}
