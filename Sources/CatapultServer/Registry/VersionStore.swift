import CatapultAPI
import SQLDatabase

/// The SQL of versions and their files.
enum VersionStore {
    private static let columns: SQLQuery = """
        v.id, v.model_id, m.name, m.storage_path, v.version, v.tag, v.digest, v.quantization, v.size_bytes, v.platform, v.architecture, v.os,
            v.release_notes, v.metadata, v.ceph_path, v.mlflow_url, v.is_release, v.status, v.file_count, v.missing_files, v.alias_names,
            v.deprecated_at, v.deprecation_message, v.successor_id,
            (SELECT sm.name || ':' || s.version FROM versions s JOIN models sm ON sm.id = s.model_id WHERE s.id = v.successor_id), v.retires_at,
            v.created_at
        """
    private static let selection: SQLQuery = "SELECT \(columns) FROM versions v JOIN models m ON m.id = v.model_id"

    private static func version(_ row: SQLRow) throws -> Version {
        var column = row.cursor()
        return Version(
            id: try column.next(), modelID: try column.next(), modelName: try column.next(), modelStoragePath: try column.next(),
            version: try column.next(), tag: try column.next(), digest: try column.next(), quantization: try column.next(),
            sizeBytes: try column.next(), platform: try column.next(), architecture: try column.next(), os: try column.next(),
            releaseNotes: try column.next(), metadata: try column.next(JSONColumn.self).members, cephPath: try column.next(),
            mlflowURL: try column.next(), isRelease: try column.next(), status: try column.next(), fileCount: try column.next(),
            missingFiles: try column.next(),
            aliases: try column.next(String.self).split(separator: ",").map(String.init),
            deprecation: try deprecation(&column), createdAt: try column.next())
    }

    private static func deprecation(_ column: inout SQLRow.Cursor) throws -> Deprecation? {
        let since: Timestamp? = try column.next()
        let (message, successorID, successor): (String?, String?, String?) = (try column.next(), try column.next(), try column.next())
        let retiresAt: Timestamp? = try column.next()
        return since.map {
            Deprecation(message: message, successorID: successorID, successor: successor, retiresAt: retiresAt, deprecatedAt: $0)
        }
    }

    static func insert(_ version: Version, files: [VersionFile], in connection: any SQLConnection) throws {
        try connection.execute(
            """
            INSERT INTO versions (id, model_id, version, tag, digest, quantization, size_bytes, platform, architecture, os, release_notes, metadata,
                ceph_path, mlflow_url, is_release, status, file_count, missing_files, created_at)
            VALUES (\(version.id), \(version.modelID), \(version.version), \(version.tag), \(version.digest), \(version.quantization),
                \(version.sizeBytes), \(version.platform), \(version.architecture), \(version.os), \(version.releaseNotes),
                \(JSONColumn(version.metadata)), \(version.cephPath), \(version.mlflowURL), \(version.isRelease), \(version.status),
                \(version.fileCount), \(version.missingFiles), \(version.createdAt))
            """)
        for file in files {
            try connection.execute(
                """
                INSERT INTO version_files (version_id, path, size_bytes, sha256, stored)
                VALUES (\(version.id), \(file.path), \(file.sizeBytes), \(file.sha256), \(file.stored ?? false))
                """)
        }
    }

