import CatapultAPI
import SQLDatabase

/// Finds what still refers to a model, version or artifact, and removes what may be removed.
enum ReferenceStore {
    /// What is to be deleted.
    enum Subject: Sendable {
        case model(Model)
        case version(Version)
        case artifact(Artifact)

        /// A condition on `versions v`: those that go with the subject.
        var versions: SQLQuery {
            switch self {
            case .model(let model): "v.model_id = \(model.id)"
            case .version(let version): "v.id = \(version.id)"
            case .artifact: "FALSE"
            }
        }

        /// A condition on `artifacts r`: those that go with the subject.
        fileprivate var artifacts: SQLQuery {
            switch self {
            case .model(let model): "r.model_id = \(model.id) AND r.deleted_at IS NULL"
            case .version(let version): "r.version_id = \(version.id) AND r.deleted_at IS NULL"
            case .artifact(let artifact): "r.id = \(artifact.id)"
            }
        }

        /// What leaves with the subject does not stand in its way: a condition on the version `w` that depends.
        fileprivate var dependentStays: SQLQuery {
            switch self {
            case .model(let model): "w.model_id <> \(model.id)"
            case .version(let version): "w.id <> \(version.id)"
            case .artifact: "TRUE"
            }
        }

        /// What people call it.
        var words: String {
            switch self {
            case .model(let model): "The model \(model.name)"
            case .version(let version): "The version \(version.handle)"
            case .artifact(let artifact): "The artifact \(artifact.name)"
            }
        }
    }

    /// How many of each kind are listed.
    static let shown = 50
    /// Where counting stops.
    private static let counted = 10_000

    /// What refers to the subject. What lies outside of the scope is counted, but not named.
    static func list(of subject: Subject, for scope: KeyScope, in connection: any SQLConnection) throws -> References {
        var references = References(items: [], total: 0, blocking: 0)
        for kind in ReferenceKind.allCases {
            let rows = rows(kind, of: subject)
            let found = try connection.fetchAll("\(rows) LIMIT \(shown)") { row in
                let reference = Reference(
                    kind, id: try row.get(0), name: try row.get(1), refersTo: try row.get(2), removable: kind.isRemovable)
                let (model, environment): (String?, String?) = (try row.get(3), try row.get(4))
                let isInside = (model.map(scope.includes(model:)) ?? true) && (environment.map(scope.includes(environment:)) ?? true)
                return isInside ? reference : nil
            }
            let items = found.compactMap { $0 }
            var count = found.count
            if count == shown { count = Int(try connection.fetchInt("SELECT count(*) FROM (\(rows) LIMIT \(counted)) AS found") ?? 0) }
            references.items += items
            references.total += count
            if !kind.isRemovable { references.blocking += count }
        }
        return references
    }

    /// Id and name of what refers, the name of what is referred to, and the model and environment that scopes look at.
    private static func rows(_ kind: ReferenceKind, of subject: Subject) -> SQLQuery {
        let versions = subject.versions
        switch kind {
        case .deployment:
            return """
                SELECT d.id, d.name, m.name || ':' || v.version AS target, NULL AS in_model, d.environment AS in_environment
                FROM versions v JOIN models m ON m.id = v.model_id
                JOIN deployments d ON d.version_id = v.id WHERE \(versions) AND d.deployment_type = 'local' ORDER BY d.name
                """
        case .operation:
            // Operations under way are few: their index is the way in.
            return """
                SELECT o.id, o.message AS name, m.name || ':' || v.version AS target, NULL AS in_model, NULL AS in_environment FROM operations o
                JOIN versions v ON v.id = coalesce((SELECT b.version_id FROM builds b WHERE b.id = o.subject_id), o.subject_id)
                JOIN models m ON m.id = v.model_id WHERE o.state IN ('pending', 'running') AND \(versions) ORDER BY o.created_at
                """
        case .alias:
            return """
                SELECT a.alias AS id, a.alias AS name, m.name || ':' || v.version AS target, NULL AS in_model, NULL AS in_environment
                FROM versions v JOIN models m ON m.id = v.model_id
                JOIN version_aliases a ON a.version_id = v.id WHERE \(versions) ORDER BY a.alias
                """
        case .dependent:
            return """
                SELECT w.id, n.name || ':' || w.version AS name, m.name || ':' || v.version AS target, n.name AS in_model, NULL AS in_environment
                FROM versions v JOIN models m ON m.id = v.model_id
                JOIN dependencies d ON d.target_version_id = v.id JOIN versions w ON w.id = d.version_id JOIN models n ON n.id = w.model_id
                WHERE \(versions) AND \(subject.dependentStays)
                UNION ALL
                SELECT w.id, n.name || ':' || w.version, r.name, n.name, NULL
                FROM artifacts r JOIN dependencies d ON d.artifact_id = r.id
                JOIN versions w ON w.id = d.version_id JOIN models n ON n.id = w.model_id
                WHERE \(subject.artifacts) AND \(subject.dependentStays)
                """
        }
    }

