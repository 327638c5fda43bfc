/// What SQL text consists of, as far as PostgreSQL's lexical rules tell without a parser
/// (https://www.postgresql.org/docs/15/sql-syntax-lexical.html).
struct SQLScanner {
    /// The text's statements, without the semicolons between them and without space around them. What is only space or comment is none.
    private(set) var statements: [String] = []
    /// The first words of the first statement, in upper case: at most three.
    private(set) var firstWords: [String] = []
    /// Whether a placeholder such as `$1` stands outside of quotes and comments.
    private(set) var hasPlaceholder = false

    private let bytes: [UInt8]
    private var position = 0
    /// The first byte of the current statement that is neither space nor comment.
    private var start: Int?
    private var end = 0

    init(_ sql: String) {
        bytes = Array(sql.utf8)
        while position < bytes.count { step() }
        finishStatement()
    }

    private subscript(_ offset: Int) -> UInt8 { position + offset < bytes.count ? bytes[position + offset] : 0 }

    private mutating func step() {
        switch self[0] {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x0c: position += 1
        case UInt8(ascii: "-") where self[1] == UInt8(ascii: "-"): skip { $0[0] != UInt8(ascii: "\n") }
        case UInt8(ascii: "/") where self[1] == UInt8(ascii: "*"): skipComment()
        case UInt8(ascii: ";"):
            finishStatement()
            position += 1
        default:
            start = start ?? position
            token()
            end = position
        }
    }

    private mutating func token() {
        switch self[0] {
        case UInt8(ascii: "'"): skipQuoted(UInt8(ascii: "'"), escapes: false)
        case UInt8(ascii: "\""): skipQuoted(UInt8(ascii: "\""), escapes: false)
        case UInt8(ascii: "E") where self[1] == UInt8(ascii: "'"), UInt8(ascii: "e") where self[1] == UInt8(ascii: "'"):
            position += 1
            skipQuoted(UInt8(ascii: "'"), escapes: true)
        case UInt8(ascii: "$"):
            if Self.isDigit(self[1]) { hasPlaceholder = true }
            if !skipDollarQuoted() { position += 1 }
        case let byte where Self.isLetter(byte): word()
        case let byte where Self.isDigit(byte): skip { Self.isDigit($0[0]) || Self.isLetter($0[0]) }
        default: position += 1
        }
    }

    private mutating func word() {
        let first = position
        // A dollar may stand inside a name.
        skip { Self.isLetter($0[0]) || Self.isDigit($0[0]) || $0[0] == UInt8(ascii: "$") }
        if statements.isEmpty, firstWords.count < 3 {
            firstWords.append(String(decoding: bytes[first..<position], as: UTF8.self).uppercased())
        }
    }

    private mutating func skip(while condition: (Self) -> Bool) {
        while position < bytes.count, condition(self) { position += 1 }
    }

    /// PostgreSQL's block comments nest.
    private mutating func skipComment() {
        var depth = 0
        repeat {
            if self[0] == UInt8(ascii: "/"), self[1] == UInt8(ascii: "*") {
                depth += 1
                position += 2
            } else if self[0] == UInt8(ascii: "*"), self[1] == UInt8(ascii: "/") {
                depth -= 1
                position += 2
            } else {
                position += 1
            }
        } while depth > 0 && position < bytes.count
    }

    /// A quote inside is written twice, which reads as two quoted texts, one after the other.
    private mutating func skipQuoted(_ quote: UInt8, escapes: Bool) {
        position += 1
        while position < bytes.count, self[0] != quote { position += escapes && self[0] == UInt8(ascii: "\\") ? 2 : 1 }
        position = min(position + 1, bytes.count)
    }

    /// Passes over `$$…$$` and `$tag$…$tag$`; false where none begins here.
    private mutating func skipDollarQuoted() -> Bool {
        var length = 1
        while Self.isLetter(self[length]) || (length > 1 && Self.isDigit(self[length])) { length += 1 }
        guard self[length] == UInt8(ascii: "$") else { return false }
        let tag = bytes[position...position + length]
        position += tag.count
        while position < bytes.count, !bytes[position...].starts(with: tag) { position += 1 }
        position = min(position + tag.count, bytes.count)
        return true
    }

    private mutating func finishStatement() {
        if let start { statements.append(String(decoding: bytes[start..<end], as: UTF8.self)) }
        start = nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }
}
