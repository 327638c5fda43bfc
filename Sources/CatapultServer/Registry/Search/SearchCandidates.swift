import CatapultAPI
import SQLDatabase

/// Finds the documents that meet a query, within bounds: each kind is entered by its rarest condition, newest documents first, and the
/// other conditions are held against the documents themselves. Nothing takes longer because the registry has grown.
struct SearchCandidates {
    /// A document that meets all conditions.
    struct Candidate {
        var kind: SearchIndex.Kind
        var id: String
        var name: String
        var terms: String
        var createdAt: Timestamp
        /// Name and terms of a version's model.
        var model: (name: String, terms: String)?
    }

    struct Found {
        var candidates: [Candidate] = []
        /// True where there may be more.
        var isBounded = false
    }

    /// Documents that one way in leads to, at most; the others are left unseen.
    static let mostSeen = 400
    /// Documents of a kind that are ranked: for up to twenty hits, and for more. A few hits are then the first of more.
    static let leastRanked = 60
    static let mostRanked = 100
    /// Things that are called like the query, at most.
    static let mostNamed = 60
    /// Models whose versions are looked through, and how many of each, the newest first.
    static let mostModels = 12
    static let mostSeenVersions = 100

    let query: SearchQuery
    /// What the asking key may see.
    let scope: KeyScope
    let connection: any SQLConnection
    /// Documents of a kind that are ranked in this search.
    private let ranked: Int
    private let completions: [SearchIndex.Kind: [String: [String]]]
    /// How many documents each look leads to, counted up to ``mostSeen``.
    private var probes: [Probe: Int] = [:]
    private var named: [SearchIndex.Kind: [Candidate]] = [:]

    /// One look into the index.
    fileprivate enum Probe: Hashable {
        case term(SearchIndex.Kind, String)
        case range(SearchIndex.Kind, SearchQuery.Quantity, from: Int64?, below: Int64?)
        case newest(SearchIndex.Kind)
    }

    /// - Parameter limit: hits that will be shown.
    init(_ query: SearchQuery, limit: Int, for scope: KeyScope, in connection: any SQLConnection) throws {
        self.query = query
        ranked = limit <= 20 ? Self.leastRanked : Self.mostRanked
        self.scope = scope
        self.connection = connection
        completions = try SearchIndex.completions(
            Array(Set(query.words.flatMap(Self.beginnings))), SearchIndex.Kind.allCases, in: connection)
        var wanted: Set<Probe> = []
        for kind in SearchIndex.Kind.allCases {
            let looks = query.clauses.flatMap { entries(of: $0, kind).flatMap { $0 } } + (hasEntry(kind) ? [] : [.newest(kind)])
            wanted.formUnion(looks)
        }
        probes = try probe(wanted)
        named = try Dictionary(grouping: thingsNamed(), by: \.kind)
    }

    // MARK: Ways in

    /// What some words may be the beginning of, as a whole, and the last of several by itself.
    private static func beginnings(of words: SearchQuery.Words) -> [String] {
        guard words.isPrefix, !words.inName || words.pieces.count == 1 else { return [] }
        return words.pieces.count == 1 ? words.pieces : [words.folded] + words.pieces.suffix(1)
    }

    /// The looks that together lead to all documents of a kind that meet a clause. Several elements are alternatives of which one does;
    /// none means that the clause cannot be entered by.
    private func entries(of clause: SearchQuery.Clause, _ kind: SearchIndex.Kind) -> [[Probe]] {
        guard !clause.isNegated else { return [] }
        switch clause.condition {
        case .quantity(let quantity, let from, let below): return [[.range(kind, quantity, from: from, below: below)]]
        case .property(let property, let value):
            let term = SearchQuery.term(property, value)
            return ["status:active", "release:false"].contains(term) ? [] : [[.term(kind, term)]]
        case .words(let words):
            let wholes: [Probe]
            if let beginning = Self.beginnings(of: words).first {
                wholes = (completions[kind]?[beginning] ?? []).map { .term(kind, $0) }
            } else {
                wholes = [.term(kind, words.pieces.count == 1 ? words.pieces[0] : words.folded)]
            }
            guard words.pieces.count > 1 else { return [wholes] }
            // Whole names and numbers lead there at once; a rare piece finds the words within longer names.
            let pieces = words.isPrefix ? words.pieces.dropLast() : words.pieces[...]
            var ways = pieces.map { wholes + [.term(kind, $0)] }
            if let last = Self.beginnings(of: words).dropFirst().first,
                SearchIndex.Kind.allCases.allSatisfy({ (completions[$0]?[last]?.count ?? 0) < SearchIndex.mostCompletions })
            {
                ways.append(wholes + (completions[kind]?[last] ?? []).map { .term(kind, $0) })
            }
            return ways
        }
    }

