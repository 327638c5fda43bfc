import CatapultAPI

/// Reads the language of searches. Pure; the grammar, with blanks between clauses:
///
/// ```
/// clause     = ["-"] (word ["*"] | phrase | field operator value) | word ":" number
/// phrase     = '"' anything but '"' '"'
/// field      = letters and "_"
/// operator   = ":" | "=" | ">" | ">=" | "<" | "<="        comparisons for created, size and params only
/// value      = phrase | anything but blanks
/// ```
struct SearchQueryParser {
    /// Why a query cannot be understood.
    struct Failure: Error, Equatable {
        /// Offset of the offending part, in characters from 0.
        var position: Int
        var message: String
        var candidates: [String] = []
        var hint: String?
    }

    /// More clauses would only serve to keep the server busy.
    private static let mostClauses = 16

    private let characters: [Character]
    private var index = 0

    private init(_ text: String) { characters = Array(text) }

    /// The query that a text means.
    static func parse(_ text: String) throws(Failure) -> SearchQuery {
        var parser = SearchQueryParser(text)
        return try parser.query()
    }

    private mutating func query() throws(Failure) -> SearchQuery {
        var query = SearchQuery()
        var lastWordEnd: Int?
        while skipBlanks() {
            let start = index
            let isNegated = characters[index] == "-" && index + 1 < characters.count && !characters[index + 1].isWhitespace
            if isNegated { index += 1 }
            let field = field()
            if let field, field.name == "type" {
                guard !isNegated else { throw Failure(position: start, message: "type: cannot be negated", hint: Self.typeHint) }
                query.types = (query.types ?? []).union([try type(field)])
                continue
            }
            if let field {
                query.clauses.append(.init(condition: try condition(field), isNegated: isNegated))
            } else {
                query.clauses += try words(start, isNegated: isNegated).map { .init(condition: .words($0), isNegated: isNegated) }
            }
            guard query.clauses.count <= Self.mostClauses else {
                throw Failure(position: start, message: "there are more than \(Self.mostClauses) conditions")
            }
            lastWordEnd = field == nil && !isNegated && characters[index - 1] != "\"" ? index : nil
        }
        // Somebody who types has not finished the last word, unless a blank follows it.
        if lastWordEnd == characters.count, case .words(var words) = query.clauses.last?.condition {
            words.isPrefix = true
            query.clauses[query.clauses.count - 1].condition = .words(words)
        }
        guard !query.clauses.isEmpty || query.types != nil else { throw Failure(position: 0, message: "there is nothing to search for") }
        return query
    }

    // MARK: Words

    /// One word or phrase; of `model:version` both sides, since no single thing holds both.
    private mutating func words(_ start: Int, isNegated: Bool) throws(Failure) -> [SearchQuery.Words] {
        let isPhrase = characters[index] == "\""
        var text = try value()
        guard !isPhrase else { return [try words(text, isPrefix: false, at: start)] }
        let isPrefix = text.hasSuffix("*")
        if isPrefix { text.removeLast() }
        let sides = isNegated ? [] : text.split(separator: ":")
        guard sides.count == 2 else { return [try words(text, isPrefix: isPrefix, at: start)] }
        return [try words(String(sides[0]), isPrefix: false, at: start), try words(String(sides[1]), isPrefix: isPrefix, at: start)]
    }

    private func words(_ text: String, isPrefix: Bool, at position: Int) throws(Failure) -> SearchQuery.Words {
        let pieces = SearchText.pieces(text, limit: 32).map(\.text)
        guard !pieces.isEmpty else {
            throw Failure(position: position, message: "\"\(text)\" has neither a letter nor a digit", hint: "Search for words or numbers.")
        }
        return SearchQuery.Words(text: text, pieces: pieces, isPrefix: isPrefix)
    }

    // MARK: Fields

    private struct FieldUse {
        var name: String
        var sign: String
        var position: Int
    }

