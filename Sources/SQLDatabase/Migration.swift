/// One numbered step of the schema. Applied once, in a transaction of its own, and recorded with a checksum of its text.
public struct Migration: Sendable {
    /// The position in the sequence 1, 2, 3, …
    public let number: Int
    /// A short name for logs and errors.
    public let name: String
    private let makeStatements: @Sendable (SQLDialect) -> [String]

    /// A migration whose SQL is the same in both databases. A string may hold several statements.
    public init(number: Int, name: String, statements: [String]) {
        self.init(number: number, name: name) { _ in statements }
    }

    /// A migration whose SQL depends on the database.
    public init(number: Int, name: String, statements: @escaping @Sendable (SQLDialect) -> [String]) {
        self.number = number
        self.name = name
        makeStatements = statements
    }

    /// The SQL for a database.
    public func statements(for dialect: SQLDialect) -> [String] {
        makeStatements(dialect)
    }

    /// FNV-1a of the statements: it finds accidental edits, it is no protection against intent.
    func checksum(for dialect: SQLDialect) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for statement in statements(for: dialect) {
            // The zero ends each statement, so that moving text between statements changes the sum.
            for byte in Array(statement.utf8) + [0] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
