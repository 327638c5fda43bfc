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
    static let mostSeen = 600
    /// Documents of a kind that are ranked, at most.
    static let mostRanked = 100
    /// Things that are called like the query, at most.
    static let mostNamed = 60
    /// Models whose versions are looked through, and the newest versions of each.
    static let mostModels = 12
    static let mostVersions = 12

    let query: SearchQuery
    /// What the asking key may see.
    let scope: KeyScope
    let connection: any SQLConnection
    private let completions: [SearchIndex.Kind: [String: [String]]]
    private var probes: [Probe: Extent] = [:]

    /// One look into the index.
    fileprivate enum Probe: Hashable {
        case term(SearchIndex.Kind, String)
        case range(SearchIndex.Kind, SearchQuery.Quantity, from: Int64?, below: Int64?)
        case newest(SearchIndex.Kind)
    }

    /// How far a look reaches: how many documents, and where to stop.
    private struct Extent {
        var count: Int
        var floor: SQLValue
        var isComplete: Bool { count < SearchCandidates.mostSeen }
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
                let cost = (own + model).reduce(0) { $0 + (probes[$1]?.count ?? 0) }
                if best.map({ cost < $0.cost }) ?? true { best = (own, model, cost) }
            }
        }
        guard let best else { return ([.newest(kind)], []) }
        return (best.own, best.model)
    }

    private func probe(_ wanted: Set<Probe>) throws -> [Probe: Extent] {
        let order = Array(wanted)
        guard !order.isEmpty else { return [:] }
        var found: [Probe: Extent] = [:]
        for start in stride(from: 0, to: order.count, by: 24) {
            let part = order[start..<min(start + 24, order.count)]
            let looks = part.enumerated().map { index, look -> SQLQuery in
                let (value, source, condition) = look.parts
                return """
                    SELECT CAST(\(index) AS BIGINT), count(*), CAST(min(value) AS TEXT) FROM (
                        SELECT \(value) AS value FROM \(source) WHERE \(condition) ORDER BY \(value) DESC LIMIT \(Self.mostSeen)) AS look\(raw: "\(index)")
                    """
            }
            let rows = try connection.fetchAll(looks.joined(separator: " UNION ALL ")) { row in
                (try row.get(0) as Int, try row.get(1) as Int, try row.get(2) as String?)
            }
            for (index, count, floor) in rows {
                let look = part[part.startIndex + index]
                if case .range = look {
                    found[look] = Extent(count: count, floor: .integer(floor.flatMap(Int64.init) ?? 0))
                } else {
                    found[look] = Extent(count: count, floor: .text(floor ?? ""))
                }
            }
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
        let looks = own.filter { (probes[$0]?.count ?? 0) > 0 }
        if kind != .version { add(try named(kind)) }
        if !looks.isEmpty {
            let share = looks.count == 1 ? Self.mostRanked : max(Self.mostRanked / looks.count, 20)
            let rows = try rows(looks.map { select(kind, $0, limit: share) })
            add(rows.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) })
            found.isBounded = rows.count >= share || isCompletionCut(kind) || looks.contains { probes[$0]?.isComplete != true }
        }
        if kind == .version {
            let models = try self.models(model, first: bestModels)
            if !models.ids.isEmpty {
                let rows = try rows(models.ids.map(selectVersions))
                add(rows)
                let perModel = Dictionary(grouping: rows) { $0.model?.name ?? "" }
                found.isBounded = found.isBounded || models.isCut || perModel.values.contains { $0.count >= Self.mostVersions }
            }
        }
        return found
    }

    /// The models to look through: those that meet the query as a whole, then those that meet its rarest clause.
    private func models(_ looks: [Probe], first: [String]) throws -> (ids: [String], isCut: Bool) {
        var ids = Array(first.prefix(Self.mostModels))
        var isCut = first.count > ids.count
        for look in looks {
            guard let extent = probes[look], extent.count > 0 else { continue }
            let (value, source, condition) = look.parts
            let more: [String] = try connection.fetchColumn(
                "SELECT id FROM \(source) WHERE \(condition) ORDER BY \(value) DESC LIMIT \(Self.mostModels)")
            for id in more where !ids.contains(id) {
                if ids.count < Self.mostModels { ids.append(id) } else { isCut = true }
            }
            isCut = isCut || extent.count > Self.mostModels
        }
        return (ids, isCut)
    }

    /// Things that are called as the words say, or begin so: nobody who types a name should miss the thing because others are newer.
    private func named(_ kind: SearchIndex.Kind) throws -> [Candidate] {
        let name = query.wholeName
        guard !name.isEmpty, name.count <= 100 else { return [] }
        return try rows([
            """
            \(columns(kind)) JOIN (
                SELECT term, id FROM search_postings WHERE kind = \(kind) AND term >= \("=" + name) AND term < \("=" + name + "\u{10FFFF}")
                ORDER BY term, id LIMIT \(Self.mostNamed)) AS p ON p.id = d.id
            WHERE d.kind = \(kind) AND \(conditions(kind)) ORDER BY p.term, p.id
            """
        ])
    }

    private func isCompletionCut(_ kind: SearchIndex.Kind) -> Bool {
        query.words.flatMap(Self.beginnings).contains { (completions[kind]?[$0]?.count ?? 0) >= SearchIndex.mostCompletions }
    }

    private func select(_ kind: SearchIndex.Kind, _ look: Probe, limit: Int) -> SQLQuery {
        let floor = probes[look]?.floor ?? .null
        switch look {
        case .term(_, let term):
            return """
                SELECT * FROM (\(columns(kind)) JOIN search_postings p ON p.kind = d.kind AND p.id = d.id
                WHERE p.kind = \(kind) AND p.term = \(term) AND p.id >= \(floor) AND \(conditions(kind)) ORDER BY p.id DESC LIMIT \(limit)) AS found
                """
        case .range, .newest:
            let (value, _, condition) = look.parts
            return """
                SELECT * FROM (\(columns(kind)) WHERE \(condition) AND \(value) >= \(floor) AND \(conditions(kind))
                ORDER BY \(value) DESC LIMIT \(limit)) AS found
                """
        }
    }

    private func selectVersions(of model: String) -> SQLQuery {
        """
        SELECT * FROM (\(columns(.version)) WHERE d.model_id = \(model) AND d.kind = 'v' AND \(conditions(.version))
        ORDER BY d.id DESC LIMIT \(Self.mostVersions)) AS found
        """
    }

    private func columns(_ kind: SearchIndex.Kind) -> SQLQuery {
        kind == .version
            ? """
            SELECT d.kind, d.id, d.name, d.terms, d.created_at, m.name AS model_name, m.terms AS model_terms
            FROM search_documents d LEFT JOIN search_documents m ON m.kind = 'm' AND m.id = d.model_id
            """
            : "SELECT d.kind, d.id, d.name, d.terms, d.created_at, NULL AS model_name, NULL AS model_terms FROM search_documents d"
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
    /// What is ordered, where it is, and which rows count.
    fileprivate var parts: (value: SQLQuery, source: SQLQuery, condition: SQLQuery) {
        switch self {
        case .term(let kind, let term): return ("id", "search_postings", "kind = \(kind) AND term = \(term)")
        case .newest(let kind): return ("d.id", "search_documents d", "d.kind = \(kind)")
        case .range(let kind, let quantity, let from, let below):
            let column = "d.\(SearchCandidates.column(quantity))"
            var condition: SQLQuery = "d.kind = \(kind) AND \(raw: column) IS NOT NULL"
            if let from { condition += " AND \(raw: column) >= \(from)" }
            if let below { condition += " AND \(raw: column) < \(below)" }
            return ("\(raw: column)", "search_documents d", condition)
        }
    }
}
