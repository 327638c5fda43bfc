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
    /// Documents of a kind that are ranked, at most.
    static let mostRanked = 100
    /// Things that are called like the query, at most.
    static let mostNamed = 60
    /// Models whose versions are looked through, how many of each, the newest first, and how many of them are ranked.
    static let mostModels = 12
    static let mostSeenVersions = 100
    static let mostVersions = 12

    let query: SearchQuery
    /// What the asking key may see.
    let scope: KeyScope
    let connection: any SQLConnection
    private let completions: [SearchIndex.Kind: [String: [String]]]
    /// How many documents each look leads to, counted up to ``mostSeen``.
    private var probes: [Probe: Int] = [:]

    /// One look into the index.
    fileprivate enum Probe: Hashable {
        case term(SearchIndex.Kind, String)
        case range(SearchIndex.Kind, SearchQuery.Quantity, from: Int64?, below: Int64?)
        case newest(SearchIndex.Kind)
        case versions(ofModel: String)
    }

    init(_ query: SearchQuery, for scope: KeyScope, in connection: any SQLConnection) throws {
        self.query = query
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
    }

    // MARK: Ways in

    private static func beginnings(of words: SearchQuery.Words) -> [String] {
        guard words.isPrefix, !words.inName || words.pieces.count == 1 else { return [] }
        return words.pieces.count == 1 ? [words.pieces[0]] : [words.folded]
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
            return pieces.map { wholes + [.term(kind, $0)] }
        }
    }

    private func hasEntry(_ kind: SearchIndex.Kind) -> Bool { query.clauses.contains { !entries(of: $0, kind).isEmpty } }

    /// The cheapest way into a kind. For versions a clause may also hold for the model, which is then a way in as well.
    private func entrance(_ kind: SearchIndex.Kind) -> (own: [Probe], model: [Probe]) {
        var best: (own: [Probe], model: [Probe], cost: Int)?
        for clause in query.clauses {
            let models = kind == .version ? entries(of: clause, .model) : []
            for (index, own) in entries(of: clause, kind).enumerated() {
                let model = models.indices.contains(index) ? models[index] : []
                let cost = (own + model).reduce(0) { $0 + (probes[$1] ?? 0) }
                if best.map({ cost < $0.cost }) ?? true { best = (own, model, cost) }
            }
        }
        guard let best else { return ([.newest(kind)], []) }
        return (best.own, best.model)
    }

    private func probe(_ wanted: Set<Probe>) throws -> [Probe: Int] {
        let order = Array(wanted)
        var found: [Probe: Int] = [:]
        for start in stride(from: 0, to: order.count, by: 24) {
            let looks = (start..<min(start + 24, order.count)).map { index -> SQLQuery in
                "SELECT CAST(\(index) AS BIGINT), count(*) FROM (\(order[index].ids(Self.mostSeen))) AS look\(raw: "\(index)")"
            }
            let rows = try connection.fetchAll(looks.joined(separator: " UNION ALL ")) { (try $0.get(0) as Int, try $0.get(1) as Int) }
            for (index, count) in rows { found[order[index]] = count }
        }
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
        let (own, model) = entrance(kind)
        let looks = own.filter { (probes[$0] ?? 0) > 0 }
        if kind != .version { add(try named(kind)) }
        if !looks.isEmpty {
            let share = looks.count == 1 ? Self.mostRanked : max(Self.mostRanked / looks.count, 20)
            let rows = try rows(looks.map { select(kind, $0, limit: share) })
            add(rows.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) })
            found.isBounded = rows.count >= share || isCompletionCut(kind) || looks.contains { (probes[$0] ?? 0) >= Self.mostSeen }
        }
        if kind == .version {
            let models = try self.models(model, first: calledModels() + bestModels)
            if !models.ids.isEmpty {
                let looks = models.ids.map { Probe.versions(ofModel: $0) }
                let rows = try rows(looks.map { select(.version, $0, seen: Self.mostSeenVersions, limit: Self.mostVersions) })
                add(rows)
                let perModel = Dictionary(grouping: rows) { $0.model?.name ?? "" }
                let isCut =
                    try models.isCut || perModel.values.contains { $0.count >= Self.mostVersions }
                    || probe(Set(looks)).values.contains { $0 > Self.mostSeenVersions }
                found.isBounded = found.isBounded || isCut
            }
        }
        return found
    }

    /// Models that are called like one of the words: in `gpt-model:1.0` nothing else may lead to an old model with common words.
    private func calledModels() throws -> [String] {
        let names = query.words.map { "=" + $0.folded }
        guard !names.isEmpty else { return [] }
        return try connection.fetchColumn(
            "SELECT id FROM search_postings WHERE kind = 'm' AND term IN \(list: names) ORDER BY id DESC LIMIT \(Self.mostModels)")
    }

    /// The models to look through: those that are called so, those that meet the query as a whole, then those that meet its rarest clause.
    private func models(_ looks: [Probe], first: [String]) throws -> (ids: [String], isCut: Bool) {
        var ids: [String] = []
        for id in first where !ids.contains(id) && ids.count < Self.mostModels { ids.append(id) }
        var isCut = Set(first).count > ids.count
        for look in looks {
            guard let count = probes[look], count > 0 else { continue }
            let more: [String] = try connection.fetchColumn(look.ids(Self.mostModels))
            for id in more where !ids.contains(id) {
                if ids.count < Self.mostModels { ids.append(id) } else { isCut = true }
            }
            isCut = isCut || count > Self.mostModels
        }
        return (ids, isCut)
    }

    /// Things that are called as the words say, or begin so: nobody who types a name should miss the thing because others are newer.
    private func named(_ kind: SearchIndex.Kind) throws -> [Candidate] {
        let name = query.wholeName
        guard !name.isEmpty, name.count <= 100 else { return [] }
        return try rows([
            """
            \(columns(kind)) FROM (
                SELECT term, id FROM search_postings WHERE kind = \(kind) AND term >= \("=" + name) AND term < \("=" + name + "\u{10FFFF}")
                ORDER BY term, id LIMIT \(Self.mostNamed)) AS p CROSS JOIN \(documents(kind))
            WHERE d.kind = \(kind) AND d.id = p.id AND \(conditions(kind)) ORDER BY p.term, p.id
            """
        ])
    }

    private func isCompletionCut(_ kind: SearchIndex.Kind) -> Bool {
        query.words.flatMap(Self.beginnings).contains { (completions[kind]?[$0]?.count ?? 0) >= SearchIndex.mostCompletions }
    }

    /// The documents behind a look that meet all conditions. What is looked at is limited within, as a number that planners can see: no
    /// plan is then better than to go from there to the documents.
    private func select(_ kind: SearchIndex.Kind, _ look: Probe, seen: Int = mostSeen, limit: Int) -> SQLQuery {
        """
        SELECT * FROM (\(columns(kind)) FROM (\(look.ids(seen))) AS p CROSS JOIN \(documents(kind))
        WHERE d.kind = \(kind) AND d.id = p.id AND \(conditions(kind)) ORDER BY \(look.order("d.")) LIMIT \(limit)) AS found
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

    private func rows(_ selects: [SQLQuery]) throws -> [Candidate] {
        try connection.fetchAll(selects.joined(separator: " UNION ALL ")) { row in
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

    private func conditions(_ kind: SearchIndex.Kind) -> SQLQuery {
        var conditions = query.clauses.map { clause -> SQLQuery in
            let condition = condition(clause.condition, kind)
            return clause.isNegated ? "NOT coalesce(\(condition), FALSE)" : condition
        }
        // A version is about what its model is about.
        if let inside = scope.models(kind == .version ? "m.model_name" : "d.model_name", in: connection.dialect) {
            conditions.append(inside)
        }
        if kind == .deployment, let inside = scope.environments("d.environment", in: connection.dialect) { conditions.append(inside) }
        return conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
    }

    private func condition(_ condition: SearchQuery.Condition, _ kind: SearchIndex.Kind) -> SQLQuery {
        let dialect = connection.dialect
        switch condition {
        case .words(let words):
            let pattern = dialect.likePattern(containing: " " + words.pieces.joined(separator: " ") + (words.isPrefix ? "" : " "))
            return inTerms(words.inName ? pattern + "|%|%|%" : pattern, kind)
        case .property(let property, let value):
            return inTerms(dialect.likePattern(containing: "=\(SearchQuery.term(property, value))="), kind)
        case .quantity(let quantity, let from, let below):
            let column: SQLQuery =
                kind == .version && quantity == .parameters ? "m.parameters" : "d.\(raw: SearchCandidates.column(quantity))"
            let bounds = [from.map { "\(column) >= \($0)" as SQLQuery }, below.map { "\(column) < \($0)" as SQLQuery }].compactMap { $0 }
            return "(\(bounds.joined(separator: " AND ")))"
        }
    }

    private func inTerms(_ pattern: String, _ kind: SearchIndex.Kind) -> SQLQuery {
        kind == .version
            ? "(d.terms LIKE \(pattern) ESCAPE '\\' OR m.terms LIKE \(pattern) ESCAPE '\\')" : "d.terms LIKE \(pattern) ESCAPE '\\'"
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
        let source: SQLQuery
        var condition: SQLQuery
        switch self {
        case .term(let kind, let term):
            source = "search_postings"
            condition = "kind = \(kind) AND term = \(term)"
        case .newest(let kind):
            source = "search_documents"
            condition = "kind = \(kind)"
        case .versions(let model):
            source = "search_documents"
            condition = "kind = 'v' AND model_id = \(model)"
        case .range(let kind, let quantity, let from, let below):
            let column = SQLQuery(raw: SearchCandidates.column(quantity))
            source = "search_documents"
            condition = "kind = \(kind) AND \(column) IS NOT NULL"
            if let from { condition += " AND \(column) >= \(from)" }
            if let below { condition += " AND \(column) < \(below)" }
        }
        return "SELECT id FROM \(source) WHERE \(condition) ORDER BY \(order("")) LIMIT \(raw: "\(limit)")"
    }

    /// The order of the ids; equal values by age, so that both databases have the same.
    fileprivate func order(_ prefix: String) -> SQLQuery {
        guard case .range(_, let quantity, _, _) = self else { return "\(raw: prefix)id DESC" }
        return "\(raw: prefix + SearchCandidates.column(quantity)) DESC, \(raw: prefix)id DESC"
    }
}
