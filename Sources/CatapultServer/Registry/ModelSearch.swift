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
    /// Models with a word that are held against the text one by one, at most.
    private static let mostSeen = 2_000
    /// Up to so many hits are gathered and then sorted; more are found by walking.
    private static let mostGathered = 1_000

    /// Models that are named one by one, at most.
    private static let mostListed = 200
    /// Bytes of a word by which models are looked up; the index cuts longer ones.
    private static let longestWord = 64

    /// Conditions on models: those by which a page is found soonest, and those by which its models are counted soonest.
    struct Conditions {
        var page: [SQLQuery]
        var count: [SQLQuery]
    }

    /// What a model must meet.
    static func conditions(_ text: String, in connection: any SQLConnection) throws -> Conditions {
        guard !text.contains(border), !text.contains("\0") else { return Conditions(page: ["FALSE"], count: ["FALSE"]) }
        let needle = folded(text)
        let pattern = connection.dialect.likePattern(containing: needle)
        if let byWord = try conditions(byWordsOf: needle, pattern, in: connection) { return byWord }
        let contains: SQLQuery = "searched LIKE \(pattern) ESCAPE '\\'"
        var conditions = [contains]
        switch connection.dialect {
        case .sqlite: if try isRare(needle, in: connection) { conditions.insert(gathered(needle), at: 0) }
        case .postgresql:
            // How many models have the text is for PostgreSQL to guess, and it can only when it sees the text.
            try connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        }
        return Conditions(page: conditions, count: conditions)
    }

    // MARK: Words

    /// The way by a word of the text: the models that have it are all that can have the text. Nil where the text has but one word, which might be
    /// a part of a longer one, while the index of words is behind, and where too many have a word and too few the text.
    private static func conditions(
        byWordsOf needle: String, _ pattern: String, in connection: any SQLConnection
    ) throws -> Conditions? {
        let words = SearchText.pieces(needle).map(\.text).dropFirst().filter { $0.utf8.count <= longestWord }
        guard let last = words.last, try !connection.exists("SELECT 1 FROM search_queue LIMIT 1") else { return nil }
        // Not the column itself, whose index would be taken instead of the word's.
        let contains: SQLQuery = "(searched || '') LIKE \(pattern) ESCAPE '\\'"
        // The last word may go on; those before it are whole.
        let lasts: SQLQuery = "term >= \(last) AND term < \(last + "\u{10FFFF}")"
        for look in [lasts] + words.dropLast().filter({ $0.utf8.count > 1 }).prefix(4).map({ "term = \($0)" }) {
            let ids: [String] = try connection.fetchColumn(having(look, limit: mostListed + 1))
            guard ids.count > mostListed else {
                let conditions = ["id IN \(list: Set(ids).sorted())", contains]
                return Conditions(page: conditions, count: conditions)
            }
        }
        let some: SQLQuery = "id IN (\(having(lasts, limit: mostSeen)))"
        let seen = try connection.fetchInt("SELECT count(*) FROM (\(having(lasts, limit: mostSeen + 1))) AS having_word") ?? 0
        if seen <= mostSeen { return Conditions(page: [some, contains], count: [some, contains]) }
        let hits = try connection.fetchInt(
            "SELECT count(*) FROM (SELECT 1 FROM models WHERE \(some) AND \(contains) LIMIT \(mostGathered + 1)) AS hits")
        guard hits ?? 0 > mostGathered else { return nil }
        // Most that have the word have the text: a page is full soon by walking, and counting ends soon among them.
        return Conditions(page: [contains], count: ["id IN (\(having(lasts, limit: nil)))", contains])
    }

    /// The ids of models that have a word, in the order of the index.
    private static func having(_ look: SQLQuery, limit: Int?) -> SQLQuery {
        let rows: SQLQuery = "SELECT id FROM search_postings WHERE kind = \(SearchIndex.Kind.model) AND \(look)"
        return limit.map { "\(rows) ORDER BY term, id LIMIT \(raw: "\($0)")" } ?? rows
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