    private func hasEntry(_ kind: SearchIndex.Kind) -> Bool { query.clauses.contains { !entries(of: $0, kind).isEmpty } }

    /// The cheapest way into a kind. For versions a clause may also hold for the model, which is then a way in as well.
    private func entrance(_ kind: SearchIndex.Kind) -> (own: [Probe], model: [Probe], clause: Int?) {
        var best: (own: [Probe], model: [Probe], clause: Int, cost: Int)?
        for (number, clause) in query.clauses.enumerated() {
            let models = kind == .version ? entries(of: clause, .model) : []
            for (index, own) in entries(of: clause, kind).enumerated() {
                let model = models.indices.contains(index) ? models[index] : []
                let cost = (own + model).reduce(0) { $0 + (probes[$1] ?? 0) }
                if best.map({ cost < $0.cost }) ?? true { best = (own, model, number, cost) }
            }
        }
        guard let best else { return ([.newest(kind)], [], nil) }
        return (best.own, best.model, best.clause)
    }

    private func probe(_ wanted: Set<Probe>) throws -> [Probe: Int] {
        let order = Array(wanted)
        guard !order.isEmpty else { return [:] }
        let terms = order.indices.compactMap { index -> SQLQuery? in
            guard case .term(let kind, let term) = order[index] else { return nil }
            return "(CAST(\(index) AS BIGINT), CAST(\(kind) AS TEXT), CAST(\(term) AS TEXT))"
        }
        let others = order.indices.compactMap { index -> SQLQuery? in
            if case .term = order[index] { return nil }
            return "SELECT CAST(\(index) AS BIGINT), count(*) FROM (\(order[index].ids(Self.mostSeen))) AS look\(raw: "\(index)")"
        }
        var found: [Probe: Int] = [:]
        func count(_ query: SQLQuery) throws {
            for (index, count) in try connection.fetchAll(query, { (try $0.get(0) as Int, try $0.get(1) as Int) }) {
                found[order[index]] = count
            }
        }
        if !terms.isEmpty {
            try count(
                """
                WITH look (n, kind, term) AS (VALUES \(terms.joined(separator: ", ")))
                SELECT l.n, (SELECT count(*) FROM (SELECT 1 FROM search_postings p WHERE p.kind = l.kind
                    AND p.term = l.term\(connection.dialect.byCodePoint) LIMIT \(raw: "\(Self.mostSeen)")) AS seen)
                FROM look l
                """)
        }
        if !others.isEmpty { try count(others.joined(separator: " UNION ALL ")) }
        return found
    }

    // MARK: Candidates

