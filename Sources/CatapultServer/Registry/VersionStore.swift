import CatapultAPI
import SQLDatabase

/// The SQL of versions and their files.
enum VersionStore {
    private static let selection: SQLQuery = """
        SELECT v.id, v.model_id, m.name, m.storage_path, v.version, v.tag, v.digest, v.quantization, v.size_bytes, v.platform, v.architecture, v.os,
            v.release_notes, v.metadata, v.ceph_path, v.mlflow_url, v.is_release, v.status, v.file_count, v.missing_files, v.created_at
        FROM versions v JOIN models m ON m.id = v.model_id
        """

    private static func version(_ row: SQLRow) throws -> Version {
        var column = row.cursor()
        return Version(
            id: try column.next(), modelID: try column.next(), modelName: try column.next(), modelStoragePath: try column.next(),
            version: try column.next(), tag: try column.next(), digest: try column.next(), quantization: try column.next(),
            sizeBytes: try column.next(), platform: try column.next(), architecture: try column.next(), os: try column.next(),
            releaseNotes: try column.next(), metadata: try column.next(JSONColumn.self).members, cephPath: try column.next(),
            mlflowURL: try column.next(), isRelease: try column.next(), status: try column.next(), fileCount: try column.next(),
            missingFiles: try column.next(), createdAt: try column.next())
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

    static func update(_ version: Version, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE versions SET quantization = \(version.quantization), release_notes = \(version.releaseNotes),
                metadata = \(JSONColumn(version.metadata)), status = \(version.status), ceph_path = \(version.cephPath),
                mlflow_url = \(version.mlflowURL), is_release = \(version.isRelease)
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

    static func find(
        modelID: String, version text: String, quantization: String?, in connection: any SQLConnection
    ) throws -> Version? {
        try connection.fetchFirst(
            "\(selection) WHERE v.model_id = \(modelID) AND v.version = \(text) AND coalesce(v.quantization, '') = \(quantization ?? "")",
            version)
    }

    /// The version with an id, or written `model:version`, whose model lies inside of the scope; `model` alone means its newest version.
    /// 404 otherwise.
    static func resolve(_ reference: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Version {
        if Identifier.isUUID(reference) {
            guard let version = try find(reference.lowercased(), in: connection), scope.includes(model: version.modelName) else {
                throw CatapultError.notFound(.version, reference)
            }
            return version
        }
        let (name, text) = split(reference)
        let model = try ModelStore.resolve(name, for: scope, in: connection)
        let ofModel: SQLQuery = "\(selection) WHERE v.model_id = \(model.id)"
        let newestFirst: SQLQuery = " ORDER BY v.created_at DESC, v.id DESC LIMIT 1"
        guard let text else {
            guard let version = try connection.fetchFirst("\(ofModel)\(newestFirst)", version) else {
                throw CatapultError.notFound(.version, "\(name) has no version yet")
            }
            return version
        }
        if let version = try connection.fetchFirst("\(ofModel) AND v.version = \(text)\(newestFirst)", version) { return version }
        let others = try connection.fetchColumn(
            "SELECT version FROM versions WHERE model_id = \(model.id) ORDER BY created_at DESC LIMIT 3", as: String.self)
        throw CatapultError.notFound(.version, reference, candidates: others.map { "\(name):\($0)" })
    }

    private static func split(_ reference: String) -> (model: String, version: String?) {
        guard let colon = reference.lastIndex(of: ":") else { return (reference, nil) }
        return (String(reference[..<colon]), String(reference[reference.index(after: colon)...]))
    }

    static func list(_ call: ListVersions, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Version> {
        var conditions: [SQLQuery] = scope.models("m.name", in: connection.dialect).map { [$0] } ?? []
        if let name = call.modelName { conditions.append("m.name = \(name)") }
        if let text = call.version { conditions.append("v.version = \(text)") }
        if let name = call.environment { conditions.append(isDeployed(in: name, for: scope)) }
        if let isRelease = call.isRelease { conditions.append("v.is_release = \(isRelease)") }
        if let status = call.status { conditions.append("v.status = \(status)") }
        // The plain listing must not count rows; the counter is kept by triggers.
        let known = conditions.isEmpty ? try connection.fetchInt("SELECT n FROM counters WHERE name = 'versions'") : nil
        return try page(conditions, call.paging, total: known.map { Int($0) }, in: connection)
    }

    static func list(ofModel model: Model, _ paging: Paging, in connection: any SQLConnection) throws -> Page<Version> {
        try page(["v.model_id = \(model.id)"], paging, total: model.versionCount, in: connection)
    }

    /// A page of the versions that meet all conditions; they are counted where nobody knows their number.
    private static func page(
        _ conditions: [SQLQuery], _ paging: Paging, total known: Int?, in connection: any SQLConnection
    ) throws -> Page<Version> {
        let filter: SQLQuery = conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
        let items = try connection.fetchAll(
            "\(selection) WHERE \(filter) ORDER BY v.created_at DESC, v.id DESC LIMIT \(paging.limit) OFFSET \(paging.offset)", version)
        let counting: SQLQuery = "SELECT count(*) FROM versions v JOIN models m ON m.id = v.model_id WHERE \(filter)"
        return paging.envelope(items, total: try known ?? Int(connection.fetchInt(counting) ?? 0))
    }

    /// The condition that a version has a deployment in an environment; one outside of the scope has none.
    private static func isDeployed(in environment: String, for scope: KeyScope) -> SQLQuery {
        guard scope.includes(environment: environment) else { return "FALSE" }
        return "EXISTS (SELECT 1 FROM deployments d WHERE d.version_id = v.id AND d.environment = \(environment))"
    }

    static func options(for scope: KeyScope, in connection: any SQLConnection) throws -> [VersionOption] {
        let inScope = scope.models("m.name", in: connection.dialect) ?? "TRUE"
        return try connection.fetchAll(
            """
            SELECT v.id, v.version, v.tag, m.name FROM versions v JOIN models m ON m.id = v.model_id WHERE \(inScope)
            ORDER BY v.created_at DESC, v.id DESC
            """
        ) { row in
            VersionOption(id: try row.get(0), version: try row.get(1), tag: try row.get(2), modelName: try row.get(3))
        }
    }

    static func latest(
        ofModel name: String, environment: String?, for scope: KeyScope, in connection: any SQLConnection
    ) throws -> Version? {
        guard scope.includes(model: name) else { return nil }
        var filter: SQLQuery = "m.name = \(name)"
        if let environment { filter += " AND \(isDeployed(in: environment, for: scope))" }
        return try connection.fetchFirst("\(selection) WHERE \(filter) ORDER BY v.created_at DESC, v.id DESC LIMIT 1", version)
    }

    static func files(of versionID: String, in connection: any SQLConnection) throws -> [VersionFile] {
        try connection.fetchAll(
            "SELECT path, size_bytes, sha256, stored FROM version_files WHERE version_id = \(versionID) ORDER BY path", file)
    }

    static func file(_ path: String, of versionID: String, in connection: any SQLConnection) throws -> VersionFile? {
        try connection.fetchFirst(
            "SELECT path, size_bytes, sha256, stored FROM version_files WHERE version_id = \(versionID) AND path = \(path)", file)
    }

    private static func file(_ row: SQLRow) throws -> VersionFile {
        VersionFile(path: try row.get(0), sizeBytes: try row.get(1), sha256: try row.get(2), stored: try row.get(3) as Bool)
    }

    /// Notes that a file has arrived. The count of missing files is made anew from the rows, so that doing it twice does no harm.
    static func setStored(_ path: String, of versionID: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE version_files SET stored = TRUE WHERE version_id = \(versionID) AND path = \(path)")
        try connection.execute(
            """
            UPDATE versions SET missing_files = (SELECT count(*) FROM version_files WHERE version_id = \(versionID) AND NOT stored)
            WHERE id = \(versionID)
            """)
    }

    /// The deployments that still need one of these versions: all but records of what others run.
    static func deployments(using filter: SQLQuery, in connection: any SQLConnection) throws -> [String] {
        try connection.fetchColumn(
            """
            SELECT d.name FROM deployments d JOIN versions v ON v.id = d.version_id
            WHERE d.deployment_type = 'local' AND \(filter) ORDER BY d.name LIMIT 5
            """, as: String.self)
    }

    /// Removes the records of deployments that others ran.
    static func deleteDeploymentRecords(of filter: SQLQuery, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            DELETE FROM deployments WHERE deployment_type <> 'local' AND version_id IN (SELECT v.id FROM versions v WHERE \(filter))
            """)
    }
}