    private static let otherNames = [
        "server": "server_type", "env": "environment", "parameters": "params", "quant": "quantization", "tags": "tag", "date": "created",
    ]
    private static let names =
        (SearchQuery.Property.allCases.map(\.rawValue) + SearchQuery.Quantity.allCases.map(\.rawValue) + ["name", "type"])
        .sorted()
    private static let typeHint = "Types are \(SearchType.allCases.map(\.rawValue).joined(separator: ", "))."

    /// Passes over `field operator` if that is what comes next.
    private mutating func field() -> FieldUse? {
        var end = index
        while end < characters.count, characters[end].isASCII, characters[end].isLetter || characters[end] == "_" { end += 1 }
        guard end > index, end < characters.count, ":=<>".contains(characters[end]) else { return nil }
        let name = String(characters[index..<end]).lowercased()
        // `llama:1.0` is a model and its version, as commands take it.
        let isKnown = Self.names.contains(name) || Self.otherNames[name] != nil
        if !isKnown, characters[end] == ":", end + 1 < characters.count, characters[end + 1].isNumber { return nil }
        var sign = String(characters[end])
        if sign == "<" || sign == ">", end + 1 < characters.count, characters[end + 1] == "=" { sign += "=" }
        let use = FieldUse(name: Self.otherNames[name] ?? name, sign: sign == "=" ? ":" : sign, position: index)
        index = end + sign.count
        return use
    }

    private mutating func condition(_ field: FieldUse) throws(Failure) -> SearchQuery.Condition {
        if let quantity = SearchQuery.Quantity(rawValue: field.name) { return try comparison(quantity, field) }
        guard field.name == "name" || SearchQuery.Property(rawValue: field.name) != nil else { throw Self.unknown(field) }
        guard field.sign == ":" else {
            throw Failure(
                position: field.position, message: "\(field.name) is compared with ':' only, not with '\(field.sign)'",
                hint: "Larger and smaller go with created, size and params.")
        }
        let position = index
        let text = try value(of: field)
        guard let property = SearchQuery.Property(rawValue: field.name) else {
            let isPrefix = text.hasSuffix("*")
            var words = try words(isPrefix ? String(text.dropLast()) : text, isPrefix: isPrefix, at: position)
            words.inName = true
            return .words(words)
        }
        guard property != .alias || text.lowercased() != VersionAlias.latest else {
            throw Failure(
                position: position, message: "the alias latest is computed and not kept",
                hint: "`mcp version show MODEL:latest` shows a model's newest version; here the newest come first by themselves.")
        }
        return .property(property, try Self.checked(text, of: property, at: position))
    }

    private static func unknown(_ field: FieldUse) -> Failure {
        let near = names.filter { NearWords.distance($0, field.name) <= 2 || $0.hasPrefix(field.name) }
        return Failure(
            position: field.position, message: "there is no field \(field.name)", candidates: near.isEmpty ? names : near,
            hint:
                "Fields are \(names.joined(separator: ", ")). To search for the text itself, put it in quotes; for a version by an alias, "
                + "write \(field.name) alias:NAME.")
    }

    /// Values of properties with few of them are checked, so that a slip does not look like an empty registry.
    private static func checked(_ text: String, of property: SearchQuery.Property, at position: Int) throws(Failure) -> String {
        let allowed: [String]
        switch property {
        case .serverType: allowed = ServerType.allCases.map(\.rawValue)
        case .source: allowed = ModelSource.allCases.map(\.rawValue)
        case .status: allowed = VersionStatus.allCases.map(\.rawValue) + DeploymentStatus.allCases.map(\.rawValue)
        case .release: allowed = ["true", "false"]
        case .tag, .environment, .license, .alias, .quantization: return text
        }
        let value = text.lowercased()
        guard allowed.contains(value) else {
            let near = allowed.filter { NearWords.distance($0, value) <= 2 || $0.hasPrefix(value) }
            throw Failure(
                position: position, message: "\(property.rawValue) cannot be \"\(text)\"", candidates: near.isEmpty ? allowed : near,
                hint: "It is one of \(allowed.joined(separator: ", ")).")
        }
        return value
    }

