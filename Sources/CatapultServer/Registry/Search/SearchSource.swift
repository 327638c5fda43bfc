import CatapultAPI
import SQLDatabase

/// Reads things out of their tables as search sees them.
enum SearchSource {
    /// Values of free-form metadata that are indexed, and the longest of each.
    private static let mostValues = 20
    private static let longestValue = 200

    /// The things with these ids, in no order; ids that are gone are left out.
    static func records(_ kind: SearchIndex.Kind, _ ids: [String], in connection: any SQLConnection) throws -> [SearchRecord] {
        guard !ids.isEmpty else { return [] }
        switch kind {
        case .model: return try models(ids, connection)
        case .version: return try versions(ids, connection)
        case .deployment: return try deployments(ids, connection)
        case .artifact: return try artifacts(ids, connection)
        }
    }

    private static func models(_ ids: [String], _ connection: any SQLConnection) throws -> [SearchRecord] {
        try connection.fetchAll(
            """
            SELECT id, name, repository, company, base_model, parameter_count, description, tags, metadata, server_type, source, version_count,
                created_at
            FROM models WHERE id IN \(list: ids)
            """
        ) { row in
            var column = row.cursor()
            let (id, name): (String, String) = (try column.next(), try column.next())
            let (repository, company, base): (String?, String?, String?) = (try column.next(), try column.next(), try column.next())
            let (parameters, description): (String?, String?) = (try column.next(), try column.next())
            let tags = try column.next(JSONColumn.self).texts
            let metadata = try column.next(JSONColumn.self).members
            let (serverType, source): (String?, String) = (try column.next(), try column.next())
            let versions: Int = try column.next()
            var fields = [SearchRecord.Field(name: "name", section: .name, text: name)]
            fields += tags.map { .init(name: "tags", section: .tag, text: $0) }
            fields += texts([
                ("description", description), ("company", company), ("base_model", base), ("repository", repository),
                ("parameter_count", parameters),
            ])
            fields += values(of: metadata)
            var properties: [(SearchQuery.Property, String)] = tags.map { (.tag, $0) } + [(.source, source)]
            if let serverType { properties.append((.serverType, serverType)) }
            if let license = license(metadata) { properties.append((.license, license)) }
            let facts = [company, serverType, parameters, versions == 1 ? "1 version" : "\(versions) versions"]
            return SearchRecord(
                kind: .model, id: id, name: name, subtitle: facts.compactMap { $0 }.joined(separator: " · "), fields: fields,
                properties: properties, parameters: parameters.flatMap(ParameterCount.parse), createdAt: try column.next(), modelName: name)
        }
    }

    private static func versions(_ ids: [String], _ connection: any SQLConnection) throws -> [SearchRecord] {
        try connection.fetchAll(
            """
            SELECT v.id, v.model_id, m.name, v.version, v.tag, v.quantization, v.size_bytes, v.release_notes, v.metadata, v.is_release, v.status,
                v.alias_names, v.created_at
            FROM versions v JOIN models m ON m.id = v.model_id WHERE v.id IN \(list: ids)
            """
        ) { row in
            var column = row.cursor()
            let (id, modelID, model): (String, String, String) = (try column.next(), try column.next(), try column.next())
            let (version, tag, quantization): (String, String, String?) = (try column.next(), try column.next(), try column.next())
            let (size, notes): (Int64?, String?) = (try column.next(), try column.next())
            let metadata = try column.next(JSONColumn.self).members
            let (isRelease, status, names): (Bool, String, String) = (try column.next(), try column.next(), try column.next())
            let aliases = names.split(separator: ",").map(String.init)
            var fields = [SearchRecord.Field(name: "version", section: .name, text: version)]
            if tag != version { fields.append(.init(name: "tag", section: .name, text: tag)) }
            fields += aliases.map { .init(name: "alias", section: .tag, text: $0) }
            if let quantization { fields.append(.init(name: "quantization", section: .tag, text: quantization)) }
            fields += texts([("release_notes", notes)]) + values(of: metadata)
            var properties: [(SearchQuery.Property, String)] = [(.status, status), (.release, isRelease ? "true" : "false")]
            if let quantization { properties.append((.quantization, quantization)) }
            properties += aliases.map { (.alias, $0) }
            let facts =
                [status, isRelease ? "release" : nil, quantization, size.map(ByteCount.text)]
                + [aliases.isEmpty ? nil : aliases.joined(separator: ", ")]
            return SearchRecord(
                kind: .version, id: id, name: "\(model):\(version)", subtitle: facts.compactMap { $0 }.joined(separator: " · "),
                fields: fields,
                properties: properties, sizeBytes: size, createdAt: try column.next(), modelID: modelID)
        }
    }

