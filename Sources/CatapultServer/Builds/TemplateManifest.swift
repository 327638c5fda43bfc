import CatapultAPI
import Yams

/// What is wrong with a template: the file, the key where one is to blame, and what is allowed.
struct TemplateProblem: Error, Equatable, CustomStringConvertible {
    /// Name of the file in the template's folder; empty for the folder itself.
    var file: String
    /// Dotted path of the key, such as `build_args.0.name`.
    var key: String?
    /// What is wrong, to follow file and key.
    var reason: String

    var description: String { [file, key, reason].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ") }
}

/// The manifest of a template, `template.yml`. Templates/README.md describes its keys.
struct TemplateManifest: Sendable, Equatable {
    static let fileName = "template.yml"
    /// A larger manifest is not read.
    static let maximumBytes = 64 << 10

    var name: String
    var summary: String
    var serverTypes: [String]
    var dockerfile: String
    var files: [String]
    var modelPath: String
    var baseImage: String
    var buildArgs: [TemplateParameter]
    var environment: [TemplateParameter]
    var port: Int
    var healthPath: String
    var startGraceSeconds: Int
    var stopGraceSeconds: Int
    var requiresGPU: Bool
    var endpoints: [String]

    /// Reads a manifest. Every key must be there, have its type and obey its rule; a key that is not known is refused, so that a slip of the
    /// pen cannot silently mean the default.
    init(parsing text: String, folder: String) throws(TemplateProblem) {
        guard text.utf8.count <= Self.maximumBytes else {
            throw TemplateProblem(file: Self.fileName, reason: "has more than \(Self.maximumBytes) bytes")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw TemplateProblem(file: Self.fileName, reason: "is not YAML: \(error)")
        }
        guard let root, root.mapping != nil else {
            throw TemplateProblem(file: Self.fileName, reason: "must be a mapping of keys to values")
        }
        var keys = try ManifestKeys(root, path: nil)
        name = try keys.text("name", .templateName)
        guard name == folder else { throw keys.problem("name", "must be '\(folder)', as the folder is called") }
        summary = try keys.text("summary", .line)
        serverTypes = try keys.list("server_types", .templateName)
        dockerfile = try keys.text("dockerfile", .fileName)
        files = try keys.list("files", .fileName)
        modelPath = try keys.text("model_path", .fileName)
        baseImage = try keys.text("base_image", .imageReference)
        buildArgs = try keys.parameters("build_args", allowsDefault: false)
        environment = try keys.parameters("environment", allowsDefault: true)
        port = try keys.integer("port", 1...65_535)
        healthPath = try keys.text("health_path", .urlPath)
        startGraceSeconds = try keys.integer("start_grace_seconds", 1...86_400)
        stopGraceSeconds = try keys.integer("stop_grace_seconds", 1...3_600)
        requiresGPU = try keys.flag("requires_gpu")
        endpoints = try keys.list("endpoints", .urlPath)
        try keys.refuseOthers()
        try checkContext(keys)
    }

    /// The names that meet in the build context must differ.
    private func checkContext(_ keys: ManifestKeys) throws(TemplateProblem) {
        var taken: Set<String> = [BuildContext.dockerfile, modelPath]
        guard modelPath != BuildContext.dockerfile else { throw keys.problem("model_path", "must not be '\(modelPath)'") }
        for (index, file) in files.enumerated() where !taken.insert(file).inserted {
            throw keys.problem("files.\(index)", "'\(file)' stands in the build context already")
        }
    }
}

/// The members of one YAML mapping, taken one by one; what is left is not known.
private struct ManifestKeys {
    private var nodes: [String: Node] = [:]
    private let path: String?

    init(_ node: Node, path: String?) throws(TemplateProblem) {
        self.path = path
        guard case .mapping(let mapping) = node else { throw Self.problem(path, "must be a mapping of keys to values") }
        for (key, value) in mapping {
            guard let key = key.scalar?.string else { throw Self.problem(path, "has a key that is not text") }
            nodes[key] = value
        }
    }

    mutating func text(_ key: String, _ rule: ManifestRule) throws(TemplateProblem) -> String {
        try Self.text(try take(key), at(key), rule)
    }

