/// The values of a query in PostgreSQL's binary format, one after the other in one buffer.
struct PostgreSQLParameters {
    /// What the protocol can carry.
    static let limit = 65_535

    /// The type of each value; 0 lets the server choose, which it must for `NULL`.
    private(set) var types: [UInt32] = []
    private var lengths: [Int32] = []
    /// Where each value begins; negative for `NULL`.
    private var offsets: [Int] = []
    private var bytes: [UInt8] = []

    init(_ query: SQLQuery) throws(DatabaseError) {
        let values = query.values
        guard !values.isEmpty else { return }
        guard values.count <= Self.limit else {
            throw .syntax(sql: "\(query.sql.prefix(200))…", message: "\(values.count) values; a statement takes at most \(Self.limit)")
        }
        types.reserveCapacity(values.count)
        lengths.reserveCapacity(values.count)
        offsets.reserveCapacity(values.count)
        bytes.reserveCapacity(values.count * 40)
        for (index, value) in values.enumerated() {
            let start = bytes.count
            switch value {
            case .null:
                types.append(0)
                lengths.append(0)
                offsets.append(-1)
                continue
            case .integer(let number):
                types.append(PostgreSQLType.int8)
                append(UInt64(bitPattern: number))
            case .real(let number):
                types.append(PostgreSQLType.float8)
                append(number.bitPattern)
            case .boolean(let flag):
                types.append(PostgreSQLType.bool)
                bytes.append(flag ? 1 : 0)
            case .text(let text):
                types.append(PostgreSQLType.text)
                bytes.append(contentsOf: text.utf8)
                guard !bytes[start...].contains(0) else {
                    throw .conversion(
                        .init(column: "parameter \(index + 1)", expected: "text", found: "text with a NUL character", sql: query.sql))
                }
            case .blob(let blob):
                types.append(PostgreSQLType.bytea)
                bytes.append(contentsOf: blob)
            }
            guard let length = Int32(exactly: bytes.count - start) else {
                throw .conversion(.init(column: "parameter \(index + 1)", expected: "less than 1 GiB", found: "more", sql: query.sql))
            }
            lengths.append(length)
            offsets.append(start)
        }
        // An empty buffer may have no address, which libpq would take for NULL.
        bytes.append(0)
    }

    private mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Calls `body` with the number of values, their addresses, their lengths and their formats, in the form that libpq takes.
    func withPointers<T>(_ body: (Int32, LibPQ.Pointers?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> T) -> T {
        guard !types.isEmpty else { return body(0, nil, nil, nil) }
        let formats = [Int32](repeating: 1, count: types.count)
        return bytes.withUnsafeBytes { buffer in
            let start = buffer.bindMemory(to: CChar.self).baseAddress
            let pointers = offsets.map { offset in offset < 0 ? nil : start.map { $0 + offset } }
            return body(Int32(types.count), pointers, lengths, formats)
        }
    }
}
