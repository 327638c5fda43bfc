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
        try Node(value: value, path: [], source: source).decode(type)
    }

    /// The value of a type from JSON bytes.
    public static func decode<T: Decodable>(_ type: T.Type, from bytes: some Sequence<UInt8>) throws -> T {
        try decode(type, from: JSONParser.parse(bytes))
    }
}

/// One place in the tree, with the way that led there.
private struct Node: Decoder {
    let value: JSONValue
    let path: [String]
    let source: WireDecoder.Source

    var codingPath: [any CodingKey] { path.map(PathKey.init) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func problem(_ kind: FieldProblem.Kind, _ message: String) -> FieldProblem {
        FieldProblem(kind: kind, location: path, message: message, input: value)
    }

    func mismatch(_ expected: String, _ kind: FieldProblem.Kind) -> FieldProblem {
        problem(kind, "must be \(expected), but is \(value.kind)")
    }

    func child(_ key: String, _ value: JSONValue) -> Node { Node(value: value, path: path + [key], source: source) }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if type == JSONValue.self { return value as! T }  // the type was compared; so in the branches below
        if type == String.self { return try string() as! T }
        if let map = type as? any StringKeyedMap.Type { return try map.read(from: self) as! T }
        do {
            return try T(from: self)
        } catch DecodingError.dataCorrupted(let context) {
            if let choices = type as? any CaseIterable.Type {
                throw problem(.enumeration, "must be one of \(names(of: choices))")
            }
            throw problem(.value, context.debugDescription)
        }
    }

    private func names(of type: any CaseIterable.Type) -> String {
        (type.allCases as any Collection).map { ($0 as? any RawRepresentable).map { "\($0.rawValue)" } ?? "\($0)" }.joined(separator: ", ")
    }

    func bool() throws -> Bool {
        switch (value, source) {
        case (.bool(let flag), _): return flag
        case (.string(let text), .parameters):
            switch text.lowercased() {
            case "true", "1", "yes", "on": return true
            case "false", "0", "no", "off": return false
            default: throw problem(.boolean, "must be true or false")
            }
        default: throw mismatch("a boolean", .boolean)
        }
    }

    func string() throws -> String {
        guard case .string(let text) = value else { throw mismatch("a string", .string) }
        return text
    }

    func double() throws -> Double {
        if let number = value.doubleValue { return number }
        guard case (.string(let text), .parameters) = (value, source) else { throw mismatch("a number", .number) }
        guard let number = Double(text), number.isFinite else { throw problem(.number, "must be a number") }
        return number
    }

    func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
        let exact: I?
        switch (value, source) {
        case (.int(let number), _): exact = I(exactly: number)
        case (.double(let number), _): exact = I(exactly: number)
        case (.string(let text), .parameters): exact = I(text)
        default: throw mismatch("an integer", .integer)
        }
        guard let exact else { throw problem(.integer, "must be an integer from \(I.min) to \(I.max)") }
        return exact
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch("an object", .object) }
        return KeyedDecodingContainer(Keyed<Key>(node: self, members: members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        switch (value, source) {
        case (.array(let elements), _): return Unkeyed(node: self, elements: elements)
        case (.string(let text), .parameters):
            return Unkeyed(node: self, elements: text.split(separator: ",").map { .string(String($0)) })
        default: throw mismatch("an array", .array)
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
        guard case .object(let members) = node.value else { throw node.mismatch("an object", .object) }
        var result: [String: Value] = [:]
        for (key, value) in members { result[key] = try node.child(key, value).decode(Value.self) }
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
        guard let value = members[name], value != .null else {
            throw FieldProblem(kind: .missing, location: node.path + [name], message: "is required", input: node.value)
        }
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
        guard !isAtEnd else {
            throw FieldProblem(kind: .missing, location: node.path + ["\(currentIndex)"], message: "is required", input: node.value)
        }
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