    private static func deployments(_ ids: [String], _ connection: any SQLConnection) throws -> [SearchRecord] {
        try connection.fetchAll(
            """
            SELECT d.id, d.name, m.name, v.version, d.environment, d.status, d.cluster, d.deployed_at
            FROM deployments d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id WHERE d.id IN \(list: ids)
            """
        ) { row in
            var column = row.cursor()
            let (id, name, model): (String, String, String) = (try column.next(), try column.next(), try column.next())
            let (version, environment, status): (String, String, String) = (try column.next(), try column.next(), try column.next())
            let cluster: String? = try column.next()
            let fields = [
                SearchRecord.Field(name: "name", section: .name, text: name),
                .init(name: "model", section: .tag, text: model), .init(name: "version", section: .tag, text: version),
                .init(name: "environment", section: .text, text: environment),
            ]
            return SearchRecord(
                kind: .deployment, id: id, name: name, subtitle: "\(model):\(version) · \(environment) · \(status)",
                fields: fields + texts([("cluster", cluster)]), properties: [(.status, status), (.environment, environment)],
                createdAt: try column.next(), modelName: model, environment: environment)
        }
    }

    /// Artifacts that were deleted are kept for a while, and not found.
    private static func artifacts(_ ids: [String], _ connection: any SQLConnection) throws -> [SearchRecord] {
        try connection.fetchAll(
            """
            SELECT a.id, a.name, coalesce(m.name, n.name), v.version, a.artifact_type, a.platform, a.python_version, a.size_bytes, a.checksum,
                a.file_path, a.metadata, a.created_at
            FROM artifacts a LEFT JOIN versions v ON v.id = a.version_id LEFT JOIN models m ON m.id = v.model_id
            LEFT JOIN models n ON n.id = a.model_id
            WHERE a.deleted_at IS NULL AND a.id IN \(list: ids)
            """
        ) { row in
            var column = row.cursor()
            let (id, name): (String, String) = (try column.next(), try column.next())
            let (model, version): (String?, String?) = (try column.next(), try column.next())
            let (type, platform, python): (String, String?, String?) = (try column.next(), try column.next(), try column.next())
            let (size, checksum, path): (Int64, String, String) = (try column.next(), try column.next(), try column.next())
            let metadata = try column.next(JSONColumn.self).members
            var fields = [SearchRecord.Field(name: "name", section: .name, text: name)]
            let tags = [
                ("artifact_type", type), ("model", model), ("version", version), ("platform", platform), ("python_version", python),
            ]
            fields += tags.compactMap { name, text in text.map { .init(name: name, section: .tag, text: $0) } }
            fields += texts([("checksum", checksum), ("file_path", path)]) + values(of: metadata)
            let handle = model.map { model in version.map { "\(model):\($0)" } ?? model }
            return SearchRecord(
                kind: .artifact, id: id, name: name,
                subtitle: [type, handle, platform, ByteCount.text(size)].compactMap { $0 }.joined(separator: " · "), fields: fields,
                properties: license(metadata).map { [(.license, $0)] } ?? [], sizeBytes: size, createdAt: try column.next(),
                modelName: model)
        }
    }

    private static func texts(_ texts: [(String, String?)]) -> [SearchRecord.Field] {
        texts.compactMap { name, text in text.flatMap { $0.isEmpty ? nil : .init(name: name, section: .text, text: $0) } }
    }

    /// Texts and numbers of metadata, by name, so that equal things have equal documents.
    private static func values(of metadata: [String: JSONValue]) -> [SearchRecord.Field] {
        var fields: [SearchRecord.Field] = []
        // What was read from the files stands one level deeper, each fact beside its source.
        let facts = (metadata["facts"]?.objectValue ?? [:]).compactMapValues { $0["value"] }
        let values = metadata.filter { $0.key != "facts" }.merging(facts) { first, _ in first }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            for element in value.arrayValue ?? [value] {
                guard let text = element.stringValue ?? element.intValue.map(String.init), !text.isEmpty else { continue }
                fields.append(.init(name: "metadata.\(key)", section: .text, text: String(text.prefix(longestValue))))
                if fields.count == mostValues { return fields }
            }
        }
        return fields
    }

    /// Where a license stands: model cards and importers write it into the metadata.
    private static func license(_ metadata: [String: JSONValue]) -> String? {
        metadata["license"]?.stringValue ?? metadata["facts"]?["license"]?["value"]?.stringValue
    }
}
