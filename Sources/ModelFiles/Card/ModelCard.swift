import Yams

/// The front matter of a model card: the YAML between `---` lines at the head of `README.md` (hub documentation, "Model cards").
public struct ModelCard: Sendable, Equatable {
    /// Bytes of front matter that are read. Cards list languages and benchmark results there; the largest have some ten KiB.
    public static let maximumFrontMatterBytes = 128 << 10

    /// An identifier of the hub's list, mostly an SPDX id in lower case; `other` goes with `licenseName`.
    public var license: String?
    public var licenseName: String?
    public var tags: [String]
    public var languages: [String]
    public var baseModels: [String]
    public var datasets: [String]
    /// `library_name`, such as `transformers`.
    public var library: String?
    /// `pipeline_tag`, such as `text-generation`.
    public var task: String?
    /// The first paragraph of prose, cut to 500 characters.
    public var summary: String?

    /// Reads a card.
    /// - Throws: ``ModelFileError``, when the front matter is not YAML that is safe to read. A card without front matter is empty.
    public init(_ source: any ByteSource) throws(ModelFileError) {
        let head = try source.read(at: 0, count: Self.maximumFrontMatterBytes)
        let lines = String(decoding: head, as: UTF8.self).split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        var front: ArraySlice<Substring> = []
        var body = lines[...]
        if lines.first.map({ $0.trimmed() == "---" || $0.trimmed() == "\u{FEFF}---" }) == true {
            guard let end = lines.dropFirst().firstIndex(where: { $0.trimmed() == "---" }) else {
                throw ModelFileError(.malformed, "the front matter does not end within \(head.count) bytes")
            }
            front = lines[1..<end]
            body = lines[(end + 1)...]
        }
        let members = try Self.members(front.joined(separator: "\n"))
        license = members["license"]?.first
        licenseName = members["license_name"]?.first
        tags = members["tags"] ?? []
        languages = members["language"] ?? members["languages"] ?? []
        baseModels = members["base_model"] ?? []
        datasets = members["datasets"] ?? []
        library = members["library_name"]?.first
        task = members["pipeline_tag"]?.first
        summary = Self.firstParagraph(body)
    }

    private static let kept: Set<String> = [
        "license", "license_name", "tags", "language", "languages", "base_model", "datasets", "library_name", "pipeline_tag",
    ]

    /// The texts of the keys that matter. Only scalars and lists of scalars are looked at, so nothing nested is ever walked.
    private static func members(_ yaml: String) throws(ModelFileError) -> [String: [String]] {
        guard !yaml.isEmpty else { return [:] }
        try SafeYAML.check(yaml)
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw ModelFileError(.malformed, "the front matter is not YAML")
        }
        var members: [String: [String]] = [:]
        for (key, value) in node?.mapping ?? [:] {
            guard let name = key.scalar?.string, kept.contains(name) else { continue }
            let nodes = value.sequence.map { Array($0.prefix(200)) } ?? [value]
            let texts = nodes.compactMap { $0.scalar?.string }.filter { !$0.isEmpty && $0 != "null" && $0 != "~" }.map {
                String($0.prefix(500))
            }
            if !texts.isEmpty { members[name] = texts }
        }
        return members
    }

    private static func firstParagraph(_ lines: ArraySlice<Substring>) -> String? {
        var found: [Substring] = []
        var isCode = false
        for line in lines {
            let line = line.trimmed()
            if line.hasPrefix("```") { isCode.toggle() }
            let isProse = !isCode && line.first.map { $0.isLetter || $0 == "*" || $0 == "_" } == true
            if isProse { found.append(line) } else if !found.isEmpty { break }
        }
        return found.isEmpty ? nil : String(found.joined(separator: " ").prefix(500))
    }
}

/// What keeps a hostile text from costing more than its size: libyaml and the tree above it recurse with nesting, and aliases multiply.
enum SafeYAML {
    static func check(_ text: String) throws(ModelFileError) {
        var flowDepth = 0
        var previous: UInt8 = 0x0A
        var indentation = 0
        var isIndentation = true
        var dashes = 0
        let bytes = Array(text.utf8)
        for (index, byte) in bytes.enumerated() {
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0x0A
            let startsToken = previous == 0x20 || previous == 0x0A || previous == 0x09 || ",[{".utf8.contains(previous)
            switch byte {
            case 0x0A:
                indentation = 0
                isIndentation = true
                dashes = 0
            case 0x20, 0x09:
                if isIndentation { indentation += 1 }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                flowDepth += 1
                isIndentation = false
            case UInt8(ascii: "]"), UInt8(ascii: "}"): flowDepth = max(0, flowDepth - 1)
            case UInt8(ascii: "&"), UInt8(ascii: "*"):
                if startsToken, next > 0x20 {
                    throw ModelFileError(.beyondLimit, at: Int64(index), "YAML anchors and aliases are not read")
                }
            case UInt8(ascii: "?"):
                if startsToken, next <= 0x20 {
                    throw ModelFileError(.beyondLimit, at: Int64(index), "YAML keys of several parts are not read")
                }
            case UInt8(ascii: "-"):
                if startsToken, next <= 0x20 { dashes += 1 }
            default: isIndentation = false
            }
            if flowDepth > 32 || indentation > 64 || dashes > 16 {
                throw ModelFileError(.beyondLimit, at: Int64(index), "YAML is nested too deep")
            }
            previous = byte
        }
    }
}

extension Substring {
    func trimmed() -> Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
