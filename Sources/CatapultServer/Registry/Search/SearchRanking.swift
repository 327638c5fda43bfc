import CatapultAPI

/// How well a candidate fits: for each word its best place, on average over the words.
///
/// | place | whole word | beginning of a word |
/// |---|---|---|
/// | the name as a whole, or what follows its last `/` | 1000 | |
/// | the beginning of the name | 900 | 820 |
/// | a word of the name, the number of a version | 750 | 650 |
/// | a tag, a quantization, the model of a deployment | 500 | 420 |
/// | any other text | 250 | 200 |
///
/// A version whose model fits gets three fifths of what the model gets. A query without words gives 100. Among equal scores the newest
/// comes first, then the id decides, so the order is the same on every database.
enum SearchRanking {
    /// The best candidates of all kinds, best first.
    static func best(_ candidates: [SearchCandidates.Candidate], for query: SearchQuery, limit: Int) -> [(
        SearchCandidates.Candidate, score: Int
    )] {
        let scored = candidates.map { ($0, score: score($0, query)) }
        return Array(scored.sorted { isBefore($0, $1) }.prefix(limit))
    }

    private static func isBefore(
        _ left: (SearchCandidates.Candidate, score: Int), _ right: (SearchCandidates.Candidate, score: Int)
    ) -> Bool {
        if left.score != right.score { return left.score > right.score }
        if left.0.createdAt != right.0.createdAt { return left.0.createdAt > right.0.createdAt }
        return left.0.id < right.0.id
    }

    static func score(_ candidate: SearchCandidates.Candidate, _ query: SearchQuery) -> Int {
        let words = query.words
        guard !words.isEmpty else { return 100 }
        if candidate.kind != .version, isCalled(candidate.name, query.wholeName) { return 1_000 }
        let sum = words.reduce(0) { sum, words in
            let own = place(of: words, name: candidate.name, terms: candidate.terms, isVersion: candidate.kind == .version)
            let model = candidate.model.map { place(of: words, name: $0.name, terms: $0.terms, isVersion: false) * 3 / 5 } ?? 0
            return sum + max(own, model)
        }
        return sum / words.count
    }

    /// The value of the best place of some words.
    private static func place(of words: SearchQuery.Words, name: String, terms: String, isVersion: Bool) -> Int {
        let folded = words.folded
        // A version's number is no name: a hundred thousand versions have the same.
        if !isVersion {
            if isCalled(name, folded) { return 1_000 }
            let beginnings = [name[...], component(name)].filter { $0.hasPrefix(folded) }
            if beginnings.contains(where: { endsWord($0.dropFirst(folded.count)) }) { return 900 }
            if words.isPrefix, !beginnings.isEmpty { return 820 }
        }
        let sections = terms.split(separator: "|", omittingEmptySubsequences: false)
        let whole = " " + words.pieces.joined(separator: " ") + " "
        for (section, values) in zip(sections, [(750, 650), (500, 420), (250, 200)]) {
            if section.contains(whole) { return values.0 }
            if words.isPrefix, section.contains(whole.dropLast()) { return values.1 }
        }
        return 0
    }

    private static func isCalled(_ name: String, _ words: String) -> Bool { !words.isEmpty && (name == words || component(name) == words) }

    private static func endsWord(_ rest: Substring) -> Bool { rest.first.map { !$0.isLetter && !$0.isNumber } ?? true }

    private static func component(_ name: String) -> Substring {
        name.lastIndex(of: "/").map { name[name.index(after: $0)...] } ?? name[...]
    }
}
