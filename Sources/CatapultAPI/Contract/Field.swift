/// What a property means, and the rule that its value must obey. Declared once, beside the property's type; the OpenAPI document,
/// the check of requests and the help of the faces come from it.
public struct Field: Sendable, ExpressibleByStringInterpolation {
    /// A rule for a value.
    public enum Rule: Sendable, Equatable {
        /// Number of characters of a string, or of elements of an array.
        case length(ClosedRange<Int>)
        /// Bounds of a number.
        case range(ClosedRange<Double>)
        /// A shape of text, by a test and its description for people.
        case text(TextRule)
        /// Number of elements of an array, and the shape of each.
        case texts(ClosedRange<Int>, TextRule)
    }

    /// Meaning, unit, default.
    public let description: String
    /// The rule, if there is one.
    public let rule: Rule?

    /// A field with a rule.
    public init(_ description: String, _ rule: Rule? = nil) {
        self.description = description
        self.rule = rule
    }

    public init(stringLiteral value: String) { self.init(value) }
}

/// A type whose properties are described. Keys are Swift property names; a test sees to it that none is missing and none is stale.
public protocol Documented {
    /// Meaning and rule of each property.
    static var fields: [String: Field] { get }
}

extension Field.Rule {
    /// What is wrong with a value, or nil. Values of another kind are left to the decoder, which says it better.
    /// Characters are counted as Unicode scalars, as JSON Schema counts them (validation vocabulary, section 6.3).
    func problem(with value: JSONValue, at location: [String], part: FieldProblem.Part = .body) -> FieldProblem? {
        func problem(_ kind: FieldProblem.Kind, _ message: String) -> FieldProblem {
            FieldProblem(kind: kind, part: part, location: location, message: message, input: value)
        }
        switch (self, value) {
        case (.length(let bounds), .string(let text)):
            let count = text.unicodeScalars.count
            if bounds.contains(count) { return nil }
            return problem(.length, text.isEmpty ? "must not be empty" : Self.wrongCount(count, bounds, "characters"))
        case (.length(let bounds), .array(let elements)):
            return bounds.contains(elements.count) ? nil : problem(.length, Self.wrongCount(elements.count, bounds, "elements"))
        case (.length(let bounds), .object(let members)):
            return bounds.contains(members.count) ? nil : problem(.length, Self.wrongCount(members.count, bounds, "members"))
        case (.texts(let bounds, let rule), .array(let elements)):
            if let problem = Self.length(bounds).problem(with: value, at: location, part: part) { return problem }
            return elements.indices.lazy.compactMap { index in
                Self.text(rule).problem(with: elements[index], at: location + ["\(index)"], part: part)
            }.first
        case (.range(let bounds), _):
            let text = part == .body ? nil : value.stringValue
            let number = value.doubleValue ?? text.flatMap(Double.init)
            let whole: Int64? = if case .int(let number) = value { number } else { text.flatMap { Int64($0) } }
            guard let number, !number.isNaN, !bounds.contains(number) || Self.isBeyond(whole, bounds) else { return nil }
            return problem(
                .range,
                "must be from \(Self.short(bounds.lowerBound)) to \(Self.short(bounds.upperBound)), but is \(whole.map(String.init) ?? Self.short(number))"
            )
        case (.text(let rule), .string(let text)) where !rule.matches(text):
            let isLong = text.unicodeScalars.count > rule.maximumLength
            return problem(.pattern, "must be \(rule.words)\(isLong ? ", at most \(rule.maximumLength) characters" : "")")
        default: return nil
        }
    }

    private static func wrongCount(_ count: Int, _ bounds: ClosedRange<Int>, _ things: String) -> String {
        "must have \(bounds.lowerBound) to \(bounds.upperBound) \(things), but has \(count)"
    }

    /// Whether a whole number lies outside the bounds, though the double next to it does not.
    private static func isBeyond(_ number: Int64?, _ bounds: ClosedRange<Double>) -> Bool {
        guard let number else { return false }
        let isAbove = Int64(exactly: bounds.upperBound).map { number > $0 } ?? false
        let isBelow = Int64(exactly: bounds.lowerBound).map { number < $0 } ?? false
        return isAbove || isBelow
    }

    private static func short(_ number: Double) -> String { Int64(exactly: number).map(String.init) ?? "\(number)" }
}

extension [String: Field] {
    /// Some of the fields: the same words and rules in a call as in the resource.
    func picking(_ names: String...) -> [String: Field] { filter { names.contains($0.key) } }
}
