import CatapultAPI
import SQLDatabase

/// Answers searches.
struct SearchService: Sendable {
    let database: Database

    /// A word that is shorter has too many neighbours.
    private static let shortestCorrected = 4

    func search(_ call: Search, for scope: KeyScope) async throws -> SearchResults {
        let query = try Self.parse(call.q)
        let types = try Self.types(call.types, query)
        let limit = call.limit ?? 20
        return try await database.read { connection in
            // Every way leads by numbers that the text of the query has, from the index to its documents.
            try connection.keepPlans()
            let results = try Self.run(query, types, limit: limit, for: scope, in: connection)
            guard results.hits.isEmpty, let (corrected, corrections) = try Self.corrected(query, in: connection) else { return results }
            var second = try Self.run(corrected, types, limit: limit, for: scope, in: connection)
            second.corrections = corrections
            return second.hits.isEmpty ? results : second
        }
    }

    private static func run(
        _ query: SearchQuery, _ types: Set<SearchType>, limit: Int, for scope: KeyScope, in connection: any SQLConnection
    ) throws -> SearchResults {
        let search = try SearchCandidates(query, limit: limit, for: scope, in: connection)
        var candidates: [SearchCandidates.Candidate] = []
        var counts: [SearchCount] = []
        var bestModels: [String] = []
        let ranking = SearchRanking(query)
        for kind in SearchIndex.Kind.allCases {
            // Versions are reached through models, so these are looked for even where nobody wants to see them.
            guard types.contains(kind.type) || (kind == .model && types.contains(.version)) else { continue }
            let found = try search.find(kind, bestModels: bestModels)
            if kind == .model {
                bestModels = ranking.best(found.candidates, limit: SearchCandidates.mostModels).map(\.candidate.id)
            }
            guard types.contains(kind.type) else { continue }
            candidates += found.candidates
            counts.append(SearchCount(type: kind.type, count: found.candidates.count, exact: !found.isBounded))
        }
        let best = ranking.best(candidates, limit: limit)
        return SearchResults(
            hits: try hits(best, query, in: connection), counts: counts, bounded: counts.contains { !$0.exact }, corrections: [])
    }

    private static func hits(
        _ best: [SearchRanking.Ranked], _ query: SearchQuery, in connection: any SQLConnection
    ) throws -> [SearchHit] {
        var records: [String: SearchRecord] = [:]
        for kind in SearchIndex.Kind.allCases {
            let ids = best.filter { $0.candidate.kind == kind }.map(\.candidate.id)
            for record in try SearchSource.records(kind, ids, in: connection) { records[record.id] = record }
        }
        let highlighter = SearchHighlighter(query)
        return best.compactMap { candidate, score in
            guard let record = records[candidate.id] else { return nil }
            let (matched, highlights) = highlighter.highlights(record)
            return SearchHit(
                type: candidate.kind.type, id: record.id, name: record.name, subtitle: record.subtitle, score: score,
                matched: matched, highlights: highlights, createdAt: record.createdAt)
        }
    }

    /// The query with near words in the place of those that are not in the index; nil where no near word is there either.
    private static func corrected(
        _ query: SearchQuery, in connection: any SQLConnection
    ) throws -> (SearchQuery, [SearchCorrection])? {
        var corrected = query
        var corrections: [SearchCorrection] = []
        for words in query.words {
            guard words.pieces.count == 1, let word = words.pieces.first, word.count >= shortestCorrected else { continue }
            let kinds = SearchIndex.Kind.allCases
            guard try SearchIndex.known([word], kinds, in: connection).isEmpty else { continue }
            let near = try SearchIndex.known(NearWords.around(word), kinds, in: connection)
            // A slip in the first letter is rare; of equally likely words the more frequent one is meant.
            let best = near.max { left, right in
                (left.key.first == word.first ? 1 : 0, left.value, right.key) < (
                    right.key.first == word.first ? 1 : 0, right.value, left.key
                )
            }
            guard let best else { continue }
            corrected = corrected.replacing(words.text, with: best.key)
            corrections.append(SearchCorrection(word: words.text, instead: best.key))
        }
        return corrections.isEmpty ? nil : (corrected, corrections)
    }

    private static func parse(_ text: String) throws -> SearchQuery {
        do {
            return try SearchQueryParser.parse(text)
        } catch {
            var failure = CatapultError.unprocessable([
                FieldProblem(
                    kind: .value, part: .query, location: ["q"],
                    message: "cannot be understood at character \(error.position + 1): \(error.message)", input: .string(text))
            ])
            failure.hint = error.hint ?? failure.hint
            failure.candidates = error.candidates
            failure.details["position"] = .int(Int64(error.position))
            throw failure
        }
    }

    private static func types(_ names: [String]?, _ query: SearchQuery) throws -> Set<SearchType> {
        var types: Set<SearchType> = []
        for name in names ?? [] {
            guard let type = SearchType(name: name) else {
                throw CatapultError.unprocessable([
                    FieldProblem(
                        kind: .enumeration, part: .query, location: ["types"],
                        message: "must be of \(SearchType.allCases.map(\.rawValue).joined(separator: ", "))", input: .string(name))
                ])
            }
            types.insert(type)
        }
        if types.isEmpty { types = Set(SearchType.allCases) }
        return query.types.map(types.intersection) ?? types
    }
}
