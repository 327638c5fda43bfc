import CatapultAPI
import SQLDatabase

/// The index: documents, and postings that lead from a term to the documents that have it. The same tables and the same SQL in both
/// databases, so the same candidates in the same order (docs/decisions has what FTS5 and GIN cost instead).
enum SearchIndex {
    /// What a row of the index stands for; the raw value is in the database.
    enum Kind: String, Sendable, CaseIterable {
        case model = "m"
        case version = "v"
        case deployment = "d"
        case artifact = "a"

        var type: SearchType {
            switch self {
            case .model: .model
            case .version: .version
            case .deployment: .deployment
            case .artifact: .artifact
            }
        }
    }

    // MARK: Writing

    /// The terms under which these documents are found now.
    static func postings(_ kind: Kind, _ ids: [String], in connection: any SQLConnection) throws -> [String: Set<String>] {
        var known: [String: Set<String>] = [:]
        for (id, postings) in try connection.fetchAll(
            "SELECT id, postings FROM search_documents WHERE kind = \(kind) AND id IN \(list: ids)",
            { (try $0.get(0) as String, try $0.get(1) as String) })
        {
            known[id] = Set(postings.split(separator: "\n").map(String.init))
        }
        return known
    }

    /// Puts documents in the place of those that are known; known ones without a new document are removed. A statement does many rows, since
    /// others wait for the transaction.
    static func replace(
        _ kind: Kind, known: [String: Set<String>], with documents: [SearchDocument], in connection: any SQLConnection
    ) throws {
        var added: [(term: String, id: String)] = []
        var removed: [String: [String]] = [:]
        var gone = known
        for document in documents {
            let before = gone.removeValue(forKey: document.id) ?? []
            for term in document.postings.subtracting(before) { added.append((term, document.id)) }
            for term in before.subtracting(document.postings) { removed[term, default: []].append(document.id) }
        }
        for (id, terms) in gone {
            for term in terms { removed[term, default: []].append(id) }
        }
        try write(documents, in: connection)
        if !gone.isEmpty {
            try connection.execute("DELETE FROM search_documents WHERE kind = \(kind) AND id IN \(list: gone.keys.sorted())")
        }
        for (term, ids) in removed.sorted(by: { $0.key < $1.key }) {
            try connection.execute("DELETE FROM search_postings WHERE kind = \(kind) AND term = \(term) AND id IN \(list: ids)")
        }
        // In the order of the index, so that neighbours are written together.
        for rows in batches(added.sorted { $0 < $1 }) {
            let rows = rows.map { "(\(kind), \($0.term), \($0.id))" as SQLQuery }
            try connection.execute("INSERT INTO search_postings (kind, term, id) VALUES \(rows.joined(separator: ", "))")
        }
    }

    private static func write(_ documents: [SearchDocument], in connection: any SQLConnection) throws {
        for documents in batches(documents) {
            let rows = documents.map { document -> SQLQuery in
                """
                (\(document.kind), \(document.id), \(document.modelID), \(document.modelName), \(document.environment), \(document.name),
                    \(document.terms), \(document.listedPostings), CAST(\(document.parameters) AS BIGINT),
                    CAST(\(document.sizeBytes) AS BIGINT), CAST(\(document.createdAt) AS BIGINT))
                """
            }
            try connection.execute(
                """
                INSERT INTO search_documents
                    (kind, id, model_id, model_name, environment, name, terms, postings, parameters, size_bytes, created_at)
                VALUES \(rows.joined(separator: ", "))
                ON CONFLICT (kind, id) DO UPDATE SET model_id = excluded.model_id, model_name = excluded.model_name,
                    environment = excluded.environment, name = excluded.name, terms = excluded.terms, postings = excluded.postings,
                    parameters = excluded.parameters, size_bytes = excluded.size_bytes, created_at = excluded.created_at
                """)
        }
    }

    /// As many rows as one statement takes.
    private static func batches<Row>(_ rows: [Row]) -> [ArraySlice<Row>] {
        stride(from: 0, to: rows.count, by: 64).map { rows[$0..<min($0 + 64, rows.count)] }
    }

    // MARK: Terms

    /// Terms that a beginning is completed to, for each kind.
    static let mostCompletions = 12

    /// The first terms that begin like each text, by kind. Steps from term to term, so the cost does not depend on how often each occurs.
    static func completions(_ beginnings: [String], _ kinds: [Kind], in connection: any SQLConnection) throws -> [Kind: [String: [String]]]
    {
        guard !beginnings.isEmpty else { return [:] }
        let next = { (kind: SQLQuery, after: SQLQuery, end: SQLQuery) -> SQLQuery in
            """
            (SELECT p.term FROM search_postings p WHERE p.kind = \(kind) AND p.term \(after) AND p.term < \(end) ORDER BY p.term LIMIT 1)
            """
        }
        let seeds = beginnings.enumerated().flatMap { number, beginning in
            kinds.map { kind -> SQLQuery in
                let end = beginning + "\u{10FFFF}"
                return """
                    SELECT CAST(\(kind) AS TEXT), CAST(\(number) AS BIGINT), CAST(\(end) AS TEXT), \(next("\(kind)", ">= \(beginning)", "\(end)")), 1
                    """
            }
        }
        let rows = try connection.fetchAll(
            """
            WITH RECURSIVE completion (kind, number, ending, term, n) AS (
                SELECT * FROM (\(seeds.joined(separator: " UNION ALL "))) AS seed
                UNION ALL
                SELECT c.kind, c.number, c.ending, \(next("c.kind", "> c.term", "c.ending")), c.n + 1
                FROM completion c WHERE c.term IS NOT NULL AND c.n < \(mostCompletions)
            )
            SELECT kind, number, term FROM completion WHERE term IS NOT NULL ORDER BY kind, number, n
            """
        ) { row in (try row.get(0) as Kind, try row.get(1) as Int, try row.get(2) as String) }
        var found: [Kind: [String: [String]]] = [:]
        for (kind, number, term) in rows { found[kind, default: [:]][beginnings[number], default: []].append(term) }
        return found
    }

    /// Which of many words are terms of the index, and how many documents of the kinds have each, counted up to a hundred.
    static func known(_ words: Set<String>, _ kinds: [Kind], in connection: any SQLConnection) throws -> [String: Int] {
        guard !words.isEmpty else { return [:] }
        let rows = words.sorted().map { "(\($0))" as SQLQuery }.joined(separator: ", ")
        var counts: [String: Int] = [:]
        for kind in kinds {
            let found = try connection.fetchAll(
                """
                WITH word (term) AS (VALUES \(rows))
                SELECT w.term, (SELECT count(*) FROM (SELECT 1 FROM search_postings p WHERE p.kind = \(kind)
                    AND p.term = w.term\(connection.dialect.byCodePoint) LIMIT 100) AS seen)
                FROM word w
                """
            ) { row in (try row.get(0) as String, try row.get(1) as Int) }
            for (term, count) in found where count > 0 { counts[term, default: 0] += count }
        }
        return counts
    }
}

extension SearchDocument {
    /// The postings as the row keeps them, so that they can be taken back when the document changes.
    var listedPostings: String { postings.sorted().joined(separator: "\n") }
}