    private mutating func comparison(_ quantity: SearchQuery.Quantity, _ field: FieldUse) throws(Failure) -> SearchQuery.Condition {
        let position = index
        let text = try value(of: field)
        let range: Range<Int64>?
        let example: String
        switch quantity {
        case .created: (range, example) = (Self.period(text), "a day such as 2026-01-31, a month, a year, or a time in RFC 3339")
        case .size: (range, example) = (ByteCount(text).map { $0.bytes..<$0.bytes + 1 }, "a number of bytes such as 10GB or 512MiB")
        case .parameters: (range, example) = (ParameterCount.parse(text).map { $0..<$0 + 1 }, "a number such as 7B, 1.5B or 135M")
        }
        guard let range else {
            throw Failure(position: position, message: "\(field.name) cannot be \"\(text)\"", hint: "It is \(example).")
        }
        switch field.sign {
        case ">": return .quantity(quantity, from: range.upperBound, below: nil)
        case ">=": return .quantity(quantity, from: range.lowerBound, below: nil)
        case "<": return .quantity(quantity, from: nil, below: range.lowerBound)
        case "<=": return .quantity(quantity, from: nil, below: range.upperBound)
        default: return .quantity(quantity, from: range.lowerBound, below: range.upperBound)
        }
    }

    /// The time that a date means: a year, a month, a day, or a moment.
    private static func period(_ text: String) -> Range<Int64>? {
        if let moment = Timestamp(text) { return moment.microseconds..<moment.microseconds + 1 }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count), parts[0].count == 4, let year = Int(parts[0]), year < 9_999 else { return nil }
        guard let month = parts.count > 1 ? Int(parts[1]) : 1, let day = parts.count > 2 ? Int(parts[2]) : 1 else { return nil }
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        func start(_ year: Int, _ month: Int, _ day: Int) -> Int64? {
            Timestamp("\(String(10_000 + year).dropFirst())-\(padded(month))-\(padded(day))T00:00:00Z")?.microseconds
        }
        guard let from = start(year, month, day) else { return nil }
        switch parts.count {
        case 1: return start(year + 1, 1, 1).map { from..<$0 }
        case 2: return (month == 12 ? start(year + 1, 1, 1) : start(year, month + 1, 1)).map { from..<$0 }
        default: return from..<from + 86_400_000_000
        }
    }

    private mutating func type(_ field: FieldUse) throws(Failure) -> SearchType {
        let position = index
        let text = try value(of: field).lowercased()
        guard field.sign == ":", let type = SearchType(name: text) else {
            throw Failure(
                position: position, message: "there is no type \"\(text)\"", candidates: SearchType.allCases.map(\.rawValue),
                hint: Self.typeHint)
        }
        return type
    }

    // MARK: Characters

    private mutating func skipBlanks() -> Bool {
        while index < characters.count, characters[index].isWhitespace { index += 1 }
        return index < characters.count
    }

    private mutating func value(of field: FieldUse) throws(Failure) -> String {
        guard index < characters.count, !characters[index].isWhitespace else {
            throw Failure(position: index, message: "\(field.name) needs a value", hint: "Write it right behind the '\(field.sign)'.")
        }
        return try value()
    }

    /// A phrase in quotes, or all up to the next blank.
    private mutating func value() throws(Failure) -> String {
        let start = index
        guard characters[index] == "\"" else {
            while index < characters.count, !characters[index].isWhitespace { index += 1 }
            return String(characters[start..<index])
        }
        index += 1
        while index < characters.count, characters[index] != "\"" { index += 1 }
        guard index < characters.count else {
            throw Failure(position: start, message: "the quote is not closed", hint: "End the phrase with another \".")
        }
        index += 1
        return String(characters[start + 1..<index - 1])
    }
}

extension SearchType {
    /// The type with a name in the singular or the plural.
    init?(name: String) {
        let name = name.lowercased()
        self.init(rawValue: name.hasSuffix("s") ? String(name.dropLast()) : name)
    }
}
