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

    /// The rule that was broken.
    public var kind: Kind
    /// The way to the value: member names and array indexes from the outside in.
    public var location: [String]
    /// What is wrong and what is allowed, beginning in lower case: "must be one of cpu, gpu".
    public var message: String
    /// The value that was sent.
    public var input: JSONValue

    /// A problem at a place.
    public init(kind: Kind, location: [String], message: String, input: JSONValue = .null) {
        self.kind = kind
        self.location = location
        self.message = message
        self.input = input
    }

    /// The place in dotted form, such as `resources.gpu`.
    public var field: String { location.joined(separator: ".") }

    /// The element of the wire's `detail` array. `part` is where the value came from: `body`, `query` or `path`.
    func json(part: String) -> JSONValue {
        [
            "type": .string(kind.rawValue),
            "loc": .array([.string(part)] + location.map { Int64($0).map(JSONValue.int) ?? .string($0) }),
            "msg": .string("\(field.isEmpty ? "the value" : field) \(message)"),
            "input": input,
        ]
    }
}
