import CatapultAPI

/// Finds the places of a query's words in the texts of a hit.
struct SearchHighlighter {
    /// A longer text is cut to the part around its first match.
    private static let longestText = 200
    private static let before = 40
    private static let mostHighlights = 5

    let words: [SearchQuery.Words]

    init(_ query: SearchQuery) { words = query.words }

    /// The matched texts of a record, best section first, each field named once in `matched`.
    func highlights(_ record: SearchRecord) -> (matched: [String], highlights: [SearchHighlight]) {
        var fields = record.fields
        // People see a version as model:version, and so the model's name is marked as well.
        if record.kind == .version { fields.insert(.init(name: "name", section: .name, text: record.name), at: 0) }
        var matched: [String] = []
        var highlights: [SearchHighlight] = []
        for section in SearchRecord.Section.allCases {
            for field in fields where field.section == section {
                let places = places(in: field)
                guard let first = places.first else { continue }
                if !matched.contains(field.name) { matched.append(field.name) }
                if highlights.count < Self.mostHighlights { highlights.append(cut(field, places, first)) }
            }
        }
        return (matched, highlights)
    }

    private func places(in field: SearchRecord.Field) -> [Range<Int>] {
        let pieces = SearchText.pieces(field.text, limit: 400)
        var places: [Range<Int>] = []
        for words in words where !words.inName || field.section == .name {
            guard pieces.count >= words.pieces.count else { continue }
            for start in 0...(pieces.count - words.pieces.count) where matches(words, pieces[start...]) {
                places.append(pieces[start].range.lowerBound..<pieces[start + words.pieces.count - 1].range.upperBound)
            }
        }
        return merged(places)
    }

    private func matches(_ words: SearchQuery.Words, _ pieces: ArraySlice<SearchText.Piece>) -> Bool {
        for (index, (wanted, piece)) in zip(words.pieces, pieces).enumerated() {
            let mayGoOn = words.isPrefix && index == words.pieces.count - 1
            guard mayGoOn ? piece.text.hasPrefix(wanted) : piece.text == wanted else { return false }
        }
        return true
    }

    private func merged(_ places: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for place in places.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, place.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, place.upperBound)
            } else {
                result.append(place)
            }
        }
        return result
    }

    private func cut(_ field: SearchRecord.Field, _ places: [Range<Int>], _ first: Range<Int>) -> SearchHighlight {
        guard field.text.utf8.count > Self.longestText else {
            return SearchHighlight(
                field: field.name, text: field.text, ranges: places.map { SearchRange(start: $0.lowerBound, end: $0.upperBound) })
        }
        let scalars = Array(field.text.unicodeScalars)
        let start = scalars.count <= Self.longestText ? 0 : max(0, first.lowerBound - Self.before)
        let end = min(scalars.count, start + Self.longestText)
        let ranges = places.filter { $0.lowerBound >= start && $0.upperBound <= end }
        return SearchHighlight(
            field: field.name, text: String(String.UnicodeScalarView(scalars[start..<end])),
            ranges: ranges.map { SearchRange(start: $0.lowerBound - start, end: $0.upperBound - start) })
    }
}