    /// The candidates of a kind. Versions also want the best models, whose versions are looked at first.
    func find(_ kind: SearchIndex.Kind, bestModels: [String] = []) throws -> Found {
        var found = Found()
        var seen: Set<String> = []
        func add(_ candidates: [Candidate]) {
            for candidate in candidates where seen.insert(candidate.id).inserted { found.candidates.append(candidate) }
        }
        let (own, model, _) = entrance(kind)
        let looks = own.filter { (probes[$0] ?? 0) > 0 }
        add(named[kind] ?? [])
        if !looks.isEmpty {
            let share = looks.count == 1 ? ranked : max(ranked / looks.count, 20)
            let rows = try rows(kind, looks, limit: share)
            add(rows.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) })
            found.isBounded = rows.count >= share || isCompletionCut(kind) || looks.contains { (probes[$0] ?? 0) >= Self.mostSeen }
        }
        if kind == .version {
            let models = try self.models(model, best: bestModels)
            let share = max(ranked / Self.mostModels, 3)
            // Where a model that meets the query is enough, its newest versions are known to meet it.
            let met = query.isMetByVersions ? models.ids.filter(Set(bestModels).contains) : []
            let rows =
                try versions(of: met, looked: share, limit: share, conditions: "TRUE")
                + versions(
                    of: models.ids.filter { !met.contains($0) }, looked: Self.mostSeenVersions, limit: share,
                    conditions: conditions(.version))
            add(rows)
            let perModel = Dictionary(grouping: rows) { $0.model?.name ?? "" }
            let isCut = try models.isCut || perModel.values.contains { $0.count >= share } || haveManyVersions(models.ids)
            found.isBounded = found.isBounded || isCut
        }
        return found
    }

    /// The models to look through: those that are called like one of the words, since in `gpt-model:1.0` nothing else may lead to an old model
    /// with common words; those that meet the query as a whole; those that meet its rarest clause.
    private func models(_ looks: [Probe], best: [String]) throws -> (ids: [String], isCut: Bool) {
        // A model that is called like the only word is among the best already.
        let names = query.words.count > 1 ? query.words.map { "=" + $0.folded } : []
        var sources: [SQLQuery] = []
        if !names.isEmpty {
            sources.append(
                "SELECT id FROM search_postings WHERE kind = 'm' AND term IN \(list: names) ORDER BY id DESC LIMIT \(raw: "\(Self.mostModels)")"
            )
        }
        if best.count < Self.mostModels { sources += looks.filter { (probes[$0] ?? 0) > 0 }.map { $0.ids(Self.mostModels) } }
        var found = [[String]](repeating: [], count: sources.count)
        if !sources.isEmpty {
            let places = sources.enumerated().map { "SELECT CAST(\($0) AS BIGINT), id FROM (\($1)) AS look\(raw: "\($0)")" as SQLQuery }
            for (place, id) in try connection.fetchAll(
                places.joined(separator: " UNION ALL "), { (try $0.get(0) as Int, try $0.get(1) as String) })
            {
                found[place].append(id)
            }
        }
        found.insert(best, at: names.isEmpty ? 0 : 1)
        var ids: [String] = []
        var isCut = found.contains { $0.count >= Self.mostModels }
        for id in found.joined() where !ids.contains(id) {
            if ids.count < Self.mostModels { ids.append(id) } else { isCut = true }
        }
        return (ids, isCut)
    }

    /// The newest versions of each model that meet conditions, out of so many that are looked at.
    private func versions(of models: [String], looked: Int, limit: Int, conditions: SQLQuery) throws -> [Candidate] {
        guard !models.isEmpty else { return [] }
        return try rows(
            connection.dialect.rows(forEach: models) { model in
                """
                \(columns(.version)) FROM search_documents m CROSS JOIN (\(Probe.versionIDs(ofModel: model, looked))) AS p
                CROSS JOIN search_documents d WHERE m.kind = 'm' AND m.id = \(model) AND d.kind = 'v' AND d.id = p.id AND \(conditions)
                ORDER BY d.id DESC LIMIT \(limit)
                """
            })
    }

    /// Things that are called as the words say, or begin so: nobody who types a name should miss the thing because others are newer.
    private func thingsNamed() throws -> [Candidate] {
        let name = query.wholeName
        guard !name.isEmpty, name.count <= 100 else { return [] }
        let kinds = SearchIndex.Kind.allCases.filter { $0 != .version }.map(\.rawValue)
        return try rows(
            connection.dialect.rows(forEach: kinds) { kind in
                """
                \(columns(.model)) FROM (
                    SELECT term, id FROM search_postings
                    WHERE kind = \(kind) AND term >= \("=" + name) AND term < \("=" + name + "\u{10FFFF}")
                    ORDER BY term, id LIMIT \(raw: "\(Self.mostNamed)")) AS p CROSS JOIN \(documents(.model))
                WHERE d.kind = \(kind) AND d.id = p.id AND \(conditions(.model)) ORDER BY p.term, p.id
                """
            })
    }

    private func isCompletionCut(_ kind: SearchIndex.Kind) -> Bool {
        query.words.compactMap { Self.beginnings(of: $0).first }.contains {
            (completions[kind]?[$0]?.count ?? 0) >= SearchIndex.mostCompletions
        }
    }

    private func haveManyVersions(_ models: [String]) throws -> Bool {
        try connection.fetchInt("SELECT 1 FROM models WHERE id IN \(list: models) AND version_count > \(Self.mostSeenVersions) LIMIT 1")
            != nil
    }

    /// The documents behind looks that meet all conditions.
    private func rows(_ kind: SearchIndex.Kind, _ looks: [Probe], limit: Int) throws -> [Candidate] {
        let seen = isMetByEntrance(kind) ? limit : Self.mostSeen
        let terms = looks.compactMap { if case .term(_, let term) = $0 { term } else { nil } }
        if terms.count == looks.count {
            return try rows(
                connection.dialect.rows(forEach: terms) { select(kind, Probe.termIDs(kind, $0, seen), order: "d.id DESC", limit: limit) })
        }
        return try looks.flatMap { try rows(select(kind, $0.ids(seen), order: $0.order("d."), limit: limit)) }
    }

    /// The documents behind ids that meet all conditions. What is looked at is limited within, as a number that planners can see: no plan is
    /// then better than to go from there to the documents.
    private func select(_ kind: SearchIndex.Kind, _ ids: SQLQuery, order: SQLQuery, limit: Int) -> SQLQuery {
        """
        \(columns(kind)) FROM (\(ids)) AS p CROSS JOIN \(documents(kind))
        WHERE d.kind = \(kind) AND d.id = p.id AND \(conditions(kind, met: clauseMetByEntrance(kind))) ORDER BY \(order) LIMIT \(limit)
        """
    }

    private func columns(_ kind: SearchIndex.Kind) -> SQLQuery {
        let ofModel: SQLQuery =
            kind == .version ? "m.name AS model_name, m.terms AS model_terms" : "NULL AS model_name, NULL AS model_terms"
        return "SELECT d.kind, d.id, d.name, d.terms, d.created_at, \(ofModel)"
    }

    /// What conditions are held against. Postings stand before it with CROSS JOIN, which SQLite takes as the order to go in: it has no
    /// statistics, and would else walk all documents now and then.
    private func documents(_ kind: SearchIndex.Kind) -> SQLQuery {
        kind == .version
            ? "search_documents d LEFT JOIN search_documents m ON m.kind = 'm' AND m.id = d.model_id" : "search_documents d"
    }

    private func rows(_ query: SQLQuery) throws -> [Candidate] {
        try connection.fetchAll(query) { row in
            var column = row.cursor()
            let (kind, id): (SearchIndex.Kind, String) = (try column.next(), try column.next())
            let (name, terms): (String, String) = (try column.next(), try column.next())
            let createdAt: Timestamp = try column.next()
            let (modelName, modelTerms): (String?, String?) = (try column.next(), try column.next())
            return Candidate(
                kind: kind, id: id, name: name, terms: terms, createdAt: createdAt,
                model: modelName.map { ($0, modelTerms ?? "") })
        }
    }

    // MARK: Conditions

    /// The clause that all documents behind an entrance of a kind meet, being what they were looked up by; nil where the entrance leads
    /// further.
    private func clauseMetByEntrance(_ kind: SearchIndex.Kind) -> Int? {
        let entrance = entrance(kind)
        guard let index = entrance.clause else { return nil }
        guard case .words(let words) = query.clauses[index].condition else { return index }
        // The beginning of a word may be completed to a property, such as `source:manual`.
        let areWords = entrance.own.allSatisfy { look in
            if case .term(_, let term) = look { !term.contains(":") } else { true }
        }
        return words.pieces.count == 1 && !words.inName && areWords ? index : nil
    }

    /// Whether all that an entrance leads to meets the query.
    private func isMetByEntrance(_ kind: SearchIndex.Kind) -> Bool {
        scope.isEverything && query.clauses.count == 1 && clauseMetByEntrance(kind) != nil
    }

    /// - Parameter met: the number of a clause that is known to be met.
    private func conditions(_ kind: SearchIndex.Kind, met: Int? = nil) -> SQLQuery {
        var conditions = query.clauses.enumerated().filter { $0.offset != met }.map { _, clause -> SQLQuery in
            let condition = condition(clause.condition, kind)
            return clause.isNegated ? "NOT coalesce(\(condition), FALSE)" : condition
        }
        // A version is about what its model is about.
        if let inside = scope.models(kind == .version ? "m.model_name" : "d.model_name", in: connection.dialect) {
            conditions.append(inside)
        }
        if kind != .version, let inside = scope.environments("d.environment", in: connection.dialect) {
            conditions.append("(d.kind <> 'd' OR \(inside))")
        }
        return conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
    }

    private func condition(_ condition: SearchQuery.Condition, _ kind: SearchIndex.Kind) -> SQLQuery {
        switch condition {
        case .words(let words):
            return inTerms(" " + words.pieces.joined(separator: " ") + (words.isPrefix ? "" : " "), kind, onlyName: words.inName)
        case .property(let property, let value): return inTerms("=\(SearchQuery.term(property, value))=", kind)
        case .quantity(let quantity, let from, let below):
            let column: SQLQuery =
                kind == .version && quantity == .parameters ? "m.parameters" : "d.\(raw: SearchCandidates.column(quantity))"
            // A sum, so that no planner takes an index of all that are as large for the way to one document.
            let bounds = [from.map { "\(column) + 0 >= \($0)" as SQLQuery }, below.map { "\(column) + 0 < \($0)" as SQLQuery }].compactMap {
                $0
            }
            return "(\(bounds.joined(separator: " AND ")))"
        }
    }

    /// - Parameter onlyName: whether it must stand in the first section of the terms.
    private func inTerms(_ text: String, _ kind: SearchIndex.Kind, onlyName: Bool = false) -> SQLQuery {
        func holds(_ terms: String) -> SQLQuery {
            let position = connection.dialect.position(of: text, in: terms)
            return onlyName ? "\(position) BETWEEN 1 AND \(connection.dialect.position(of: "|", in: terms))" : "\(position) > 0"
        }
        return kind == .version ? "(\(holds("d.terms")) OR \(holds("m.terms")))" : holds("d.terms")
    }

    fileprivate static func column(_ quantity: SearchQuery.Quantity) -> String {
        switch quantity {
        case .created: "created_at"
        case .size: "size_bytes"
        case .parameters: "parameters"
        }
    }
}

