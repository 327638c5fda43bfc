import CatapultAPI
import SQLDatabase

/// The SQL of models.
enum ModelStore {
    private static let columns: SQLQuery = """
        id, name, storage_path, repository, company, base_model, parameter_count, description, tags, metadata, requires_gpu, server_type, source,
        version_count, created_at, updated_at
        """

    private static func model(_ row: SQLRow) throws -> Model {
        var column = row.cursor()
        return Model(
            id: try column.next(), name: try column.next(), storagePath: try column.next(), repository: try column.next(),
            company: try column.next(), baseModel: try column.next(), parameterCount: try column.next(), description: try column.next(),
            tags: try column.next(JSONColumn.self).texts, metadata: try column.next(JSONColumn.self).members,
            requiresGPU: try column.next(),
            serverType: try column.next(), source: try column.next(), versionCount: try column.next(), createdAt: try column.next(),
            updatedAt: try column.next())
    }

    static func insert(_ model: Model, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            INSERT INTO models (\(columns)) VALUES (\(model.id), \(model.name), \(model.storagePath), \(model.repository), \(model.company),
                \(model.baseModel), \(model.parameterCount), \(model.description), \(JSONColumn(model.tags)), \(JSONColumn(model.metadata)),
                \(model.requiresGPU), \(model.serverType), \(model.source), 0, \(model.createdAt), \(model.updatedAt))
            """)
    }

    static func update(_ model: Model, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE models SET storage_path = \(model.storagePath), repository = \(model.repository), company = \(model.company),
                base_model = \(model.baseModel), parameter_count = \(model.parameterCount), description = \(model.description),
                tags = \(JSONColumn(model.tags)), metadata = \(JSONColumn(model.metadata)), requires_gpu = \(model.requiresGPU),
                server_type = \(model.serverType), updated_at = \(model.updatedAt)
            WHERE id = \(model.id)
            """)
    }

    /// Marks where a model comes from, or that its files are gone. The counter of orphaned models is kept beside.
    static func setSource(_ source: ModelSource, of id: String, in connection: any SQLConnection) throws {
        guard let before = try find(id, in: connection)?.source, before != source else { return }
        try connection.execute("UPDATE models SET source = \(source) WHERE id = \(id)")
        let step = (source == .orphaned ? 1 : 0) - (before == .orphaned ? 1 : 0)
        if step != 0 { try connection.execute("UPDATE counters SET n = n + \(step) WHERE name = 'orphaned_models'") }
    }

    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM models WHERE id = \(id)")
    }

    static func find(_ id: String, in connection: any SQLConnection) throws -> Model? {
        try connection.fetchFirst("SELECT \(columns) FROM models WHERE id = \(id)", model)
    }

    static func find(named name: String, in connection: any SQLConnection) throws -> Model? {
        try connection.fetchFirst("SELECT \(columns) FROM models WHERE name = \(name)", model)
    }

    /// The model with an id or a name that lies inside of the scope; 404 with near names otherwise.
    static func resolve(_ idOrName: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Model {
        let key: SQLQuery = Identifier.isUUID(idOrName) ? "id = \(idOrName.lowercased())" : "name = \(idOrName)"
        var found = try connection.fetchFirst("SELECT \(columns) FROM models WHERE \(key)", model)
        if found == nil, Identifier.isUUID(idOrName) {
            found = try connection.fetchFirst("SELECT \(columns) FROM models WHERE name = \(idOrName)", model)
        }
        if let found, scope.includes(model: found.name) { return found }
        throw CatapultError.notFound(.model, idOrName, candidates: try names(near: idOrName, for: scope, in: connection))
    }

    /// The id by which a list is filtered. A UUID stands for itself, whether or not there is such a model: earlier clients expect an empty
    /// list then. A name that is unknown is a mistake that somebody should hear of.
    static func filter(_ idOrName: String, for scope: KeyScope, in connection: any SQLConnection) throws -> String {
        do {
            return try resolve(idOrName, for: scope, in: connection).id
        } catch let error as CatapultError where error.status == 404 && Identifier.isUUID(idOrName) {
            return idOrName.lowercased()
        }
    }

    /// Up to three names that begin alike: one look into the index of names.
    private static func names(near name: String, for scope: KeyScope, in connection: any SQLConnection) throws -> [String] {
        guard !Identifier.isUUID(name), let start = name.first.map(String.init) else { return [] }
        let stem = name.count > 3 ? String(name.prefix(3)) : start
        let inScope = scope.models("name", in: connection.dialect) ?? "TRUE"
        return try connection.fetchColumn(
            "SELECT name FROM models WHERE name >= \(stem) AND name < \(stem + "\u{10FFFF}") AND \(inScope) ORDER BY name LIMIT 3",
            as: String.self)
    }

    static func list(_ call: ListModels, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Model> {
        let window = try PageWindow(call)
        var facets: [SQLQuery] = []
        if let source = call.source {
            facets.append("source = \(source)")
        } else if call.includeOrphaned != true {
            // Word for word the condition of the index of models that are present.
            facets.append("source <> 'orphaned'")
        }
        if let type = call.serverType { facets.append("server_type = \(type)") }
        let inScope = scope.models("name", in: connection.dialect).map { [$0] } ?? []
        let search = try call.search.flatMap { $0.isEmpty ? nil : try ModelSearch.conditions($0, in: connection) }
        let total: RowTotal
        if inScope.isEmpty, search == nil {
            // Triggers keep the number of models of each source and server type.
            let filter: SQLQuery = facets.isEmpty ? "TRUE" : facets.joined(separator: " AND ")
            total = try .kept("SELECT CAST(sum(n) AS BIGINT) FROM model_counts WHERE \(filter)", in: connection)
        } else {
            let conditions = facets + inScope + (search?.count ?? [])
            total = try .counting("SELECT 1 FROM models WHERE \(conditions.joined(separator: " AND "))", in: connection)
        }
        let query = window.query(
            "SELECT \(columns) FROM models", from: "models", order: .newestFirst("created_at", id: "id"),
            where: facets + inScope + (search?.page ?? []))
        return try window.page(connection.fetchAll(query, model), total: total) { .age($0.createdAt, id: $0.id) }
    }

    static func options(_ call: ListModelOptions, for scope: KeyScope, in connection: any SQLConnection) throws -> OptionList<ModelOption> {
        var conditions: [SQLQuery] = [scope.models("name", in: connection.dialect) ?? "TRUE"]
        if let prefix = call.prefix, !prefix.isEmpty {
            conditions.append("name >= \(prefix) AND name < \(prefix + "\u{10FFFF}")")
        }
        let filter = conditions.joined(separator: " AND ")
        let limit = call.limit ?? ListModelOptions.mostRows
        let options = try connection.fetchAll("SELECT id, name FROM models WHERE \(filter) ORDER BY name LIMIT \(limit + 1)") { row in
            ModelOption(id: try row.get(0), name: try row.get(1))
        }
        return OptionList(options, limit: limit)
    }

    /// The models whose versions are largest; their sizes are kept by triggers, so this reads as many rows as it gives.
    static func largest(_ count: Int, for scope: KeyScope, in connection: any SQLConnection) throws -> [ModelSize] {
        let inScope = scope.models("m.name", in: connection.dialect) ?? "TRUE"
        return try connection.fetchAll(
            """
            SELECT m.id, m.name, s.size_bytes, m.version_count FROM model_sizes s JOIN models m ON m.id = s.model_id
            WHERE s.size_bytes > 0 AND \(inScope) ORDER BY s.size_bytes DESC, s.model_id LIMIT \(count)
            """
        ) { ModelSize(id: try $0.get(0), name: try $0.get(1), size: try $0.get(2), versions: try $0.get(3)) }
    }
}
