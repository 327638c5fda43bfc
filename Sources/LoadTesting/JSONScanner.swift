/// A cursor over JSON text (RFC 8259) that visits members and skips what nobody asked for, without building a tree.
///
/// It exists because a load generator reads one small document per token: decoding a tree for each would make the client the bottleneck.
/// It checks the grammar as it goes, but not whether a string is valid UTF-8.
struct JSONScanner {
    /// Where and why the text is not JSON.
    struct Malformed: Error, Hashable, CustomStringConvertible {
        let offset: Int
        let reason: String
        var description: String { "malformed JSON at byte \(offset): \(reason)" }
    }

    /// The deepest nesting that is followed.
    static let maximumDepth = 128

    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The first byte of the next value, after white space; 0 at the end of the text.
    mutating func peek() -> UInt8 {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            case let byte: return byte
            }
        }
        return 0
    }

    /// Checks that nothing follows.
    mutating func finish() throws(Malformed) {
        _ = peek()
        guard offset == bytes.count else { throw malformed("text after the value") }
    }

    /// Visits an object's members. `visit` must consume each member's value.
    mutating func members(_ visit: (inout JSONScanner, Key) throws(Malformed) -> Void) throws(Malformed) {
        try open("{")
        if try close("}") { return }
        repeat {
            guard peek() == UInt8(ascii: "\"") else { throw malformed("a member without a name") }
            let key = Key(bytes: UnsafeRawBufferPointer(rebasing: bytes[try string()]))
            guard take(":") else { throw malformed("a name without ':'") }
            try visit(&self, key)
        } while take(",")
        guard try close("}") else { throw malformed("expected ',' or '}'") }
    }

    /// Visits an array's elements. `visit` must consume each.
    mutating func elements(_ visit: (inout JSONScanner) throws(Malformed) -> Void) throws(Malformed) {
        try open("[")
        if try close("]") { return }
        repeat { try visit(&self) } while take(",")
        guard try close("]") else { throw malformed("expected ',' or ']'") }
    }

    /// Passes over any value.
    mutating func skip() throws(Malformed) {
        switch peek() {
        case UInt8(ascii: "{"): try members { (scanner, _) throws(Malformed) in try scanner.skip() }
        case UInt8(ascii: "["): try elements { (scanner) throws(Malformed) in try scanner.skip() }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
    }

    /// Whether the next value is a string of at least one character; passes over it whatever it is.
    mutating func nonEmptyString() throws(Malformed) -> Bool {
        guard peek() == UInt8(ascii: "\"") else {
            try skip()
            return false
        }
        return try !string().isEmpty
    }

    /// The next value as a count, where it is a plain integer from 0 up that fits; passes over it whatever it is.
    mutating func count() throws(Malformed) -> Int? {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(peek()) else {
            try skip()
            return nil
        }
        return Int(String(decoding: bytes[try number()], as: UTF8.self))
    }

    /// Passes over a string; the range is what stands between the quotes.
    private mutating func string() throws(Malformed) -> Range<Int> {
        offset += 1
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return start..<offset - 1
            case UInt8(ascii: "\\"):
                try escape()
            case 0..<0x20:
                throw malformed("a control character in a string")
            default:
                offset += 1
            }
        }
        throw malformed("a string without an end")
    }

    private mutating func escape() throws(Malformed) {
        guard offset + 1 < bytes.count else { throw malformed("a string without an end") }
        switch bytes[offset + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 2
        case UInt8(ascii: "u"):
            guard offset + 6 <= bytes.count, bytes[offset + 2..<offset + 6].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
                throw malformed("an escape without four hexadecimal digits")
            }
            offset += 6
        default:
            throw malformed("an unknown escape")
        }
    }

    private mutating func number() throws(Malformed) -> Range<Int> {
        let start = offset
        _ = takeByte("-")
        if !takeByte("0") { try digits() }
        if takeByte(".") { try digits() }
        if takeByte("e") || takeByte("E") {
            if !takeByte("+") { _ = takeByte("-") }
            try digits()
        }
        return start..<offset
    }

    private mutating func digits() throws(Malformed) {
        let start = offset
        while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
        guard offset > start else { throw malformed("expected a value") }
    }

    private mutating func literal(_ text: StaticString) throws(Malformed) {
        let end = offset + text.utf8CodeUnitCount
        guard end <= bytes.count, text.withUTF8Buffer({ $0.elementsEqual(bytes[offset..<end]) }) else {
            throw malformed("expected a value")
        }
        offset = end
    }

    private mutating func open(_ bracket: Unicode.Scalar) throws(Malformed) {
        guard take(bracket) else { throw malformed("expected '\(bracket)'") }
        depth += 1
        guard depth <= Self.maximumDepth else { throw malformed("nested deeper than \(Self.maximumDepth)") }
    }

    private mutating func close(_ bracket: Unicode.Scalar) throws(Malformed) -> Bool {
        guard take(bracket) else { return false }
        depth -= 1
        return true
    }

    /// Takes a structural character, after white space.
    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        _ = peek()
        return takeByte(scalar)
    }

    private mutating func takeByte(_ scalar: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: scalar) else { return false }
        offset += 1
        return true
    }

    private func malformed(_ reason: String) -> Malformed {
        Malformed(offset: offset, reason: reason)
    }
}

extension JSONScanner {
    /// A member's name as it stands in the text, escapes included.
    struct Key {
        let bytes: UnsafeRawBufferPointer

        /// Whether the name is this ASCII text, once escapes are resolved.
        static func == (key: Key, name: StaticString) -> Bool {
            name.withUTF8Buffer { expected in
                key.bytes.contains(UInt8(ascii: "\\")) ? key.unescapedEquals(expected) : key.bytes.elementsEqual(expected)
            }
        }

        private func unescapedEquals(_ expected: UnsafeBufferPointer<UInt8>) -> Bool {
            var index = 0
            for wanted in expected {
                guard index < bytes.count else { return false }
                guard bytes[index] == UInt8(ascii: "\\") else {
                    guard bytes[index] == wanted else { return false }
                    index += 1
                    continue
                }
                // The names we look for hold letters and '_' only, so of the escapes just \uXXXX can match.
                guard bytes[index + 1] == UInt8(ascii: "u"),
                    UInt16(String(decoding: bytes[index + 2..<index + 6], as: UTF8.self), radix: 16) == UInt16(wanted)
                else { return false }
                index += 6
            }
            return index == bytes.count
        }
    }
}
