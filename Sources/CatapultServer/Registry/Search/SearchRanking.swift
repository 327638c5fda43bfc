import CatapultAPI
import Foundation

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
///
/// A search ranks hundreds of candidates, so what is compared is bytes: names and terms are folded alike, and UTF-8 keeps the borders of
/// characters.
struct SearchRanking {
    typealias Ranked = (candidate: SearchCandidates.Candidate, score: Int)

    /// Some words of the query, as they are looked for.
    private struct Wanted {
        /// What a name is compared with.
        var folded: String
        /// The pieces with a blank around each, as terms have them.
        var pieces: [UInt8]
        var isPrefix: Bool

        init(_ words: SearchQuery.Words) {
            folded = words.folded
            pieces = Array((" " + words.pieces.joined(separator: " ") + " ").utf8)
            isPrefix = words.isPrefix
        }
    }

    /// The values of a name's word, of a tag, of other text.
    private static let sectionValues: [(whole: Int, begun: Int)] = [(750, 650), (500, 420), (250, 200)]

    private let wanted: [Wanted]
    private let wholeName: String

    init(_ query: SearchQuery) {
        wanted = query.words.map(Wanted.init)
        wholeName = query.wholeName
    }

    /// The best candidates of all kinds, best first.
    func best(_ candidates: [SearchCandidates.Candidate], limit: Int) -> [Ranked] {
        // Sorted by number: a candidate is too large to be moved about.
        let scores = candidates.map(score)
        let order = candidates.indices.sorted { left, right in
            if scores[left] != scores[right] { return scores[left] > scores[right] }
            if candidates[left].createdAt != candidates[right].createdAt { return candidates[left].createdAt > candidates[right].createdAt }
            return candidates[left].id < candidates[right].id
        }
        return order.prefix(limit).map { (candidates[$0], scores[$0]) }
    }

    func score(_ candidate: SearchCandidates.Candidate) -> Int {
        guard !wanted.isEmpty else { return 100 }
        if candidate.kind != .version, Self.isCalled(candidate.name, wholeName) { return 1_000 }
        let sum = wanted.reduce(0) { sum, wanted in
            // A version's number is no name: a hundred thousand versions have the same.
            let name = candidate.kind == .version ? nil : candidate.name
            let own = Self.place(of: wanted, name: name, terms: candidate.terms)
            let model = candidate.model.map { Self.place(of: wanted, name: $0.name, terms: $0.terms) * 3 / 5 } ?? 0
            return sum + max(own, model)
        }
        return sum / wanted.count
    }

    /// The value of the best place of some words.
    private static func place(of wanted: Wanted, name: String?, terms: String) -> Int {
        if let name {
            if isCalled(name, wanted.folded) { return 1_000 }
            let beginnings = [name.utf8[...], component(name)].filter { $0.starts(with: wanted.folded.utf8) }
            if beginnings.contains(where: { endsWord($0.dropFirst(wanted.folded.utf8.count)) }) { return 900 }
            if wanted.isPrefix, !beginnings.isEmpty { return 820 }
        }
        // What begins so stands no later than what is so as a whole.
        let begun = wanted.isPrefix ? section(of: wanted.pieces.dropLast(), in: terms) : nil
        let whole = section(of: wanted.pieces[...], in: terms)
        guard let section = begun ?? whole, let value = sectionValues.dropFirst(section).first else { return 0 }
        return whole == section ? value.whole : value.begun
    }

    /// The number of the section of the terms in which a text is found first; sections are parted by bars, which no piece contains.
    private static func section(of text: ArraySlice<UInt8>, in terms: String) -> Int? {
        var terms = terms
        return terms.withUTF8 { terms in
            text.withUnsafeBufferPointer { text -> Int? in
                guard let start = terms.baseAddress, let wanted = text.baseAddress, text.count <= terms.count else { return nil }
                var section = 0
                for offset in 0...(terms.count - text.count) {
                    if terms[offset] == UInt8(ascii: "|") { section += 1 }
                    if terms[offset] == wanted.pointee, memcmp(start + offset, wanted, text.count) == 0 { return section }
                }
                return nil
            }
        }
    }

    private static func isCalled(_ name: String, _ words: String) -> Bool {
        !words.isEmpty && (name == words || component(name).elementsEqual(words.utf8))
    }

    private static func endsWord(_ rest: Substring.UTF8View) -> Bool {
        Substring(rest).first.map { !$0.isLetter && !$0.isNumber } ?? true
    }

    /// What follows the last slash.
    private static func component(_ name: String) -> Substring.UTF8View {
        guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return name.utf8[...] }
        return name.utf8[name.utf8.index(after: slash)...]
    }
}
