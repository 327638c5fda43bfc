import Crypto

/// The text of a key, `prefix.secret`: the prefix finds the row, the secret proves the right to it.
///
/// Secrets are random with 256 bits, so one salted SHA-256 is enough: there is nothing to guess, and a check costs a microsecond.
struct KeySecret: Sendable {
    let prefix: String
    let secret: String

    /// The whole key as a client sends it.
    var text: String { "\(prefix).\(secret)" }

    /// A new random key: 8 hexadecimal digits, a dot, 43 characters of URL-safe base 64.
    static func random() -> KeySecret {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<36).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return KeySecret(prefix: hexadecimal(bytes[..<4]), secret: base64URL(Array(bytes[4...])))
    }

    /// A new secret behind a prefix that a key has already.
    static func random(prefix: String) -> KeySecret { KeySecret(prefix: prefix, secret: random().secret) }

    /// Takes a key apart. Nil unless it has 10 to 200 characters of letters, digits, `.`, `_`, `-` with a dot between two parts.
    init?(parsing text: String) {
        guard (10...200).contains(text.utf8.count),
            text.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }),
            let dot = text.firstIndex(of: "."), dot > text.startIndex, text.index(after: dot) < text.endIndex
        else { return nil }
        prefix = String(text[..<dot])
        secret = String(text[text.index(after: dot)...])
    }

    private init(prefix: String, secret: String) {
        self.prefix = prefix
        self.secret = secret
    }

    /// The hash that the database keeps.
    func hash(salt: String) -> String { Self.hexadecimal(SHA256.hash(data: Array("\(salt).\(text)".utf8))) }

    /// A new random salt.
    static func makeSalt() -> String {
        var generator = SystemRandomNumberGenerator()
        return hexadecimal((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Compares in a time that depends on the lengths only.
    static func constantTimeEquals(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (a, b) in zip(left, right) { difference |= a ^ b }
        return difference == 0
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            text.append(String(byte >> 4, radix: 16))
            text.append(String(byte & 15, radix: 16))
        }
        return text
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = ""
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(buffer >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
        return text
    }
}
