/// What a search found, best first.
public struct SearchResults: Codable, Sendable, Equatable, Documented {
    public var hits: [SearchHit]
    public var counts: [SearchCount]
    public var bounded: Bool
    public var corrections: [SearchCorrection]

    /// The answer to a search.
    public init(hits: [SearchHit], counts: [SearchCount], bounded: Bool, corrections: [SearchCorrection]) {
        self.hits = hits
        self.counts = counts
        self.bounded = bounded
        self.corrections = corrections
    }

    public static let fields: [String: Field] = [
        "hits": "What was found, of all types in one list, best first.",
        "counts": "How many were found of each type that was asked for.",
        "bounded":
            "True where the words are so common that only the newest and best candidates were looked at: more words find the rest.",
        "corrections": "Words that nothing matched, and the word one letter away that was searched for instead of each.",
    ]
}

/// One thing that a search found.
public struct SearchHit: Codable, Sendable, Equatable, Documented {
    public var type: SearchType
    public var id: String
    public var name: String
    public var subtitle: String
    public var score: Int
    public var matched: [String]
    public var highlights: [SearchHighlight]
    public var createdAt: Timestamp

    /// A hit with all its parts.
    public init(
        type: SearchType, id: String, name: String, subtitle: String, score: Int, matched: [String], highlights: [SearchHighlight],
        createdAt: Timestamp
    ) {
        self.type = type
        self.id = id
        self.name = name
        self.subtitle = subtitle
        self.score = score
        self.matched = matched
        self.highlights = highlights
        self.createdAt = createdAt
    }

    public static let fields: [String: Field] = [
        "type": "The kind of thing.",
        "id": "UUID.",
        "name": "What other calls and commands take: a name, or `model:version`.",
        "subtitle": "What else tells it from its neighbours, in one line of plain text.",
        "score":
            "How well it fits, 0 to 1000: the best place of each word, on average (docs/guides/search.md). Equal scores: newest first.",
        "matched": "The fields in which words were found, best first: name, version, tags, alias, text and further ones.",
        "highlights": "The matched texts with the places of the words in them, as numbers: nothing is marked up in the text itself.",
        "createdAt": "When it was made.",
    ]
}

/// The places of the words in one text.
public struct SearchHighlight: Codable, Sendable, Equatable, Documented {
    public var field: String
    public var text: String
    public var ranges: [SearchRange]

    /// The matches in a field.
    public init(field: String, text: String, ranges: [SearchRange]) {
        self.field = field
        self.text = text
        self.ranges = ranges
    }

    public static let fields: [String: Field] = [
        "field": "The field that the text is of.",
        "text": "The text as it was written, or the part of a long one around the first match. Plain text: escape it before it is shown.",
        "ranges": "Where words were found in `text`, in order, none within another.",
    ]
}

/// A part of a text.
public struct SearchRange: Codable, Sendable, Equatable, Documented {
    public var start: Int
    public var end: Int

    /// A part of a text, counted in Unicode code points.
    public init(start: Int, end: Int) {
        self.start = start
        self.end = end
    }

    public static let fields: [String: Field] = [
        "start": "Offset of the first character, in Unicode code points.",
        "end": "Offset behind the last character, in Unicode code points.",
    ]
}

/// How many things of a type were found.
public struct SearchCount: Codable, Sendable, Equatable, Documented {
    public var type: SearchType
    public var count: Int
    public var exact: Bool

    /// A count.
    public init(type: SearchType, count: Int, exact: Bool) {
        self.type = type
        self.count = count
        self.exact = exact
    }

    public static let fields: [String: Field] = [
        "type": "The kind of things.",
        "count": "How many were found among the candidates.",
        "exact": "False where there are more: only the candidates were counted.",
    ]
}

/// A word that was read as another one.
public struct SearchCorrection: Codable, Sendable, Equatable, Documented {
    public var word: String
    public var instead: String

    /// A correction.
    public init(word: String, instead: String) {
        self.word = word
        self.instead = instead
    }

    public static let fields: [String: Field] = [
        "word": "The word that nothing matched.", "instead": "The word one letter away that was searched for.",
    ]
}

/// The kinds of things that can be searched for.
public enum SearchType: String, Codable, Sendable, CaseIterable {
    case model
    case version
    case deployment
    case artifact
}