    /// Stores the fields that a client may change. Status, release mark and aliases have their own way (`LifeStore`).
    static func update(_ version: Version, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE versions SET quantization = \(version.quantization), release_notes = \(version.releaseNotes),
                metadata = \(JSONColumn(version.metadata)), ceph_path = \(version.cephPath), mlflow_url = \(version.mlflowURL),
                digest = \(version.digest), size_bytes = \(version.sizeBytes), platform = \(version.platform)
            WHERE id = \(version.id)
            """)
    }

    /// Notes the image of the newest successful build where earlier clients look for it.
    static func setImage(_ tag: String, of id: String, in connection: any SQLConnection) throws {
        guard var version = try find(id, in: connection) else { return }
        version.metadata["docker_image"] = .string(tag)
        try update(version, in: connection)
    }

    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM versions WHERE id = \(id)")
    }

    static func find(_ id: String, in connection: any SQLConnection) throws -> Version? {
        try connection.fetchFirst("\(selection) WHERE v.id = \(id)", version)
    }

    /// The oldest version of a model with these files.
    static func find(modelID: String, digest: String, in connection: any SQLConnection) throws -> Version? {
        try connection.fetchFirst(
            "\(selection) WHERE v.model_id = \(modelID) AND v.digest = \(digest) ORDER BY v.created_at, v.id LIMIT 1", version)
    }

    static func find(
        modelID: String, version text: String, quantization: String?, in connection: any SQLConnection
    ) throws -> Version? {
        try connection.fetchFirst(
            "\(selection) WHERE v.model_id = \(modelID) AND v.version = \(text) AND coalesce(v.quantization, '') = \(quantization ?? "")",
            version)
    }

    /// The versions of a model that have a name: one for each quantization.
    static func named(_ text: String, ofModelID modelID: String, in connection: any SQLConnection) throws -> [Version] {
        try connection.fetchAll("\(selection) WHERE v.model_id = \(modelID) AND v.version = \(text)", version)
    }

    /// The newest version of a model that is not archived: what `latest` means.
    static func newest(ofModelID modelID: String, in connection: any SQLConnection) throws -> Version? {
        try connection.fetchFirst(
            """
            \(selection) WHERE v.model_id = \(modelID) AND v.status <> \(VersionStatus.archived)
            ORDER BY v.created_at DESC, v.id DESC LIMIT 1
            """, version)
    }

    /// The version with an id, or written `model:version` or `model:alias`, whose model lies inside of the scope; `model` alone means its
    /// newest version. 404 otherwise.
    static func resolve(_ reference: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Version {
        if Identifier.isUUID(reference) {
            guard let version = try find(reference.lowercased(), in: connection), scope.includes(model: version.modelName) else {
                throw CatapultError.notFound(.version, reference)
            }
            return version
        }
        let (name, text) = split(reference)
        let model = try ModelStore.resolve(name, for: scope, in: connection)
        if let text { return try named(text, of: model, as: reference, in: connection) }
        guard let version = try newest(ofModelID: model.id, in: connection) else {
            throw CatapultError.notFound(.version, "\(name) has no version\(model.versionCount == 0 ? " yet" : " that is not archived")")
        }
        return version
    }

    /// The id by which a list is filtered. A UUID stands for itself, as in ``ModelStore/filter(_:for:in:)``.
    static func filter(_ reference: String, for scope: KeyScope, in connection: any SQLConnection) throws -> String {
        Identifier.isUUID(reference) ? reference.lowercased() : try resolve(reference, for: scope, in: connection).id
    }

    /// The version of a model that a client names: by its id, by version or alias alone, or as in `resolve(_:in:)`.
    ///
    /// - Throws: 404, or 400 for a version of another model.
    static func resolve(
        _ reference: String, within model: Model, for scope: KeyScope, in connection: any SQLConnection
    ) throws -> Version {
        if !Identifier.isUUID(reference), !reference.contains(":") {
            return try named(reference, of: model, as: "\(model.name):\(reference)", in: connection)
        }
        let version = try resolve(reference, for: scope, in: connection)
        guard version.modelID == model.id else {
            throw CatapultError.invalid(field: "version", "\(version.handle) is not a version of \(model.name)")
        }
        return version
    }

    /// A version of a model by name. The name of a version goes before an alias, and an alias that was set before the computed `latest`.
    private static func named(
        _ text: String, of model: Model, as reference: String, in connection: any SQLConnection
    ) throws -> Version {
        let (number, quantization) = parts(text)
        var conditions: [SQLQuery] = ["v.model_id = \(model.id)", "v.version = \(number)"]
        if let quantization { conditions.append("coalesce(v.quantization, '') = \(quantization)") }
        if let version = try connection.fetchFirst(
            "\(selection) WHERE \(conditions.joined(separator: " AND ")) ORDER BY v.created_at DESC, v.id DESC LIMIT 1", version)
        {
            return version
        }
        if let id = try AliasStore.target(of: text, modelID: model.id, in: connection), let version = try find(id, in: connection) {
            return version
        }
        if text == VersionAlias.latest, let version = try newest(ofModelID: model.id, in: connection) { return version }
        throw CatapultError.notFound(
            .version, reference, candidates: try newestNames(of: model, withQuantization: quantization != nil, in: connection))
    }

    /// Up to three names of versions, the newest first.
    private static func newestNames(
        of model: Model, withQuantization: Bool, in connection: any SQLConnection
    ) throws -> [String] {
        let text: SQLQuery = withQuantization ? "version || '@' || coalesce(quantization, '')" : "version"
        let names = try connection.fetchColumn(
            "SELECT \(text) FROM versions WHERE model_id = \(model.id) ORDER BY created_at DESC LIMIT 20", as: String.self)
        // Several quantizations of one version have one name.
        return names.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }.prefix(3).map { "\(model.name):\($0)" }
    }

    /// `1.0@Q4_K_M` is the version 1.0 with that quantization, `1.0@` the one without; `1.0` alone is the newest of them.
    private static func parts(_ text: String) -> (number: String, quantization: String?) {
        guard let at = text.firstIndex(of: "@") else { return (text, nil) }
        return (String(text[..<at]), String(text[text.index(after: at)...]))
    }

    private static func split(_ reference: String) -> (model: String, version: String?) {
        guard let colon = reference.lastIndex(of: ":") else { return (reference, nil) }
        return (String(reference[..<colon]), String(reference[reference.index(after: colon)...]))
    }

    static func list(_ call: ListVersions, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Version> {
        let window = try PageWindow(call)
        let facets = facets(of: call)
        var others: [SQLQuery] = []
        var source: SQLQuery = "versions v"
        var order = PageOrder.newestFirst("v.created_at", id: "v.id")
        let name = call.modelName ?? call.imageName
        let ofModel: SQLQuery? =
            if let reference = call.modelID {
                "\(try ModelStore.filter(reference, for: scope, in: connection))"
            } else {
                name.map { "(SELECT id FROM models WHERE name = \($0))" }
            }
        if let environment = call.environment {
            // Triggers keep the versions of each environment, in the order of the list.
            source = "version_environments e CROSS JOIN versions v"
            order = .newestFirst("e.created_at", id: "e.version_id")
            others += ["v.id = e.version_id", scope.includes(environment: environment) ? "e.environment = \(environment)" : "FALSE"]
            if let ofModel { others.append("e.model_id = \(ofModel)") }
        } else if let ofModel {
            others.append("v.model_id = \(ofModel)")
        }
        if let text = call.version { others.append("v.version = \(text)") }
        let joined: SQLQuery = "\(source) JOIN models m ON m.id = v.model_id"
        if let inScope = scope.models("m.name", in: connection.dialect) {
            source = joined
            others.append(inScope)
        }
        let conditions = facets + others
        let total: RowTotal
        if others.isEmpty {
            // Triggers keep the number of versions of each facet.
            let filter: SQLQuery = facets.isEmpty ? "TRUE" : facets.joined(separator: " AND ")
            total = try .kept("SELECT CAST(sum(v.n) AS BIGINT) FROM version_counts v WHERE \(filter)", in: connection)
        } else if let ofModel, conditions.count == 1 {
            total = try .kept("SELECT version_count FROM models WHERE id = \(ofModel)", in: connection)
        } else {
            // In an order that one index has: PostgreSQL would read the whole table until it has found enough that are called so.
            let isOfOneName = call.version != nil && ofModel == nil && call.environment == nil
            let counted: SQLQuery = isOfOneName ? " ORDER BY v.created_at DESC, v.id DESC" : ""
            total = try .counting("SELECT 1 FROM \(source) WHERE \(conditions.joined(separator: " AND "))\(counted)", in: connection)
        }
        let query = window.query("SELECT \(columns) FROM \(joined)", from: source, order: order, where: conditions)
        return try window.page(connection.fetchAll(query, version), total: total) { .age($0.createdAt, id: $0.id) }
    }

    /// What those filters mean by which versions are counted.
    private static func facets(of call: ListVersions) -> [SQLQuery] {
        var facets: [SQLQuery] = []
        // As a word of the text and not as a value, so that the index of releases is found.
        if let isRelease = call.isRelease { facets.append(isRelease ? "v.is_release = TRUE" : "v.is_release = FALSE") }
        if let status = call.status { facets.append("v.status = \(status)") }
        return facets
    }

    static func list(_ call: ListModelVersions, ofModel model: Model, in connection: any SQLConnection) throws -> Page<Version> {
        let window = try PageWindow(call)
        let query = window.query(
            selection, from: "versions v", order: .newestFirst("v.created_at", id: "v.id"), where: ["v.model_id = \(model.id)"])
        return try window.page(connection.fetchAll(query, version), total: .exact(model.versionCount)) { .age($0.createdAt, id: $0.id) }
    }

    static func options(_ call: ListVersionOptions, for scope: KeyScope, in connection: any SQLConnection) throws -> OptionList<
        VersionOption
    > {
        var conditions: [SQLQuery] = [scope.models("m.name", in: connection.dialect) ?? "TRUE"]
        if let name = call.modelName { conditions.append("v.model_id = (SELECT id FROM models WHERE name = \(name))") }
        let limit = call.limit ?? ListVersionOptions.mostRows
        let options = try connection.fetchAll(
            """
            SELECT v.id, v.version, v.tag, m.name FROM versions v JOIN models m ON m.id = v.model_id
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY v.created_at DESC, v.id DESC LIMIT \(limit + 1)
            """
        ) { row in
            VersionOption(id: try row.get(0), version: try row.get(1), tag: try row.get(2), modelName: try row.get(3))
        }
        return OptionList(options, limit: limit)
    }

    static func latest(
        ofModel name: String, environment: String?, for scope: KeyScope, in connection: any SQLConnection
    ) throws -> Version? {
        guard scope.includes(model: name) else { return nil }
        let model: SQLQuery = "(SELECT id FROM models WHERE name = \(name))"
        guard let environment else {
            return try connection.fetchFirst(
                "\(selection) WHERE v.model_id = \(model) AND v.status <> \(VersionStatus.archived) ORDER BY v.created_at DESC, v.id DESC LIMIT 1",
                version)
        }
        guard scope.includes(environment: environment) else { return nil }
        return try connection.fetchFirst(
            """
            \(selection) WHERE v.id = (SELECT version_id FROM version_environments WHERE environment = \(environment) AND model_id = \(model)
                ORDER BY created_at DESC, version_id DESC LIMIT 1)
            """, version)
    }

    static func files(of versionID: String, in connection: any SQLConnection) throws -> [VersionFile] {
        try connection.fetchAll(
            "SELECT path, size_bytes, sha256, stored, problem FROM version_files WHERE version_id = \(versionID) ORDER BY path", file)
    }

    static func file(_ path: String, of versionID: String, in connection: any SQLConnection) throws -> VersionFile? {
        try connection.fetchFirst(
            "SELECT path, size_bytes, sha256, stored, problem FROM version_files WHERE version_id = \(versionID) AND path = \(path)", file)
    }

    private static func file(_ row: SQLRow) throws -> VersionFile {
        VersionFile(
            path: try row.get(0), sizeBytes: try row.get(1), sha256: try row.get(2), stored: try row.get(3) as Bool, problem: try row.get(4)
        )
    }

    /// Notes that a file is not as it should be: it has to arrive again.
    static func setDamaged(_ path: String, of versionID: String, _ problem: String, in connection: any SQLConnection) throws {
        try connection.execute(
            "UPDATE version_files SET stored = FALSE, problem = \(problem) WHERE version_id = \(versionID) AND path = \(path)")
        try countMissing(of: versionID, in: connection)
    }

    /// Notes that a file has arrived. The count of missing files is made anew from the rows, so that doing it twice does no harm.
    static func setStored(_ path: String, of versionID: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE version_files SET stored = TRUE, problem = NULL WHERE version_id = \(versionID) AND path = \(path)")
        try countMissing(of: versionID, in: connection)
    }

    private static func countMissing(of versionID: String, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE versions SET missing_files = (SELECT count(*) FROM version_files WHERE version_id = \(versionID) AND NOT stored)
            WHERE id = \(versionID)
            """)
    }
}
