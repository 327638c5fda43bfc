import CatapultAPI

/// What a search asks for: clauses that must all hold. A pure value; ``SearchQueryParser`` makes it.
struct SearchQuery: Equatable {
    /// Words that stand one after the other somewhere in a thing.
    struct Words: Equatable {
        /// As they were typed.
        var text: String
        /// The pieces, folded.
        var pieces: [String]
        /// The last piece may be the beginning of a longer one.
        var isPrefix: Bool
        /// Only in the thing's name.
        var inName = false

        /// The words folded as a whole, to compare with whole names.
        var folded: String { SearchText.folded(text) }
    }

    /// A property that has one of a few values.
    enum Property: String, CaseIterable {
        case tag
        case serverType = "server_type"
        case status
        case environment
        case source
        case license
        case release
        case alias
        case quantization
    }

    /// A property that is a number or a time.
    enum Quantity: String, CaseIterable {
        /// Microseconds since the epoch.
        case created
        /// Bytes.
        case size
        /// Number of parameters.
        case parameters = "params"
    }

    enum Condition: Equatable {
        case words(Words)
        case property(Property, String)
        /// Lower bound inclusive, upper bound exclusive.
        case quantity(Quantity, from: Int64?, below: Int64?)
    }

    struct Clause: Equatable {
        var condition: Condition
        var isNegated = false
    }

    var clauses: [Clause] = []
    /// Types that the query itself names with `type:`; nil where it names none.
    var types: Set<SearchType>?

    /// The clauses with words that must occur.
    var words: [Words] {
        clauses.compactMap { clause in
            if case .words(let words) = clause.condition, !clause.isNegated { words } else { nil }
        }
    }

    /// Whether the versions of a model that meets the query meet it as well, whatever they are.
    var isMetByVersions: Bool {
        clauses.allSatisfy { clause in
            switch clause.condition {
            case .words, .property, .quantity(.parameters, _, _): !clause.isNegated
            case .quantity: false
            }
        }
    }

    /// The words as one name: somebody who knows a name types it.
    var wholeName: String { words.map(\.folded).joined(separator: " ") }

    /// The term that stands for a value of a property, in documents and in the index alike.
    static func term(_ property: Property, _ value: String) -> String {
        let value = String(SearchText.folded(value).map { " |=;".contains($0) ? "_" : $0 })
        return "\(property.rawValue):\(value)"
    }

    /// The query with words replaced by others, as a correction does.
    func replacing(_ text: String, with alternative: String) -> SearchQuery {
        var copy = self
        copy.clauses = clauses.map { clause in
            guard case .words(var words) = clause.condition, words.text == text, !clause.isNegated else { return clause }
            words.text = alternative
            words.pieces = SearchText.pieces(alternative).map(\.text)
            words.isPrefix = false
            return Clause(condition: .words(words))
        }
        return copy
    }
}
