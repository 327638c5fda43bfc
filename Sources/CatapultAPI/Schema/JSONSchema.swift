/// A JSON Schema (draft 2020-12), as far as the contract's types need it.
public indirect enum JSONSchema: Sendable, Equatable {
    /// Any value.
    case any
    case boolean
    case integer
    case number
    /// Text; `format` as in the validation vocabulary, section 7.3, such as `date-time`.
    case string(format: String? = nil)
    /// One of these texts.
    case choice([String])
    case array(of: JSONSchema)
    /// An object whose member names are data.
    case map(of: JSONSchema)
    /// An object with these members.
    case object([Property])
    /// A schema that is defined under this name.
    case reference(String)
    /// A value of this schema, or null.
    case nullable(JSONSchema)

    /// A member of an object.
    public struct Property: Sendable, Equatable {
        /// Name on the wire.
        public var name: String
        /// What its value is.
        public var schema: JSONSchema
        /// Whether it must be there.
        public var isRequired: Bool
        /// Meaning, unit, default; empty where the type does not say it.
        public var description: String
        /// The rule of its value, where there is one.
        public var rule: Field.Rule?

        /// A member with its meaning.
        public init(name: String, schema: JSONSchema, isRequired: Bool, description: String = "", rule: Field.Rule? = nil) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
            self.description = description
            self.rule = rule
        }
    }

    /// Where definitions lie within the document that holds the schema.
    public enum Definitions: String, Sendable {
        /// In a document of its own.
        case standalone = "#/$defs/"
        /// In an OpenAPI document.
        case openAPI = "#/components/schemas/"
    }

    /// The schema as JSON, with references into `$defs`.
    public var json: JSONValue { json(.standalone) }

    /// The schema as JSON.
    public func json(_ definitions: Definitions) -> JSONValue { .object(members(definitions)) }

    fileprivate func members(_ definitions: Definitions) -> [String: JSONValue] {
        switch self {
        case .any: return [:]
        case .boolean: return ["type": "boolean"]
        case .integer: return ["type": "integer"]
        case .number: return ["type": "number"]
        case .string(let format): return format.map { ["type": "string", "format": .string($0)] } ?? ["type": "string"]
        case .choice(let names): return ["type": "string", "enum": .array(names.map(JSONValue.string))]
        case .array(let element): return ["type": "array", "items": element.json(definitions)]
        case .map(of: .any): return ["type": "object"]
        case .map(let value): return ["type": "object", "additionalProperties": value.json(definitions)]
        case .object(let properties):
            var members: [String: JSONValue] = ["type": "object"]
            let described = properties.map { ($0.name, $0.json(definitions)) }
            if !described.isEmpty { members["properties"] = .object(Dictionary(described) { first, _ in first }) }
            let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
            if !required.isEmpty { members["required"] = .array(required) }
            return members
        case .reference(let name): return ["$ref": .string(definitions.rawValue + name)]
        case .nullable(.any): return [:]
        case .nullable(.choice(let names)): return ["type": ["string", "null"], "enum": .array(names.map(JSONValue.string) + [.null])]
        case .nullable(let schema):
            var members = schema.members(definitions)
            guard let type = members["type"] else { return ["anyOf": [.object(members), ["type": "null"]]] }
            if case .string = type { members["type"] = [type, "null"] }
            return members
        }
    }
}

extension JSONSchema {
    /// The schema as requests are read: a member that may be left out may also be null.
    var acceptingNull: JSONSchema {
        guard case .object(let properties) = self else { return self }
        return .object(
            properties.map { property in
                if property.isRequired { return property }
                if case .nullable = property.schema { return property }
                var tolerant = property
                tolerant.schema = .nullable(property.schema)
                return tolerant
            })
    }
}

extension JSONSchema.Property {
    /// The property's schema with its description and rule.
    public func json(_ definitions: JSONSchema.Definitions) -> JSONValue {
        var members = schema.json(definitions).objectValue ?? [:]
        if let rule { members.merge(rule.keywords(for: schema)) { $1 } }
        if !description.isEmpty { members["description"] = .string(description) }
        return .object(members)
    }
}

extension Field.Rule {
    /// The keywords of the validation vocabulary that say this rule.
    func keywords(for schema: JSONSchema) -> [String: JSONValue] {
        switch (self, schema) {
        case (_, .nullable(let inner)): return keywords(for: inner)
        case (.length(let bounds), .array): return ["minItems": .int(Int64(bounds.lowerBound)), "maxItems": .int(Int64(bounds.upperBound))]
        case (.texts(let bounds, let rule), .array(let element)):
            let shape = element.members(.openAPI).merging(Self.text(rule).keywords(for: element)) { $1 }
            return Self.length(bounds).keywords(for: schema).merging(["items": .object(shape)]) { $1 }
        case (.length(let bounds), .map):
            return ["minProperties": .int(Int64(bounds.lowerBound)), "maxProperties": .int(Int64(bounds.upperBound))]
        case (.length(let bounds), _): return ["minLength": .int(Int64(bounds.lowerBound)), "maxLength": .int(Int64(bounds.upperBound))]
        case (.range(let bounds), _): return ["minimum": Self.number(bounds.lowerBound), "maximum": Self.number(bounds.upperBound)]
        case (.text(let rule), _), (.texts(_, let rule), _):
            return ["pattern": .string(rule.pattern), "maxLength": .int(Int64(rule.maximumLength))]
        }
    }

    private static func number(_ value: Double) -> JSONValue { Int64(exactly: value).map(JSONValue.int) ?? .double(value) }
}
