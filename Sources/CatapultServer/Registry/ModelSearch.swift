import CatapultAPI
import SQLDatabase

/// Finds models by a part of their name or repository, with the same hits on both databases: case counts for all but the letters A to Z,
/// and every character stands for itself.
///
/// The column `searched` holds name and repository in lower case. SQLite has a table of its trigrams, PostgreSQL an index of them. Both
/// are good at rare texts; a text that many models have is found sooner by walking the models in the order of the list.
enum ModelSearch {
    /// Stands between name and repository in `searched`, so that nothing is found across the border.
    private static let border = "\u{1F}"
    /// Up to so many hits are gathered and then sorted; more are found by walking.
    private static let mostGathered = 1_000

    /// What a model must meet.
    static func conditions(_ text: String, in connection: any SQLConnection) throws -> [SQLQuery] {
        guard !text.contains(border), !text.contains("\0") else { return ["FALSE"] }
        let needle = folded(text)
        let contains: SQLQuery = "searched LIKE \(connection.dialect.likePattern(containing: needle)) ESCAPE '\\'"
        switch connection.dialect {
        case .sqlite: return try isRare(needle, in: connection) ? [gathered(needle), contains] : [contains]
        case .postgresql:
            // How many models have the text is for PostgreSQL to guess, and it can only when it sees the text.
            try connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            return [contains]
        }
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
