/// A type that says its own schema: one whose `init(from:)` looks at what it reads, which reflection cannot see through.
public protocol SchemaDescribed: Decodable {
    /// What a value looks like on the wire.
    static var schema: JSONSchema { get }
    /// Any value.
    static var sample: Self { get }
}

/// A type whose name in documents is not its Swift name.
public protocol SchemaNamed {
    /// The name under which documents define the type: letters and digits.
    static var schemaName: String { get }
}

/// Finds the JSON Schema of Swift types by letting them decode themselves from a decoder that takes notes.
///
/// Object types and choices become named definitions, collected in `components`. What reflection cannot read, and what
/// `Documented.fields` does not describe or describes in vain, is collected in `gaps`; a test holds that list empty for every call.
public final class SchemaReflector {
    /// Which way values travel. It decides what an optional property means, and whether rules are part of the schema.
    public enum Direction: Sendable {
        /// To the server: an optional property may be left out; rules are held.
        case input
        /// From the server: every property is there, an optional one may be null; rules bind what is written, not what is read.
        case output
    }

    /// The direction of the values described.
    public let direction: Direction
    /// Definitions by name.
    public private(set) var components: [String: JSONSchema] = [:]
    /// What is missing, in words.
    public private(set) var gaps: [String] = []

    private var owners: [String: ObjectIdentifier] = [:]
    private var samples: [ObjectIdentifier: any Decodable] = [:]

    /// A reflector without definitions yet.
    public init(_ direction: Direction) { self.direction = direction }

    /// The schema of a type; a reference for types that have a name.
    public func schema<T: Decodable>(of type: T.Type) -> JSONSchema {
        do {
            return try probe(type).schema
        } catch {
            return owners.first { $0.value == ObjectIdentifier(type) }.map { .reference($0.key) } ?? .any
        }
    }

    /// The members of an object type, in the order of their declaration, without making a definition of it.
    public func properties<T: Decodable>(of type: T.Type) -> [JSONSchema.Property] {
        let recorder = SchemaRecorder(reflector: self)
        do { _ = try T(from: recorder) } catch { note("\(type) cannot be reflected: \(error)") }
        return described(recorder.properties, of: type)
    }

