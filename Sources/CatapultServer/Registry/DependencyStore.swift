import CatapultAPI
import SQLDatabase

/// The SQL of dependencies.
enum DependencyStore {
    /// More would be a mistake rather than a pedigree, and every walk over the graph relies on there being few per version.
    static let limit = 200

    // MARK: As clients see them

    private static let selection: SQLQuery = """
        SELECT d.id, d.version_id, m.name || ':' || v.version, d.kind, d.target_type, coalesce(d.target_version_id, d.artifact_id),
            coalesce((SELECT tm.name || ':' || t.version FROM versions t JOIN models tm ON tm.id = t.model_id WHERE t.id = d.target_version_id),
                (SELECT r.name FROM artifacts r WHERE r.id = d.artifact_id)),
            d.name, d.revision, d.url, d.purl, d.note, d.created_by, d.created_at
        FROM dependencies d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
        """

    private static func dependency(_ row: SQLRow) throws -> Dependency {
        var column = row.cursor()
        let (id, versionID, version): (String, String, String) = (try column.next(), try column.next(), try column.next())
        let (kind, type): (DependencyKind, DependencyTarget) = (try column.next(), try column.next())
        let (targetID, target): (String?, String?) = (try column.next(), try column.next())
        let (name, revision): (String?, String?) = (try column.next(), try column.next())
        let (url, purl): (String?, String?) = (try column.next(), try column.next())
        return Dependency(
            id: id, versionID: versionID, version: version, kind: kind, targetType: type, targetID: targetID,
            target: target ?? words(name: name, revision: revision, url: url, purl: purl) ?? targetID ?? "", name: name, revision: revision,
            url: url, purl: purl, note: try column.next(), createdBy: try column.next(), createdAt: try column.next())
    }

    /// What people call an external thing.
    static func words(name: String?, revision: String?, url: String?, purl: String?) -> String? {
        if name == nil, let purl { return purl }
        guard let text = name ?? url else { return nil }
        return text + (revision.map { "@\($0)" } ?? "")
    }

    static func list(of versionID: String, for scope: KeyScope, in connection: any SQLConnection) throws -> [Dependency] {
        let found = try connection.fetchAll(
            "\(selection) WHERE d.version_id = \(versionID) ORDER BY d.kind, d.target_key", dependency)
        let ids = found.filter { $0.targetType == .artifact }.compactMap(\.targetID)
        let names = try LineageStore.artifacts(ids, for: scope, in: connection)
        return found.map { $0.seen(by: scope, artifacts: names) }
    }

    static func find(_ id: String, of versionID: String, in connection: any SQLConnection) throws -> Dependency? {
        try connection.fetchFirst("\(selection) WHERE d.id = \(id.lowercased()) AND d.version_id = \(versionID)", dependency)
    }

    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM dependencies WHERE id = \(id)")
    }

    // MARK: Adding

    /// Adds a dependency in the caller's transaction. One that is there already is given back as it is.
    ///
    /// - Returns: the dependency, and whether it is new.
    /// - Throws: 404 for an unknown target, 409 for a circle or where a version has too many, 422 for a request that names no single target.
    static func add(
        _ new: NewDependency, to version: Version, _ context: CallContext, in connection: any SQLConnection
    ) throws -> (dependency: Dependency, isNew: Bool) {
        let request = try DependencyRequest(new)
        let target = try Target(request, for: context.scope, in: connection)
        let known: SQLQuery = "d.version_id = \(version.id) AND d.kind = \(new.kind) AND d.target_key = \(target.key)"
        if let dependency = try connection.fetchFirst("\(selection) WHERE \(known)", dependency) { return (dependency, false) }
        if let depended = target.version {
            if let path = try LineageStore.path(from: depended, to: version, in: connection) {
                throw circle(version, path)
            }
            try VersionUse.dependedOn.note(of: depended.id, by: version.handle, in: connection)
        }
        let count = try connection.fetchInt("SELECT count(*) FROM dependencies WHERE version_id = \(version.id)") ?? 0
        guard count < limit else {
            throw CatapultError.conflict(
                "too_many_dependencies", "\(version.handle) has \(count) dependencies, and \(limit) are allowed.",
                hint: "Remove one with `mcp dependency remove`, or name a package list as one artifact.")
        }
        let id = Identifier.make()
        try connection.execute(
            """
            INSERT INTO dependencies (id, version_id, kind, target_type, target_version_id, artifact_id, name, revision, url, purl, target_key,
                note, created_by, created_at)
            VALUES (\(id), \(version.id), \(new.kind), \(target.type), \(target.version?.id), \(target.artifactID), \(new.name),
                \(new.revision), \(new.url), \(new.purl), \(target.key), \(new.note), \(context.caller?.name), \(Timestamp.now))
            """)
        guard let dependency = try find(id, of: version.id, in: connection) else { throw CatapultError.notFound(.dependency, id) }
        return (dependency, true)
    }

    private static func circle(_ version: Version, _ path: [String]) -> CatapultError {
        let way = [version.handle] + path
        return .conflict(
            "dependency_cycle", type: "DependencyCycleError",
            "\(version.handle) cannot depend on \(path.first ?? version.handle): that would be a circle, \(way.joined(separator: " → ")).",
            field: "target", hint: "See what depends on what with `mcp lineage show \(version.handle)`.",
            details: ["path": .array(way.map(JSONValue.string))])
    }

    /// What a dependency points at, looked up.
    private struct Target {
        var type: DependencyTarget
        var version: Version?
        var artifactID: String?
        /// The same for the same thing.
        var key: String

        init(_ request: DependencyRequest, for scope: KeyScope, in connection: any SQLConnection) throws {
            switch request {
            case .version(let reference):
                let version = try VersionStore.resolve(reference, for: scope, in: connection)
                (type, self.version, key) = (.version, version, version.id)
            case .artifact(let id):
                let id = id.lowercased()
                let owner: SQLQuery = """
                    SELECT m.name FROM artifacts r LEFT JOIN versions v ON v.id = r.version_id
                    LEFT JOIN models m ON m.id = coalesce(r.model_id, v.model_id) WHERE r.id = \(id) AND r.deleted_at IS NULL
                    """
                guard let model = try connection.fetchFirst(owner, { try $0.get(0) as String? }),
                    scope.models == nil || model.map(scope.includes(model:)) == true
                else { throw CatapultError.notFound(.artifact, id) }
                (type, artifactID, key) = (.artifact, id, id)
            case .external(let key):
                (type, self.key) = (.external, "external:\(key)")
            }
        }
    }
}

extension Dependency {
    /// The dependency as a key sees it: a version or artifact outside of its scope has no name.
    ///
    /// - Parameter artifacts: names of artifacts by their ids, as the key sees them.
    fileprivate func seen(by scope: KeyScope, artifacts: [String: String]) -> Dependency {
        if targetType == .artifact, let targetID, artifacts[targetID] == LineageNode.outsideScope {
            var hidden = self
            (hidden.target, hidden.targetID, hidden.name) = ("an artifact outside of this key's scope", nil, nil)
            return hidden
        }
        guard targetType == .version, let colon = target.lastIndex(of: ":"), !scope.includes(model: String(target[..<colon])) else {
            return self
        }
        var hidden = self
        (hidden.target, hidden.targetID) = ("a version outside of this key's scope", nil)
        return hidden
    }
}
