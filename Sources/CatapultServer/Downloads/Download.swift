import CatapultAPI
import HTTPTypes

/// A file to be sent: open, with what its headers say.
struct Download: Sendable {
    let file: OpenedFile
    /// The name under which a client saves it.
    let filename: String
    /// SHA-256 of the bytes where the server has read them; the validator of a file that it has not is made of size and time.
    let sha256: String?

    /// The strong validator (RFC 9110, section 8.8.3).
    var entityTag: String {
        "\"\(sha256 ?? "\(String(file.facts.size, radix: 16))-\(String(file.facts.modifiedNanoseconds, radix: 16))")\""
    }

    /// How to answer a request, given its conditions: the precedence of RFC 9110, section 13.2.2.
    enum Answer: Sendable, Equatable {
        case whole
        case part(Range<Int64>)
        case notModified
        case preconditionFailed
        case unsatisfiable
    }

    func answer(to headers: HTTPFields) -> Answer {
        let modified = file.facts.modifiedNanoseconds / 1_000_000_000
        if let tags = headers[.ifMatch] {
            if !Self.lists(tags, entityTag, weakly: false) { return .preconditionFailed }
        } else if let date = headers[.ifUnmodifiedSince].flatMap(HTTPDate.seconds), modified > date {
            return .preconditionFailed
        }
        if let tags = headers[.ifNoneMatch] {
            if Self.lists(tags, entityTag, weakly: true) { return .notModified }
        } else if let date = headers[.ifModifiedSince].flatMap(HTTPDate.seconds), modified <= date {
            return .notModified
        }
        if let condition = headers[.ifRange] {
            // A date is good enough only where it is exact; a weak tag never is (section 13.1.5).
            guard condition == entityTag || HTTPDate.seconds(condition) == modified else { return .whole }
        }
        switch ByteRange(header: headers[.range], size: file.facts.size) {
        case .whole: return .whole
        case .part(let range): return .part(range)
        case .unsatisfiable: return .unsatisfiable
        }
    }

    private static func lists(_ tags: String, _ tag: String, weakly: Bool) -> Bool {
        tags.split(separator: ",").contains { text in
            let text = text.filter { $0 != " " && $0 != "\t" }
            return text == "*" || text == tag || weakly && text == "W/" + tag
        }
    }

    /// The headers that every answer about the file has.
    var headers: HTTPFields {
        [
            .eTag: entityTag, .lastModified: HTTPDate.text(file.facts.modifiedAt), .acceptRanges: "bytes",
            .contentDisposition: Self.disposition(filename), .xContentTypeOptions: "nosniff", .cacheControl: "private, no-cache",
        ]
    }

    /// `Content-Disposition` by RFC 6266: a plain form for old clients, and the whole name in UTF-8 where it needs that.
    static func disposition(_ filename: String) -> String {
        let plain = String(filename.map { $0.isASCII && $0 >= " " && $0 != "\u{7F}" && $0 != "\"" && $0 != "\\" ? $0 : "_" })
        guard plain != filename else { return "attachment; filename=\"\(plain)\"" }
        let digits = Array("0123456789ABCDEF")
        let encoded = filename.utf8.reduce(into: "") { text, byte in
            let character = Character(Unicode.Scalar(byte))
            // attr-char of RFC 8187, section 3.2.1.
            if byte < 0x80, character.isLetter || character.isNumber || "!#$&+-.^_`|~".contains(character) {
                text.append(character)
            } else {
                text.append("%")
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 0xF)])
            }
        }
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
    }
}