    /// A schema document of its own, definitions included, for a type.
    public static func document<T: Decodable>(of type: T.Type, direction: Direction) -> JSONValue {
        let reflector = SchemaReflector(direction)
        var schema = reflector.schema(of: type)
        if case .reference(let name) = schema, let definition = reflector.components[name] { schema = definition }
        var members = schema.json.objectValue ?? [:]
        members["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        if !reflector.components.isEmpty { members["$defs"] = .object(reflector.components.mapValues(\.json)) }
        return .object(members)
    }

    func note(_ gap: String) {
        if !gaps.contains(gap) { gaps.append(gap) }
    }

    /// The schema and some value of a type.
    func probe<T: Decodable>(_ type: T.Type) throws -> (schema: JSONSchema, value: T) {
        if let leaf = try Self.leaf(type) { return leaf }
        if let container = type as? any SchemaContainer.Type {
            let (schema, value) = container.reflect(with: self)
            return (schema, try Self.typed(value))
        }
        if let choices = type as? any (CaseIterable & RawRepresentable).Type, let (names, first) = Self.choices(of: choices) {
            return (define(type, .choice(names), name: Self.name(of: type)), try Self.typed(first))
        }
        let name = Self.name(of: type) + (direction == .input ? "Input" : "")
        if let sample = samples[ObjectIdentifier(type)] { return (.reference(name), try Self.typed(sample)) }
        guard owners[name] != ObjectIdentifier(type) else { throw Unreadable(reason: "\(type) contains itself without an end") }
        let reference = define(type, .object([]), name: name)
        let recorder = SchemaRecorder(reflector: self)
        do {
            let value = try T(from: recorder)
            samples[ObjectIdentifier(type)] = value
            if let single = recorder.single { return (define(type, single, name: name), value) }
            _ = define(type, .object(described(recorder.properties, of: type)), name: name)
            return (reference, value)
        } catch {
            note("\(type) cannot be reflected: \(error)")
            throw error
        }
    }

    /// A reference to a type that an array or an optional holds: no value of it is needed, so a type may hold itself this way.
    func reference<T: Decodable>(to type: T.Type) -> JSONSchema {
        let name = Self.name(of: type) + (direction == .input ? "Input" : "")
        return owners[name] == ObjectIdentifier(type) ? .reference(name) : schema(of: type)
    }

    private func define(_ type: any Decodable.Type, _ schema: JSONSchema, name: String) -> JSONSchema {
        if let owner = owners[name], owner != ObjectIdentifier(type) { note("two types have the name \(name)") }
        owners[name] = ObjectIdentifier(type)
        components[name] = schema
        return .reference(name)
    }

    private func described(_ notes: [SchemaRecorder.Property], of type: any Decodable.Type) -> [JSONSchema.Property] {
        let fields = (type as? any Documented.Type)?.fields ?? [:]
        for name in Set(notes.map(\.name)).symmetricDifference(fields.keys).sorted() {
            note("\(type).\(name) is \(fields[name] == nil ? "not described" : "described but no property")")
        }
        return notes.map { note in
            JSONSchema.Property(
                name: WireName.snakeCase(note.name), schema: note.isOptional && direction == .output ? .nullable(note.schema) : note.schema,
                isRequired: direction == .output || !note.isOptional, description: fields[note.name]?.description ?? "",
                rule: direction == .input ? fields[note.name]?.rule : nil
            )
        }
    }

    private static func name(of type: any Decodable.Type) -> String {
        (type as? any SchemaNamed.Type)?.schemaName ?? String(describing: type)
    }

    private static func leaf<T: Decodable>(_ type: T.Type) throws -> (schema: JSONSchema, value: T)? {
        switch type {
        case is String.Type: (.string(), try typed(""))
        case is Bool.Type: (.boolean, try typed(false))
        case is Double.Type: (.number, try typed(0.0))
        case is Float.Type: (.number, try typed(Float(0)))
        case let number as any FixedWidthInteger.Type: (.integer, try typed(number.init(truncatingIfNeeded: 0)))
        case let described as any SchemaDescribed.Type: (described.schema, try typed(described.sample))
        default: nil
        }
    }

    private static func choices<T: CaseIterable & RawRepresentable>(of type: T.Type) -> (names: [String], first: T)? {
        let names = type.allCases.compactMap { $0.rawValue as? String }
        guard let first = type.allCases.first, names.count == type.allCases.count else { return nil }
        return (names, first)
    }

    private static func typed<T>(_ value: Any) throws -> T {
        guard let value = value as? T else { throw Unreadable(reason: "a sample has another type than \(T.self)") }
        return value
    }

    /// Why a type cannot be reflected.
    struct Unreadable: Error, CustomStringConvertible {
        let reason: String
        var description: String { reason }
    }
}

/// A generic type of the standard library that holds values of another type.
private protocol SchemaContainer {
    static func reflect(with reflector: SchemaReflector) -> (JSONSchema, Any)
}

extension Optional: SchemaContainer where Wrapped: Decodable {
    static func reflect(with reflector: SchemaReflector) -> (JSONSchema, Any) {
        (.nullable(reflector.reference(to: Wrapped.self)), Self.none as Any)
    }
}

extension Array: SchemaContainer where Element: Decodable {
    static func reflect(with reflector: SchemaReflector) -> (JSONSchema, Any) {
        (.array(of: reflector.reference(to: Element.self)), Self())
    }
}

extension Dictionary: SchemaContainer where Key == String, Value: Decodable {
    static func reflect(with reflector: SchemaReflector) -> (JSONSchema, Any) { (.map(of: reflector.reference(to: Value.self)), Self()) }
}

extension Timestamp: SchemaDescribed {
    public static let schema = JSONSchema.string(format: "date-time")
    public static let sample = Timestamp(microseconds: 0)
}

extension JSONValue: SchemaDescribed {
    public static let schema = JSONSchema.any
    public static let sample = JSONValue.null
}

extension Page: SchemaNamed {
    public static var schemaName: String { "\(Item.self)Page" }
}
