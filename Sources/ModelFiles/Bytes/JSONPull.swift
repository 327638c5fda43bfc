/// A JSON value, as far as configuration files need it.
public enum JSONNode: Sendable, Equatable {
    case null
    case bool(Bool)
    /// Integers up to 2⁵³ are exact. Python's `NaN` and `Infinity` are taken too, since configuration files hold them.
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([String: JSONNode])

    /// A member of an object.
    public subscript(name: String) -> JSONNode? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    /// A text that is not empty.
    public var text: String? {
        if case .string(let text) = self, !text.isEmpty { text } else { nil }
    }

    /// A whole number.
    public var integer: Int? {
        if case .number(let number) = self { Int(exactly: number) } else { nil }
    }

    public var number: Double? {
        if case .number(let number) = self { number } else { nil }
    }

    public var flag: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    /// The texts of an array.
    public var texts: [String] {
        if case .array(let elements) = self { elements.compactMap(\.text) } else { [] }
    }
}

/// Reads JSON (RFC 8259) piece by piece: what is not wanted is passed over without being built, so that memory goes to what is kept.
struct JSONPull {
    /// Deeper nesting is refused: it costs stack.
    static let maximumDepth = 64
    /// Values that one tree may have: each costs more memory than the two bytes that it may take in the text.
    static let maximumNodes = 200_000

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The whole text as a value.
    static func parse(_ bytes: [UInt8]) throws(ModelFileError) -> JSONNode {
        var pull = JSONPull(bytes)
        let value = try pull.value()
        try pull.end()
        return value
    }

    /// Refuses what follows the value; padding with spaces is fine.
    mutating func end() throws(ModelFileError) {
        skipSpace()
        guard position == bytes.count else { throw failure("nothing may follow the JSON value") }
    }

    private func failure(_ reason: String) -> ModelFileError {
        ModelFileError(position < bytes.count ? .malformed : .truncated, at: Int64(position), reason)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    /// The byte that decides what kind of value comes next.
    private mutating func peek() throws(ModelFileError) -> UInt8 {
        skipSpace()
        guard position < bytes.count else { throw failure("the JSON text ends where a value is expected") }
        return bytes[position]
    }

    mutating func isObject() throws(ModelFileError) -> Bool { try peek() == UInt8(ascii: "{") }

    /// Builds the next value as a tree.
    mutating func value() throws(ModelFileError) -> JSONNode {
        var room = Self.maximumNodes
        return try node(&room)
    }

    private mutating func node(_ room: inout Int) throws(ModelFileError) -> JSONNode {
        guard room > 0 else {
            throw ModelFileError(.beyondLimit, at: Int64(position), "a JSON value holds more than \(Self.maximumNodes) values")
        }
        room -= 1
        switch try peek() {
        case UInt8(ascii: "{"):
            var members: [String: JSONNode] = [:]
            try object { name, pull throws(ModelFileError) in members[name] = try pull.node(&room) }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONNode] = []
            try array { pull throws(ModelFileError) in elements.append(try pull.node(&room)) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N"): return try word("NaN", .number(.nan))
        case UInt8(ascii: "I"): return try word("Infinity", .number(.infinity))
        default: return .number(try number())
        }
    }

    /// Passes over a value.
    mutating func skip() throws(ModelFileError) {
        switch try peek() {
        case UInt8(ascii: "{"): try object { _, pull throws(ModelFileError) in try pull.skip() }
        case UInt8(ascii: "["): try array { pull throws(ModelFileError) in try pull.skip() }
        case UInt8(ascii: "\""): try skipString()
        default: _ = try value()
        }
    }

    /// Calls back for each member of an object; the callback must read or skip the value.
    mutating func object(
        _ member: (_ name: String, _ pull: inout JSONPull) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        try enter(UInt8(ascii: "{"), "an object")
        defer { depth -= 1 }
        if try peek() == UInt8(ascii: "}") { return position += 1 }
        while true {
            guard try peek() == UInt8(ascii: "\"") else { throw failure("expected a member name") }
            let name = try string()
            guard try peek() == UInt8(ascii: ":") else { throw failure("expected ':' after a member name") }
            position += 1
            try member(name, &self)
            if try closes(UInt8(ascii: "}")) { return }
        }
    }

    /// Calls back for each element of an array; the callback must read or skip it.
    mutating func array(_ element: (_ pull: inout JSONPull) throws(ModelFileError) -> Void) throws(ModelFileError) {
        try enter(UInt8(ascii: "["), "an array")
        defer { depth -= 1 }
        if try peek() == UInt8(ascii: "]") { return position += 1 }
        while true {
            try element(&self)
            if try closes(UInt8(ascii: "]")) { return }
        }
    }

    private mutating func enter(_ bracket: UInt8, _ what: String) throws(ModelFileError) {
        guard try peek() == bracket else { throw failure("expected \(what)") }
        guard depth < Self.maximumDepth else {
            throw ModelFileError(.beyondLimit, at: Int64(position), "JSON is nested deeper than \(Self.maximumDepth) levels")
        }
        depth += 1
        position += 1
    }

    private mutating func closes(_ bracket: UInt8) throws(ModelFileError) -> Bool {
        let byte = try peek()
        guard byte == bracket || byte == UInt8(ascii: ",") else { throw failure("expected ',' or a closing bracket") }
        position += 1
        return byte == bracket
    }

    private mutating func word(_ word: StaticString, _ value: JSONNode) throws(ModelFileError) -> JSONNode {
        for index in 0..<word.utf8CodeUnitCount {
            guard position < bytes.count, bytes[position] == word.utf8Start[index] else { throw failure("expected \(word)") }
            position += 1
        }
        return value
    }

    mutating func number() throws(ModelFileError) -> Double {
        let start = position
        while position < bytes.count, position - start < 400,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) || "+-.eE".utf8.contains(bytes[position])
        {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if text == "-", position < bytes.count, bytes[position] == UInt8(ascii: "I") {
            _ = try word("Infinity", .null)
            return -.infinity
        }
        guard text.first?.isNumber == true || text.hasPrefix("-"), let number = Double(text) else {
            position = start
            throw failure("expected a value")
        }
        return number
    }

    /// Passes over a string up to its closing quote, and gives its raw content.
    @discardableResult
    private mutating func skipString() throws(ModelFileError) -> (raw: ArraySlice<UInt8>, isPlain: Bool) {
        position += 1
        let start = position
        var isPlain = true
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            guard bytes[position] >= 0x20 else { throw failure("a control character stands in a string") }
            if bytes[position] == UInt8(ascii: "\\") {
                isPlain = false
                position += 1
            }
            position += 1
        }
        guard position < bytes.count else {
            position = bytes.count
            throw failure("a string is not closed")
        }
        position += 1
        return (bytes[start..<position - 1], isPlain)
    }

