import CatapultAPI
import Crypto

/// The chain that holds audit rows together: each row's hash is made over the row and the hash of the row before.
///
/// docs/guides/audit.md describes the form for those who check it with a program of their own; it never changes.
enum AuditChain {
    /// What stands for the row before the first.
    static let origin = String(repeating: "0", count: 64)

    /// A row as it lies in the database: the text of its details counts, not only what it means.
    struct Row: Sendable {
        var entry: AuditEntry
        var details: String
    }

    /// The hash that a row must have after another one.
    static func hash(of row: Row, after previous: String) -> String {
        hexadecimal(SHA256.hash(data: canonical(row, after: previous)))
    }

    /// One digest over rows without a chain, fed one after the other.
    struct Digest {
        private var sum = SHA256()

        mutating func add(_ row: Row) { sum.update(data: AuditChain.canonical(row, after: nil)) }

        func text() -> String { AuditChain.hexadecimal(sum.finalize()) }
    }

    /// Every field with its length before it, so that no two rows have the same form; `-` for what is absent.
    static func canonical(_ row: Row, after previous: String?) -> [UInt8] {
        let entry = row.entry
        let fields: [String?] = [
            "\(entry.sequence)", previous, entry.id, entry.createdAt.description, entry.apiKeyID, entry.apiKeyName, entry.face, entry.agent,
            entry.action, entry.operation, entry.outcome.rawValue, entry.resourceType, entry.resourceID, entry.modelName,
            entry.environment, entry.requestID, entry.ipAddress, row.details,
        ]
        var bytes: [UInt8] = Array("catapult-audit-1\n".utf8)
        for field in fields {
            guard let field else {
                bytes.append(contentsOf: "-\n".utf8)
                continue
            }
            bytes.append(contentsOf: "\(field.utf8.count):".utf8)
            bytes.append(contentsOf: field.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.reduce(into: "") { text, byte in
            text.append(String(byte >> 4, radix: 16))
            text.append(String(byte & 15, radix: 16))
        }
    }
}
