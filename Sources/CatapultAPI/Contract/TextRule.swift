/// A shape of text: a regular expression for schemas, the words that say it to people, and the test itself.
///
/// The test is written out beside the expression, and held equal to it by a test of ours: a request may bring a hundred thousand
/// digests, and an expression that is compiled for each costs a hundred times as much.
public struct TextRule: Sendable {
    /// ECMA 262 regular expression, anchored, as JSON Schema wants it.
    public let pattern: String
    /// What is allowed, to follow "must be".
    public let words: String
    /// Longest text in characters.
    public let maximumLength: Int

    private let accepts: @Sendable (ArraySlice<UInt8>) -> Bool

    /// A shape; `accepts` says of UTF-8 text what `pattern` says.
    init(pattern: String, words: String, maximumLength: Int, accepts: @escaping @Sendable (ArraySlice<UInt8>) -> Bool) {
        self.pattern = pattern
        self.words = words
        self.maximumLength = maximumLength
        self.accepts = accepts
    }

    /// True for a text of this shape. Shapes allow ASCII only, so that a character is a byte.
    public func matches(_ text: String) -> Bool {
        text.utf8.count <= maximumLength && accepts(ArraySlice(text.utf8))
    }
}

extension TextRule: Equatable {
    public static func == (left: TextRule, right: TextRule) -> Bool {
        left.pattern == right.pattern && left.maximumLength == right.maximumLength
    }
}

extension TextRule {
    /// Names of models, environments, deployments: a start that is safe everywhere, and no white space.
    public static let name = TextRule(
        pattern: "^[A-Za-z0-9][A-Za-z0-9._/-]*$", words: "letters, digits, '.', '_', '-' and '/', beginning with a letter or digit",
        maximumLength: 255, accepts: { $0.isWord(first: .alphanumeric, rest: .alphanumeric.union("._/-")) }
    )
    /// Names in which `*` stands for any characters: what a key is limited to.
    public static let scopePattern = TextRule(
        pattern: "^[A-Za-z0-9*][A-Za-z0-9*._/-]*$",
        words: "a name in which * may stand for any characters, such as org/* or staging", maximumLength: 255,
        accepts: { $0.isWord(first: .alphanumeric.union("*"), rest: .alphanumeric.union("*._/-")) }
    )
    /// Names that become one part of a URL path or of another name.
    public static let plainName = TextRule(
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$", words: "letters, digits, '.', '_' and '-', beginning with a letter or digit",
        maximumLength: 100, accepts: { $0.isWord(first: .alphanumeric, rest: .alphanumeric.union("._-")) }
    )
    /// What a version may be called: it becomes part of image tags and paths.
    public static let version = TextRule(
        pattern: "^[A-Za-z0-9_][A-Za-z0-9._+-]*$", words: "letters, digits, '.', '_', '-' and '+', beginning with a letter, digit or '_'",
        maximumLength: 500, accepts: { $0.isWord(first: .alphanumeric.union("_"), rest: .alphanumeric.union("._+-")) }
    )
    /// What an alias may be called: never like a version number, so that the two cannot be taken for each other.
    public static let alias = TextRule(
        pattern: "^(?![vV][0-9])[A-Za-z][A-Za-z0-9._-]*$",
        words: "letters, digits, '.', '_' and '-', beginning with a letter and not like a version number (v1)", maximumLength: 64,
        accepts: isAlias
    )
    /// The address of something external: an absolute URL (RFC 3986) of a scheme that fetches things, without user information.
    public static let reference = TextRule(
        pattern: "^(https?|s3|gs|az|hf|oci|docker|git|ftp|mlflow)://[!-.0-?A-Z\\[\\]^-~]+(/[!-~]*)?$",
        words: "an absolute URL (http, https, s3, gs, az, hf, oci, docker, git, ftp, mlflow) without user name or password",
        maximumLength: 1_000, accepts: isReference
    )
    /// A package URL (purl-spec): `pkg:type/namespace/name@version?qualifiers#subpath`.
    public static let packageURL = TextRule(
        pattern: "^pkg:[A-Za-z][A-Za-z0-9.+-]*/[!-~]+$", words: "a package URL, such as pkg:pypi/vllm@0.9.1", maximumLength: 1_000,
        accepts: isPackageURL
    )
    /// A SHA-256 digest in lower-case hexadecimal.
    public static let sha256 = TextRule(
        pattern: "^[0-9a-f]{64}$", words: "64 hexadecimal digits in lower case", maximumLength: 64,
        accepts: { $0.count == 64 && $0.allSatisfy(ASCIISet("0123456789abcdef").contains) }
    )
    /// A Docker image reference with a tag (distribution/reference grammar, without a digest).
    public static let imageTag = TextRule(
        pattern: "^([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]([a-z0-9._/-]*[a-z0-9])?:[A-Za-z0-9_][A-Za-z0-9._-]*$",
        words: "a lowercase repository, a colon and a tag, such as team/gpt-model:1.0", maximumLength: 256, accepts: isImageTag
    )
    /// A number of bytes with a unit, as in Docker and Kubernetes.
    public static let byteCount = TextRule(
        pattern: "^[0-9]+(\\.[0-9]+)?([kKmMgGtT]i?[bB]?|[bB])?$", words: "a number of bytes with a unit, such as 512Mi, 8g or 32Gi",
        maximumLength: 32,
        accepts: isByteCount
    )

