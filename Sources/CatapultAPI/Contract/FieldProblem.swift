/// One thing that is wrong with a request: where, what is allowed, and what was sent.
///
/// On the wire it is an element of the `detail` array of a 422 answer, in the shape that earlier clients know:
/// `{"type": …, "loc": ["body", "name"], "msg": …, "input": …}`.
public struct FieldProblem: Error, Sendable, Equatable {
    /// What kind of rule was broken; the raw value is the wire's `type`.
    public enum Kind: String, Sendable, CaseIterable {
        case missing
        case string = "string_type"
        case boolean = "bool_parsing"
        case integer = "int_parsing"
        case number = "float_parsing"
        case array = "list_type"
        case object = "dict_type"
        case enumeration = "enum"
        case value = "value_error"
        case length = "length_error"
        case range = "range_error"
        case pattern = "string_pattern_mismatch"
        case json = "json_invalid"
    }

    /// The part of the request that holds the value; the raw value opens the wire's `loc`.
    public enum Part: String, Sendable, CaseIterable {
        case body
        case query
        case path
    }

    /// The rule that was broken.
    public var kind: Kind
    /// The part of the request that holds the value.
    public var part: Part
    /// The way to the value: member names and array indexes from the outside in. For `.json` it is the byte offset in the body.
    public var location: [String]
    /// What is wrong and what is allowed, beginning in lower case: "must be one of cpu, gpu".
    public var message: String
    /// The value that was sent.
    public var input: JSONValue

    /// A problem at a place.
    public init(kind: Kind, part: Part = .body, location: [String], message: String, input: JSONValue = .null) {
        self.kind = kind
        self.part = part
        self.location = location
        self.message = message
        self.input = input
    }

    /// None of several members is there, of which one must be; `names` in wire spelling, the usual one first.
    public static func missing(anyOf names: [String], part: Part = .body) -> FieldProblem {
        let others = names.dropFirst()
        return FieldProblem(
            kind: .missing, part: part, location: [names[0]],
            message: "is required" + (others.isEmpty ? "" : " (or \(others.joined(separator: ", or ")))"))
    }

    /// The place in dotted form, such as `resources.gpu`.
    public var field: String { location.joined(separator: ".") }

    /// What is wrong as a whole sentence without its full stop: `replicas must be from 0 to 100, but is -1`.
    public var sentence: String {
        switch kind {
        case .json: message
        default: "\(field.isEmpty ? "the \(part.rawValue)" : field) \(message)"
        }
    }
}

extension FieldProblem {
    /// The element of the wire's `detail` array.
    var json: JSONValue {
        [
            "type": .string(kind.rawValue),
            "loc": .array([.string(part.rawValue)] + location.map { Int64($0).map(JSONValue.int) ?? .string($0) }),
            "msg": .string(sentence),
            "input": echo,
        ]
    }

    /// The problem that an element of the wire's `detail` array describes, as far as another server's element can be understood.
    init(json element: JSONValue) {
        let loc = (element["loc"]?.arrayValue ?? []).map { $0.stringValue ?? $0.intValue.map(String.init) ?? "" }
        let kind = element["type"]?.stringValue.flatMap(Kind.init) ?? .value
        self.init(
            kind: kind, part: loc.first.flatMap(Part.init) ?? .body, location: Array(loc.dropFirst()),
            message: element["msg"]?.stringValue ?? "is not valid", input: element["input"] ?? .null
        )
        let place = "\(field.isEmpty ? "the \(part.rawValue)" : field) "
        if kind != .json, message.hasPrefix(place) { message.removeFirst(place.count) }
    }

    /// What was sent, where it is one short value: a list of problems must not repeat a whole body, or what may be secret in it, many times.
    private var echo: JSONValue {
        switch input {
        case .array, .object: .null
        case .string(let text): .string(String(text.prefix(200)))
        default: input
        }
    }
}