    /// Deletes what refers to a subject and to its versions and artifacts. Deployments that run and operations must be gone.
    ///
    /// - Returns: what the answer and the audit row say of it.
    /// - Throws: 409 that lists what refers to it, unless forced and removable.
    static func release(
        _ subject: Subject, force: Bool, _ context: CallContext, in connection: any SQLConnection
    ) throws -> Released {
        let references = try list(of: subject, for: context.scope, in: connection)
        if let refusal = references.refusal(toDelete: subject.words, force: force) { throw refusal }
        // What the caller does not see, the caller does not change either.
        if references.total > 0, !context.scope.isEverything { throw CatapultError.wholeScopeRequired() }
        let versions = subject.versions
        let pointed = try connection.fetchAll(
            "SELECT a.alias, v.id FROM version_aliases a JOIN versions v ON v.id = a.version_id WHERE \(versions)"
        ) { (alias: try $0.get(0) as String, versionID: try $0.get(1) as String) }
        for (alias, versionID) in pointed {
            guard let version = try VersionStore.find(versionID, in: connection) else { continue }
            try AliasStore.point(
                alias, modelID: version.modelID, from: version, to: nil, reason: "the version was deleted", by: context.caller?.name,
                in: connection)
        }
        try connection.execute("DELETE FROM dependencies WHERE target_version_id IN (SELECT v.id FROM versions v WHERE \(versions))")
        try connection.execute("DELETE FROM dependencies WHERE artifact_id IN (SELECT r.id FROM artifacts r WHERE \(subject.artifacts))")
        // Records of what runs elsewhere go with the version, as earlier clients know it (contract, section 3.1).
        let elsewhere: SQLQuery = "deployment_type <> 'local' AND version_id IN (SELECT v.id FROM versions v WHERE \(versions))"
        if let inside = context.scope.environments("environment", in: connection.dialect),
            try connection.exists("SELECT 1 FROM deployments WHERE \(elsewhere) AND NOT \(inside) LIMIT 1")
        {
            throw CatapultError.wholeScopeRequired()
        }
        let records = try connection.execute("DELETE FROM deployments WHERE \(elsewhere)")
        var details: [String: JSONValue] = records > 0 ? ["deleted_records": .int(Int64(records))] : [:]
        if references.total > 0 {
            details["forced"] = true
            details["removed"] = references.json
            details["removed_count"] = .int(Int64(references.total))
        }
        return Released(references: references.items, details: details)
    }

    /// What a delete has taken with it.
    struct Released {
        /// What referred to the subject, for the answer.
        var references: [Reference]
        /// What the audit row says.
        var details: [String: JSONValue]
    }
}

extension ReferenceKind {
    /// Whether a forced delete removes it. What runs must be ended by its own name: nobody should stop a service by tidying the registry.
    var isRemovable: Bool {
        switch self {
        case .deployment, .operation: false
        case .alias, .dependent: true
        }
    }

    fileprivate func words(_ count: Int) -> String {
        let one = count == 1
        return switch self {
        case .deployment: one ? "deployment" : "deployments"
        case .operation: one ? "operation under way" : "operations under way"
        case .alias: one ? "alias" : "aliases"
        case .dependent: one ? "version that depends on it" : "versions that depend on it"
        }
    }

    /// The command that takes a reference away.
    fileprivate func remedy(_ reference: Reference) -> String {
        switch self {
        case .deployment: "mcp deployment delete \(reference.name)"
        case .operation: "mcp operation cancel \(reference.id)"
        case .alias: "mcp version alias remove \(reference.refersTo.split(separator: ":").first ?? ""):\(reference.name)"
        case .dependent: "mcp dependency list \(reference.name)"
        }
    }
}

extension References {
    /// Why the subject cannot be deleted; nil where nothing stands in the way.
    func refusal(toDelete subject: String, force: Bool) -> CatapultError? {
        guard blocking > 0 || (total > 0 && !force) else { return nil }
        guard let first = items.first else {
            return refusal("\(subject) is still referred to by \(words).", hint: "Ask an admin whose key sees the whole registry.")
        }
        let hint =
            blocking > 0
            ? "First `\(first.kind.remedy(first))`\(force ? ": force never ends what runs" : "")."
            : "Remove them first (`\(first.kind.remedy(first))`), or let an admin delete with force."
        return refusal("\(subject) is still referred to by \(words).", hint: hint)
    }

    /// Why a version cannot be archived; nil where nothing stands in the way. What depends on it may stay: lineage is history.
    func refusal(toArchive version: Version) -> CatapultError? {
        let inUse = References(items: items.filter { $0.kind != .dependent }, total: 0, blocking: 0)
        guard let first = inUse.items.first else { return nil }
        return inUse.refusal(
            "\(version.handle) is in use by \(inUse.words), so it cannot be archived.", hint: "First `\(first.kind.remedy(first))`.")
    }

    private func refusal(_ message: String, hint: String) -> CatapultError {
        .conflict(
            "still_referenced", type: "StillReferencedError", message, hint: hint,
            details: [
                "references": json, "reference_count": .int(Int64(max(total, items.count))),
                "deployments": .array(items.filter { $0.kind == .deployment }.map { .string($0.name) }),
            ])
    }

    /// The references in words: each kind with its count and its first names.
    private var words: String {
        guard !items.isEmpty else { return "\(total) things outside of this key's scope" }
        return ReferenceKind.allCases.compactMap { kind in
            let names = items.filter { $0.kind == kind }.map(\.name)
            guard !names.isEmpty else { return nil }
            let count = names.count < ReferenceStore.shown ? "\(names.count)" : "\(names.count) or more"
            return "\(count) \(kind.words(names.count)) (\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : ""))"
        }.joined(separator: ", ")
    }

    /// The references as error and audit row list them.
    var json: JSONValue {
        .array(
            items.prefix(ReferenceStore.shown).map {
                ["kind": .string($0.kind.rawValue), "id": .string($0.id), "name": .string($0.name), "refers_to": .string($0.refersTo)]
            })
    }
}