    private static func isAlias(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.isWord(first: .letter, rest: .alphanumeric.union("._-")) else { return false }
        let looksLikeAVersion =
            ASCIISet("vV").contains(text[text.startIndex]) && text.dropFirst().first.map(ASCIISet.digit.contains) == true
        return !looksLikeAVersion
    }

    private static func isReference(_ text: ArraySlice<UInt8>) -> Bool {
        let schemes = ["http", "https", "s3", "gs", "az", "hf", "oci", "docker", "git", "ftp", "mlflow"]
        guard let scheme = schemes.first(where: { text.starts(with: "\($0)://".utf8) }) else { return false }
        let rest = text.dropFirst(scheme.utf8.count + 3)
        guard rest.allSatisfy(\.isVisible) else { return false }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") }
        return !authority.isEmpty && !authority.contains(UInt8(ascii: "@")) && !authority.contains(UInt8(ascii: "\\"))
    }

    private static func isPackageURL(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.starts(with: "pkg:".utf8) else { return false }
        let rest = text.dropFirst(4)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return false }
        return rest[..<slash].isWord(first: .letter, rest: .alphanumeric.union(".+-"))
            && slash + 1 < rest.endIndex && rest[(slash + 1)...].allSatisfy(\.isVisible)
    }

    private static func isImageTag(_ text: ArraySlice<UInt8>) -> Bool {
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")),
            text[(colon + 1)...].isWord(first: .alphanumeric.union("_"), rest: .alphanumeric.union("._-"))
        else { return false }
        let name = text[..<colon]
        if isRepository(name) { return true }
        guard let slash = name.firstIndex(of: UInt8(ascii: "/")), isRepository(name[(slash + 1)...]) else { return false }
        var host = name[..<slash]
        if let colon = host.firstIndex(of: UInt8(ascii: ":")) {
            guard host[(colon + 1)...].isWord(first: .digit, rest: .digit) else { return false }
            host = host[..<colon]
        }
        return host.isWord(first: .lowercase.union(".-"), rest: .lowercase.union(".-"))
    }

    private static func isRepository(_ text: ArraySlice<UInt8>) -> Bool {
        text.isWord(first: .lowercase, rest: .lowercase.union("._/-")) && text.last.map(ASCIISet.lowercase.contains) == true
    }

    private static func isByteCount(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        func dropDigits() -> Bool {
            let count = rest.prefix(while: ASCIISet.digit.contains).count
            rest = rest.dropFirst(count)
            return count > 0
        }
        guard dropDigits() else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard dropDigits() else { return false }
        }
        if let unit = rest.first, ASCIISet("kKmMgGtT").contains(unit) {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "i") { rest = rest.dropFirst() }
        }
        if let byte = rest.first, ASCIISet("bB").contains(byte) { rest = rest.dropFirst() }
        return rest.isEmpty
    }
}

/// A set of ASCII characters as 128 bits.
private struct ASCIISet: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    static let digit = ASCIISet("0123456789")
    static let lowercase = digit.union("abcdefghijklmnopqrstuvwxyz")
    static let alphanumeric = lowercase.union("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    static let letter = ASCIISet("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

    init(_ characters: StaticString) {
        for index in 0..<characters.utf8CodeUnitCount { insert(characters.utf8Start[index]) }
    }

    func union(_ characters: StaticString) -> ASCIISet {
        let other = ASCIISet(characters)
        var result = self
        result.low |= other.low
        result.high |= other.high
        return result
    }

    func contains(_ byte: UInt8) -> Bool { byte < 64 ? low >> byte & 1 == 1 : byte < 128 && high >> (byte - 64) & 1 == 1 }

    private mutating func insert(_ byte: UInt8) {
        if byte < 64 { low |= 1 << byte } else { high |= 1 << (byte - 64) }
    }
}

extension UInt8 {
    /// True for ASCII characters that are neither white space nor control characters.
    fileprivate var isVisible: Bool { self > 0x20 && self < 0x7F }
}

extension ArraySlice<UInt8> {
    /// True for at least one character, the first out of one set, the others out of another.
    fileprivate func isWord(first: ASCIISet, rest: ASCIISet) -> Bool {
        guard let start = self.first, first.contains(start) else { return false }
        return dropFirst().allSatisfy(rest.contains)
    }
}
