/// Decodes contract values from JSON. Property names are matched with their wire spelling (`storagePath` reads `storage_path`).
///
/// Every failure is a `FieldProblem` that names the place, what was found and what is allowed.
public struct WireDecoder {
    /// Where the values come from, which decides how strictly kinds are held.
    public enum Source: Sendable {
        /// A JSON text: kinds must match.
        case json
        /// Path and query parameters: everything is text, and text that reads as a number or a boolean is one.
        case parameters
    }

    /// The value of a type from a parsed JSON value.
    public static func decode<T: Decodable>(_ type: T.Type, from value: JSONValue, source: Source = .json) throws -> T {
        try Node(value: value, path: [], part: source == .json ? .body : .query, findings: nil, isPlaceholder: false).decode(type)
    }

    /// The value of a type from JSON bytes.
    public static func decode<T: Decodable>(_ type: T.Type, from bytes: some Sequence<UInt8>) throws -> T {
        try decode(type, from: JSONParser.parse(bytes))
    }

    /// The value of a type whose rules are held as well. Everything that is wrong is collected into one error.
    static func check<T: Decodable>(_ type: T.Type, from value: JSONValue, findings: Findings) throws(CatapultError) -> T {
        do {
            let result = try Node(value: value, path: [], part: findings.defaultPart, findings: findings, isPlaceholder: false).decode(type)
            if findings.problems.isEmpty { return result }
        } catch let problem as FieldProblem {
            findings.add(problem)
        } catch {
            findings.add(FieldProblem(kind: .value, part: findings.defaultPart, location: [], message: "cannot be read: \(error)"))
        }
        throw .unprocessable(findings.problems)
    }
}

/// One place in the tree, with the way that led there.
private struct Node: Decoder {
    let value: JSONValue
    let path: [String]
    let part: FieldProblem.Part
    let findings: Findings?
    /// True beneath a place whose problem is noted already: whatever is missing there is not worth a word.
    let isPlaceholder: Bool

    var codingPath: [any CodingKey] { path.map(PathKey.init) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    /// In paths and queries everything is text.
    private var isParameter: Bool { part != .body }

    func problem(_ kind: FieldProblem.Kind, _ message: String) -> FieldProblem {
        FieldProblem(kind: kind, part: part, location: path, message: message, input: value)
    }

    func mismatch(_ expected: String, _ kind: FieldProblem.Kind) -> FieldProblem {
        problem(kind, "must be \(expected), but is \(value.kind)")
    }

    /// Ends decoding at a problem; where problems are collected, notes it and goes on with a placeholder.
    func recover<T>(_ problem: FieldProblem, _ placeholder: @autoclosure () -> T) throws -> T {
        guard let findings else { throw problem }
        if !isPlaceholder { findings.add(problem) }
        return placeholder()
    }

    func child(_ key: String, _ value: JSONValue, isPlaceholder: Bool = false) -> Node {
        Node(value: value, path: path + [key], part: part(of: key), findings: findings, isPlaceholder: self.isPlaceholder || isPlaceholder)
    }

    private var asPlaceholder: Node { Node(value: value, path: path, part: part, findings: findings, isPlaceholder: true) }

    private func part(of key: String) -> FieldProblem.Part {
        guard path.isEmpty, let findings else { return part }
        return findings.parts[key] ?? part
    }

    /// The place of a member that is not there.
    func missing(_ key: String) throws -> Node {
        let place = child(key, .null, isPlaceholder: true)
        return try recover(place.problem(.missing, "is required"), place)
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if type == JSONValue.self, let any = value as? T { return any }
        if type == String.self, let text = try string() as? T { return text }
        if let map = type as? any StringKeyedMap.Type, let members = try map.read(from: self) as? T { return members }
        if let findings, case .object(let members) = value, let documented = type as? any Documented.Type {
            findings.check(members, of: documented, at: path, part: part(of:))
        }
        do {
            return try T(from: self)
        } catch DecodingError.dataCorrupted(let context) {
            if let choices = type as? any CaseIterable.Type {
                let problem = problem(.enumeration, "must be one of \(names(of: choices))")
                guard let first = first(of: choices) as? T else { throw problem }
                return try recover(problem, first)
            }
            let problem = problem(.value, context.debugDescription)
            guard let epoch = Timestamp(microseconds: 0) as? T else { throw problem }
            return try recover(problem, epoch)
        }
    }

    private func names(of type: any CaseIterable.Type) -> String {
        (type.allCases as any Collection).map { ($0 as? any RawRepresentable).map { "\($0.rawValue)" } ?? "\($0)" }.joined(separator: ", ")
    }

    private func first<T: CaseIterable>(of type: T.Type) -> Any? { type.allCases.first }

    func bool() throws -> Bool {
        switch value {
        case .bool(let flag): return flag
        case .string(let text) where isParameter:
            switch text.lowercased() {
            case "true", "1", "yes", "on": return true
            case "false", "0", "no", "off": return false
            default: return try recover(problem(.boolean, "must be true or false"), false)
            }
        default: return try recover(mismatch("a boolean", .boolean), false)
        }
    }

    func string() throws -> String {
        guard case .string(let text) = value else { return try recover(mismatch("a string", .string), "") }
        // PostgreSQL and C know no text with it, so it is refused before anything is done with the text.
        if findings != nil, text.utf8.contains(0) { return try recover(problem(.value, "must not hold the character U+0000"), "") }
        return text
    }

    func double() throws -> Double {
        if let number = value.doubleValue { return number }
        guard isParameter, case .string(let text) = value else { return try recover(mismatch("a number", .number), 0) }
        guard let number = Double(text), number.isFinite else { return try recover(problem(.number, "must be a number"), 0) }
        return number
    }

    func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
        let exact: I?
        switch value {
        case .int(let number): exact = I(exactly: number)
        case .double(let number): exact = I(exactly: number)
        case .string(let text) where isParameter: exact = I(text)
        default: return try recover(mismatch("an integer", .integer), 0)
        }
        if let exact { return exact }
        let number = value.doubleValue ?? value.stringValue.flatMap(Double.init)
        let isTooLarge = number.map { $0.rounded() == $0 } ?? false
        return try recover(problem(.integer, isTooLarge ? "must be an integer from \(I.min) to \(I.max)" : "must be an integer"), 0)
    }