extension SearchCandidates.Probe {
    /// The first ids that the look leads to, the newest or largest first.
    fileprivate func ids(_ limit: Int) -> SQLQuery {
        switch self {
        case .term(let kind, let term):
            return Self.termIDs(kind, "\(term)", limit)
        case .newest(let kind):
            return "SELECT id FROM search_documents WHERE kind = \(kind) ORDER BY id DESC LIMIT \(raw: "\(limit)")"
        case .range(let kind, let quantity, let from, let below):
            let column = SQLQuery(raw: SearchCandidates.column(quantity))
            var condition: SQLQuery = "kind = \(kind) AND \(column) IS NOT NULL"
            if let from { condition += " AND \(column) >= \(from)" }
            if let below { condition += " AND \(column) < \(below)" }
            return "SELECT id FROM search_documents WHERE \(condition) ORDER BY \(order("")) LIMIT \(raw: "\(limit)")"
        }
    }

    /// The ids of a term's documents, the newest first.
    fileprivate static func termIDs(_ kind: SearchIndex.Kind, _ term: SQLQuery, _ limit: Int) -> SQLQuery {
        "SELECT id FROM search_postings WHERE kind = \(kind) AND term = \(term) ORDER BY id DESC LIMIT \(raw: "\(limit)")"
    }

    /// The ids of a model's versions, the newest first.
    fileprivate static func versionIDs(ofModel model: SQLQuery, _ limit: Int) -> SQLQuery {
        "SELECT id FROM search_documents WHERE kind = 'v' AND model_id = \(model) ORDER BY id DESC LIMIT \(raw: "\(limit)")"
    }

    /// The order of the ids; equal values by age, so that both databases have the same.
    fileprivate func order(_ prefix: String) -> SQLQuery {
        guard case .range(_, let quantity, _, _) = self else { return "\(raw: prefix)id DESC" }
        return "\(raw: prefix + SearchCandidates.column(quantity)) DESC, \(raw: prefix)id DESC"
    }
}
