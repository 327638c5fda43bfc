import CatapultAPI
import SQLDatabase

/// The SQL of builds.
enum BuildStore {
    private static let columns: SQLQuery = """
        id, version_id, image_tag, image_digest, build_type, template, dockerfile_content, build_args, status, server_type, error_message,
        operation_id, superseded_at, created_at, completed_at
        """

    private static func build(_ row: SQLRow) throws -> Build {
        var column = row.cursor()
        return Build(
            id: try column.next(), versionID: try column.next(), imageTag: try column.next(), imageDigest: try column.next(),
            buildType: try column.next(), template: try column.next(), dockerfileContent: try column.next(),
            buildArgs: try column.next(JSONColumn.self).textMembers, status: try column.next(), serverType: try column.next(),
            errorMessage: try column.next(), operationID: try column.next(), supersededAt: try column.next(), createdAt: try column.next(),
            completedAt: try column.next())
    }

    static func insert(_ build: Build, noCache: Bool, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            INSERT INTO builds (id, version_id, image_tag, build_type, template, dockerfile_content, build_args, no_cache, status, server_type,
                operation_id, created_at)
            VALUES (\(build.id), \(build.versionID), \(build.imageTag), \(build.buildType), \(build.template), \(build.dockerfileContent),
                \(JSONColumn(build.buildArgs)), \(noCache), \(build.status), \(build.serverType), \(build.operationID), \(build.createdAt))
            """)
        try VersionUse.built.note(of: build.versionID, by: build.imageTag, in: connection)
    }

    static func find(_ id: String, in connection: any SQLConnection) throws -> Build? {
        try connection.fetchFirst("SELECT \(columns) FROM builds WHERE id = \(id.lowercased())", build)
    }

    /// The build with an id, of a model inside of the scope; 404 otherwise.
    static func resolve(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Build {
        guard let build = try find(id, in: connection),
            try scope.models == nil || scope.includes(model: ScopeSubject.of(.build, build.id, in: connection).model ?? "")
        else { throw CatapultError.notFound(.build, id) }
        return build
    }

    /// The condition that a build's model lies inside of a scope.
    private static func condition(of scope: KeyScope, in connection: any SQLConnection) -> SQLQuery? {
        scope.models("m.name", in: connection.dialect).map { inScope in
            "EXISTS (SELECT 1 FROM versions v JOIN models m ON m.id = v.model_id WHERE v.id = builds.version_id AND \(inScope))"
        }
    }

    /// Whether an image of this name was made, but only for models outside of a scope.
    static func isForeign(imageTag: String, to scope: KeyScope, in connection: any SQLConnection) throws -> Bool {
        guard let inScope = condition(of: scope, in: connection) else { return false }
        let ofTag: SQLQuery = "SELECT 1 FROM builds WHERE image_tag = \(imageTag)"
        return try connection.exists("\(ofTag) LIMIT 1") && !connection.exists("\(ofTag) AND \(inScope) LIMIT 1")
    }

    /// Whether a build was asked for without the engine's cache.
    static func ignoresCache(_ id: String, in connection: any SQLConnection) throws -> Bool {
        try connection.fetchValue("SELECT no_cache FROM builds WHERE id = \(id)", as: Bool.self) ?? false
    }

    static func list(_ call: ListBuilds, versionID: String?, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Build> {
        let window = try PageWindow(call)
        var conditions = condition(of: scope, in: connection).map { [$0] } ?? []
        if let versionID { conditions.append("version_id = \(versionID)") }
        if let status = call.status { conditions.append("status = \(status)") }
        let total: RowTotal =
            conditions.isEmpty
            ? try .kept("SELECT n FROM counters WHERE name = 'builds'", in: connection)
            : try .counting("SELECT 1 FROM builds WHERE \(conditions.joined(separator: " AND "))", in: connection)
        let query = window.query(
            "SELECT \(columns) FROM builds", from: "builds", order: .newestFirst("created_at", id: "id"), where: conditions)
        return try window.page(connection.fetchAll(query, build), total: total) { .age($0.createdAt, id: $0.id) }
    }

    /// The successful build of a version that ended last.
    static func newestSuccess(ofVersion versionID: String, in connection: any SQLConnection) throws -> Build? {
        try connection.fetchFirst(
            """
            SELECT \(columns) FROM builds WHERE version_id = \(versionID) AND status = \(BuildStatus.success)
            ORDER BY completed_at DESC, id DESC LIMIT 1
            """, build)
    }

    /// Notes that work has begun.
    static func begin(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute(
            "UPDATE builds SET status = \(BuildStatus.building) WHERE id = \(id) AND status IN ('pending', 'building')")
    }

    /// Ends a build with an image: older successes of the version are superseded, and the version names the image.
    static func succeed(_ id: String, digest: String, in connection: any SQLConnection) throws {
        guard let build = try find(id, in: connection) else { return }
        let now = Timestamp.now
        try connection.execute(
            """
            UPDATE builds SET superseded_at = \(now)
            WHERE version_id = \(build.versionID) AND id <> \(id) AND status = \(BuildStatus.success) AND superseded_at IS NULL
            """)
        try connection.execute(
            """
            UPDATE builds SET status = \(BuildStatus.success), image_digest = \(digest), error_message = NULL, completed_at = \(now)
            WHERE id = \(id)
            """)
        try VersionStore.setImage(build.imageTag, of: build.versionID, in: connection)
    }

    /// Ends a build without an image.
    static func end(_ id: String, _ status: BuildStatus, message: String?, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE builds SET status = \(status), error_message = \(message), completed_at = \(Timestamp.now)
            WHERE id = \(id) AND status IN ('pending', 'building')
            """)
    }
}
