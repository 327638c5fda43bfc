import CatapultAPI
import Foundation
import HTTPTypes
import Testing

/// One request of a contract file, and what its answer must be. Tests/Contract/README.md has the form of the files.
struct ContractStep: Sendable {
    var line: Int
    /// The key that is shown; nil for none, "admin" for the administrator's.
    var key: String?
    var method: String
    var path: String
    var body: String?
    var status: Int
    /// What the answer must hold; nil where only the status counts.
    var pattern: String?
    /// Header fields of the answer: a value, or "-" for a field that must not be there.
    var fields: [(name: String, value: String)] = []
    /// Variables that are taken from the answer: name, and the way to the value.
    var saved: [(name: String, way: [String])] = []
}

/// What a contract file says, in its order.
enum ContractItem: Sendable {
    case step(ContractStep)
    /// A file that lies beneath the storage root.
    case file(path: String, content: String)
}

/// A file of `Tests/Contract`: rows of the wire contract that earlier clients rely on.
struct ContractFile: Sendable {
    let path: String
    let items: [ContractItem]

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Contract").path

    static func all() throws -> [ContractFile] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".contract") }.sorted().map {
            try ContractFile(path: "\(folder)/\($0)")
        }
    }

    init(path: String) throws {
        self.path = path
        var items: [ContractItem] = []
        var key: String? = "admin"
        var step: ContractStep?
        func finish() {
            if let step { items.append(.step(step)) }
            step = nil
        }
        for (number, line) in Self.lines(try String(contentsOfFile: path, encoding: .utf8)) {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            let rest = words.count > 1 ? words[1] : ""
            switch words[0] {
            case "as":
                finish()
                key = rest == "nobody" ? nil : rest
            case "file":
                finish()
                let parts = rest.split(separator: " ", maxSplits: 1).map(String.init)
                items.append(.file(path: parts[0], content: parts.count > 1 ? parts[1] : ""))
            case "=":
                let parts = rest.split(separator: " ", maxSplits: 1).map(String.init)
                step?.status = Int(parts[0]) ?? 0
                step?.pattern = parts.count > 1 ? parts[1] : nil
            case ":":
                let parts = rest.split(separator: " ", maxSplits: 1).map(String.init)
                step?.fields.append((parts[0], parts.count > 1 ? parts[1] : "-"))
            case ">":
                let parts = rest.split(separator: " ").map(String.init)
                step?.saved.append((parts[0], parts[1].split(separator: ".").map(String.init)))
            default:
                finish()
                let parts = rest.split(separator: " ", maxSplits: 1).map(String.init)
                step = ContractStep(
                    line: number, key: key, method: words[0], path: parts[0], body: parts.count > 1 ? parts[1] : nil, status: 0)
            }
        }
        finish()
        self.items = items
    }

    /// The lines that say something, with their numbers; those that are indented go on with the one before.
    private static func lines(_ text: String) -> [(Int, String)] {
        var lines: [(Int, String)] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.trimmingCharacters(in: .whitespaces)
            guard !content.isEmpty, !content.hasPrefix("#") else { continue }
            if line.hasPrefix(" "), !lines.isEmpty {
                lines[lines.count - 1].1 += " " + content
            } else {
                lines.append((index + 1, content))
            }
        }
        return lines
    }
}

/// Holds an answer against a pattern. Answers may have more members than a pattern: the contract only grows.
enum ContractPattern {
    /// What is wrong with a value; empty where nothing is.
    static func problems(_ value: JSONValue?, _ pattern: JSONValue, at place: String = "$") -> [String] {
        guard let value else { return ["\(place) is missing"] }
        switch (pattern, value) {
        case (.object(let members), .object(let found)):
            return members.sorted { $0.key < $1.key }.flatMap { problems(found[$0.key], $0.value, at: "\(place).\($0.key)") }
        case (.array(let elements), .array(let found)):
            guard elements.count == found.count else { return ["\(place) has \(found.count) elements instead of \(elements.count)"] }
            return zip(elements, found).enumerated().flatMap { problems($1.1, $1.0, at: "\(place)[\($0)]") }
        case (.string(let text), _) where text.hasPrefix("<") && text.hasSuffix(">"):
            return isOf(String(text.dropFirst().dropLast()), value) ? [] : ["\(place) must be \(text), but is \(value.jsonText)"]
        default: return pattern == value ? [] : ["\(place) must be \(pattern.jsonText), but is \(value.jsonText)"]
        }
    }

    private static func isOf(_ kind: String, _ value: JSONValue) -> Bool {
        if kind.hasSuffix("?") { return value == .null || isOf(String(kind.dropLast()), value) }
        switch (kind, value) {
        case ("any", _), ("text", .string), ("integer", .int), ("boolean", .bool), ("object", .object), ("array", .array): return true
        case ("number", .int), ("number", .double): return true
        case ("id", .string(let text)): return text == text.lowercased() && UUID(uuidString: text) != nil
        // RFC 3339 with Z: browsers take a time without a zone for local time.
        case ("time", .string(let text)): return text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil
        // What earlier clients hold keys against.
        case ("key", .string(let text)): return text.wholeMatch(of: /[0-9a-f]{8}\.[A-Za-z0-9_-]{40,}/) != nil && text.count <= 200
        case (_, .string(let text)) where kind.hasPrefix("…"): return text.contains(kind.dropFirst())
        case (_, .array(let elements)) where kind.hasSuffix("…"):
            return elements.allSatisfy { isOf(String(kind.dropLast()), $0) }
        default: return false
        }
    }
}

extension JSONValue {
    /// The value at the end of a way of member names and indexes.
    func value(at way: [String]) -> JSONValue? {
        way.reduce(Optional(self)) { value, step in Int(step).map { value?[$0] } ?? value?[step] }
    }
}