    mutating func list(_ key: String, _ rule: ManifestRule) throws(TemplateProblem) -> [String] {
        var texts: [String] = []
        for (index, node) in try elements(key).enumerated() {
            let text = try Self.text(node, at("\(key).\(index)"), rule)
            guard !texts.contains(text) else { throw problem("\(key).\(index)", "'\(text)' stands in the list twice") }
            texts.append(text)
        }
        return texts
    }

    mutating func integer(_ key: String, _ range: ClosedRange<Int>) throws(TemplateProblem) -> Int {
        let node = try take(key)
        guard node.tag == Tag(.int), let number = node.int, range.contains(number) else {
            throw problem(key, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func flag(_ key: String) throws(TemplateProblem) -> Bool {
        let node = try take(key)
        guard node.tag == Tag(.bool), let flag = node.bool else { throw problem(key, "must be true or false") }
        return flag
    }

    mutating func parameters(_ key: String, allowsDefault: Bool) throws(TemplateProblem) -> [TemplateParameter] {
        var parameters: [TemplateParameter] = []
        for (index, node) in try elements(key).enumerated() {
            var keys = try ManifestKeys(node, path: at("\(key).\(index)"))
            let name = try keys.text("name", .variable)
            let value = allowsDefault && keys.nodes["default"] != nil ? try keys.text("default", .anyText) : nil
            let description = try keys.text("description", .line)
            try keys.refuseOthers()
            guard !parameters.contains(where: { $0.name == name }) else { throw keys.problem("name", "'\(name)' stands in the list twice") }
            parameters.append(TemplateParameter(name: name, default: value, description: description))
        }
        return parameters
    }

    func refuseOthers() throws(TemplateProblem) {
        if let key = nodes.keys.min() { throw problem(key, "is not a key of a manifest") }
    }

    func problem(_ key: String, _ reason: String) -> TemplateProblem { Self.problem(at(key), reason) }

    private func at(_ key: String) -> String { path.map { "\($0).\(key)" } ?? key }

    private static func problem(_ key: String?, _ reason: String) -> TemplateProblem {
        TemplateProblem(file: TemplateManifest.fileName, key: key, reason: reason)
    }

    private mutating func take(_ key: String) throws(TemplateProblem) -> Node {
        guard let node = nodes.removeValue(forKey: key) else { throw problem(key, "is missing") }
        return node
    }

    private mutating func elements(_ key: String) throws(TemplateProblem) -> [Node] {
        guard case .sequence(let sequence) = try take(key) else { throw problem(key, "must be a list") }
        return Array(sequence)
    }

    private static func text(_ node: Node, _ key: String, _ rule: ManifestRule) throws(TemplateProblem) -> String {
        guard case .scalar(let scalar) = node, node.tag == Tag(.str) else { throw problem(key, "must be text; put quotes around it") }
        guard rule.allows(scalar.string) else { throw problem(key, "must be \(rule.words)") }
        return scalar.string
    }
}

/// A shape of text in a manifest, and the words that say it.
private struct ManifestRule: Sendable {
    var words: String
    var allows: @Sendable (String) -> Bool

    static let templateName = ManifestRule(words: "lower-case letters, digits and '-', beginning with a letter or digit, at most 100") {
        text in
        (1...100).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }
    static let fileName = ManifestRule(words: "one file name of letters, digits, '.', '_' and '-', not beginning with '.' or '-'") { text in
        guard (1...255).contains(text.utf8.count), let first = text.utf8.first, isWord(first) else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }
    static let variable = ManifestRule(words: "a variable's name: letters, digits and '_', not beginning with a digit") {
        BuildArguments.isName($0)
    }
    static let urlPath = ManifestRule(words: "a path that begins with '/', without spaces, '?' and '#'") { text in
        text.utf8.first == UInt8(ascii: "/") && text.utf8.count <= 1_000
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    }
    static let imageReference = ManifestRule(words: "the reference of an image, such as python:3.11-slim") { ImageTag.isReference($0) }
    static let line = ManifestRule(words: "one line of 1 to 500 characters") { text in
        (1...500).contains(text.unicodeScalars.count) && !BuildArguments.hasControlCharacters(text)
    }
    static let anyText = ManifestRule(words: "at most 1000 characters without control characters") { text in
        text.unicodeScalars.count <= 1_000 && !BuildArguments.hasControlCharacters(text)
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isWord(_ byte: UInt8) -> Bool {
        isLower(byte) || isDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
    }
}