    func object() throws -> [String: JSONValue] {
        guard case .object(let members) = value else { return try recover(mismatch("an object", .object), [:]) }
        return members
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let members = try object()
        let isMissing = if case .object = value { false } else { true }
        return KeyedDecodingContainer(Keyed<Key>(node: isMissing ? asPlaceholder : self, members: members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        switch value {
        case .array(let elements): return Unkeyed(node: self, elements: elements)
        case .string(let text) where isParameter:
            return Unkeyed(node: self, elements: text.split(separator: ",").map { .string(String($0)) })
        default: return Unkeyed(node: self, elements: try recover(mismatch("an array", .array), []))
        }
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(node: self) }
}

private struct PathKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// A dictionary whose keys are data, not property names.
private protocol StringKeyedMap {
    static func read(from node: Node) throws -> Self
}

extension Dictionary: StringKeyedMap where Key == String, Value: Decodable {
    fileprivate static func read(from node: Node) throws -> [String: Value] {
        var result: [String: Value] = [:]
        for (key, value) in try node.object() {
            if node.findings != nil, key.utf8.contains(0) {
                try node.recover(node.problem(.value, "must not have a member name with the character U+0000"), ())
            }
            result[key] = try node.child(key, value).decode(Value.self)
        }
        return result
    }
}

private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let node: Node
    let members: [String: JSONValue]

    var codingPath: [any CodingKey] { node.codingPath }
    var allKeys: [Key] { members.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { members[WireName.snakeCase(key.stringValue)] != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        switch members[WireName.snakeCase(key.stringValue)] {
        case nil, .null: true
        default: false
        }
    }

    private func member(_ key: Key) throws -> Node {
        let name = WireName.snakeCase(key.stringValue)
        guard let value = members[name], value != .null else { return try node.missing(name) }
        return node.child(name, value)
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try member(key).bool() }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try member(key).string() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try member(key).double() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try member(key).double()) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try member(key).integer(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try member(key).integer(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try member(key).integer(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try member(key).integer(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try member(key).integer(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try member(key).integer(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try member(key).integer(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try member(key).integer(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try member(key).integer(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try member(key).integer(type) }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try member(key).decode(type) }

    func nestedContainer<N: CodingKey>(keyedBy type: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
        try member(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try member(key).unkeyedContainer() }
    func superDecoder() throws -> any Decoder { node }
    func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }
}

private struct Unkeyed: UnkeyedDecodingContainer {
    let node: Node
    let elements: [JSONValue]
    private(set) var currentIndex = 0

    init(node: Node, elements: [JSONValue]) {
        self.node = node
        self.elements = elements
    }

    var codingPath: [any CodingKey] { node.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func next() throws -> Node {
        guard !isAtEnd else { return try node.missing("\(currentIndex)") }
        defer { currentIndex += 1 }
        return node.child("\(currentIndex)", elements[currentIndex])
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }
    mutating func nestedContainer<N: CodingKey>(keyedBy type: N.Type) throws -> KeyedDecodingContainer<N> {
        try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct Single: SingleValueDecodingContainer {
    let node: Node
    var codingPath: [any CodingKey] { node.codingPath }

    func decodeNil() -> Bool { node.value == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try node.bool() }
    func decode(_ type: String.Type) throws -> String { try node.string() }
    func decode(_ type: Double.Type) throws -> Double { try node.double() }
    func decode(_ type: Float.Type) throws -> Float { Float(try node.double()) }
    func decode(_ type: Int.Type) throws -> Int { try node.integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try node.integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try node.integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try node.integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try node.integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try node.integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try node.integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try node.integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try node.integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try node.integer(type) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try node.decode(type) }
}
