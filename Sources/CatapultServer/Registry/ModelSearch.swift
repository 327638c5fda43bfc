import CatapultAPI
import SQLDatabase

/// Finds models by a part of their name or repository, with the same hits on both databases: case counts for all but the letters A to Z,
/// and every character stands for itself.
///
/// The column `searched` holds name and repository in lower case. SQLite has a table of its trigrams, PostgreSQL an index of them. Both
/// are good at texts of rare trigrams; a text that many models have is found sooner by walking the models in the order of the list. Between
/// them lie texts such as `model-5123`, common but for a number at the end: their words lead there (``SearchIndex``).
enum ModelSearch {
    /// Stands between name and repository in `searched`, so that nothing is found across the border.
    private static let border = "\u{1F}"
    /// Up to so many hits are gathered and then sorted; more are found by walking.
    private static let mostGathered = 1_000

    /// Models that are named one by one, at most.
    private static let mostListed = 200
    /// Bytes of a word by which models are looked up; the index cuts longer ones.
    private static let longestWord = 64

    /// What a model must meet.
    static func conditions(_ text: String, in connection: any SQLConnection) throws -> [SQLQuery] {
        guard !text.contains(border), !text.contains("\0") else { return ["FALSE"] }
        let needle = folded(text)
        if let ids = try modelsWithRareWord(of: needle, in: connection) {
            // Not the column itself, whose index would be taken instead of the ids.
            return ["id IN \(list: ids)", "(searched || '') LIKE \(connection.dialect.likePattern(containing: needle)) ESCAPE '\\'"]
        }
        let contains: SQLQuery = "searched LIKE \(connection.dialect.likePattern(containing: needle)) ESCAPE '\\'"
        switch connection.dialect {
        case .sqlite: return try isRare(needle, in: connection) ? [gathered(needle), contains] : [contains]
        case .postgresql:
            // How many models have the text is for PostgreSQL to guess, and it can only when it sees the text.
            try connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            return [contains]
        }
    }

    /// The models that have a rare word of the text: all that can have the text itself. Nil where its words are common, where it has but one,
    /// which might be a part of a longer one, and while the index of words is behind.
    private static func modelsWithRareWord(of needle: String, in connection: any SQLConnection) throws -> [String]? {
        let words = SearchText.pieces(needle).map(\.text).dropFirst().filter { $0.utf8.count <= longestWord }
        guard let last = words.last, try !connection.exists("SELECT 1 FROM search_queue LIMIT 1") else { return nil }
        // The last one may go on; those before it are whole.
        let looks =
            ["term >= \(last) AND term < \(last + "\u{10FFFF}")" as SQLQuery]
            + words.dropLast().filter { $0.utf8.count > 1 }.prefix(4).map { "term = \($0)" }
        for look in looks {
            let ids: [String] = try connection.fetchColumn(
                "SELECT id FROM search_postings WHERE kind = \(SearchIndex.Kind.model) AND \(look) LIMIT \(mostListed + 1)")
            if ids.count <= mostListed { return Array(Set(ids)).sorted() }
        }
        return nil
    }

    /// Lower case as both databases make it.
    private static func folded(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { ("A"..."Z").contains($0) ? Unicode.Scalar(UInt8($0.value) + 32) : $0 }))
    }

    // MARK: SQLite

    private static func isRare(_ needle: String, in connection: any SQLConnection) throws -> Bool {
        guard needle.unicodeScalars.count >= 3 else { return false }
        let hits = try connection.fetchInt(
            """
            SELECT count(*) FROM (SELECT 1 FROM model_trigrams WHERE model_trigrams MATCH \(phrase(needle)) LIMIT \(mostGathered + 1)) AS hits
            """)
        return hits ?? 0 <= mostGathered
    }

    private static func gathered(_ needle: String) -> SQLQuery {
        """
        id IN (SELECT n.model_id FROM model_trigrams JOIN model_names n ON n.number = model_trigrams.rowid
            WHERE model_trigrams MATCH \(phrase(needle)))
        """
    }

    /// The text as a phrase of FTS5's query language.
    private static func phrase(_ needle: String) -> String { "\"\(needle.replacing("\"", with: "\"\""))\"" }
}