    mutating func string() throws(ModelFileError) -> String {
        guard try peek() == UInt8(ascii: "\"") else { throw failure("expected a string") }
        let (raw, isPlain) = try skipString()
        // What is not valid UTF-8 becomes U+FFFD: a name may look odd, but its file can still be judged.
        return isPlain ? String(decoding: raw, as: UTF8.self) : Self.unescaped(raw)
    }

    private static func unescaped(_ raw: ArraySlice<UInt8>) -> String {
        var units: [UInt16] = []
        var text = ""
        var plain: [UInt8] = []
        func flush() {
            if !units.isEmpty { text += String(decoding: units, as: UTF16.self) }
            if !plain.isEmpty { text += String(decoding: plain, as: UTF8.self) }
            units = []
            plain = []
        }
        var index = raw.startIndex
        while index < raw.endIndex {
            let byte = raw[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < raw.endIndex else {
                if !units.isEmpty { flush() }
                plain.append(byte)
                continue
            }
            let escape = raw[index]
            index += 1
            if escape == UInt8(ascii: "u"), index + 4 <= raw.endIndex,
                let unit = UInt16(String(decoding: raw[index..<index + 4], as: UTF8.self), radix: 16)
            {
                if !plain.isEmpty { flush() }
                units.append(unit)
                index += 4
                continue
            }
            if !units.isEmpty { flush() }
            switch escape {
            case UInt8(ascii: "n"): plain.append(0x0A)
            case UInt8(ascii: "t"): plain.append(0x09)
            case UInt8(ascii: "r"): plain.append(0x0D)
            case UInt8(ascii: "b"): plain.append(0x08)
            case UInt8(ascii: "f"): plain.append(0x0C)
            default: plain.append(escape)
            }
        }
        flush()
        return text
    }
}
