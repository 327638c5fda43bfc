extension Catalogue {
    static let dependencies: [any APICall.Type] = [
        ListDependencies.self, AddDependency.self, DeleteDependency.self, GetLineage.self,
    ]
}

/// Lists what a version directly depends on.
public struct ListDependencies: APICall {
    public typealias Output = [Dependency]
    public static let route = Route.get("/versions/{version_id}/dependencies", alias: "/releases/{version_id}/dependencies")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Lineage"
    public static let summary = "List what a version depends on"

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = ["versionID": versionReference]
}

/// Adds a dependency. One that is there already is given back as it is.
public struct AddDependency: APICall {
    public typealias Output = Dependency
    public static let route = Route.post("/versions/{version_id}/dependencies", alias: "/releases/{version_id}/dependencies")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Lineage"
    public static let summary = "Add a dependency of a version"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("add_dependency", .version)
    public static let alternatives = [["target", "artifactID", "name", "url", "purl"]]

    public var versionID: String
    public var kind: DependencyKind
    public var target: String?
    public var artifactID: String?
    public var name: String?
    public var revision: String?
    public var url: String?
    public var purl: String?
    public var note: String?

    /// A call with its parameters.
    public init(versionID: String, _ dependency: NewDependency) {
        self.versionID = versionID
        kind = dependency.kind
        target = dependency.target
        artifactID = dependency.artifactID
        name = dependency.name
        revision = dependency.revision
        url = dependency.url
        purl = dependency.purl
        note = dependency.note
    }

    public static let fields: [String: Field] = NewDependency.fields.merging(["versionID": versionReference]) { $1 }

    /// The dependency without the version that depends.
    public var dependency: NewDependency {
        NewDependency(kind: kind, target: target, artifactID: artifactID, name: name, revision: revision, url: url, purl: purl, note: note)
    }
}

/// Removes a dependency.
public struct DeleteDependency: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete(
        "/versions/{version_id}/dependencies/{dependency_id}", alias: "/releases/{version_id}/dependencies/{dependency_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Lineage"
    public static let summary = "Remove a dependency of a version"
    public static let audit: AuditAction? = AuditAction("delete_dependency", .version)

    public var versionID: String
    public var dependencyID: String

    /// A call with its parameters.
    public init(versionID: String, dependencyID: String) {
        self.versionID = versionID
        self.dependencyID = dependencyID
    }

    public static let fields: [String: Field] = ["versionID": versionReference, "dependencyID": "UUID of the dependency."]
}

/// Shows what a version was made from, and what was made from it.
public struct GetLineage: APICall {
    public typealias Output = LineageGraph
    public static let route = Route.get("/versions/{version_id}/lineage", alias: "/releases/{version_id}/lineage")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Lineage"
    public static let summary = "Show the lineage of a version as a graph"

    public var versionID: String
    public var direction: LineageDirection?
    public var depth: Int?
    public var limit: Int?

    /// A call with its parameters.
    public init(versionID: String, direction: LineageDirection? = nil, depth: Int? = nil, limit: Int? = nil) {
        self.versionID = versionID
        self.direction = direction
        self.depth = depth
        self.limit = limit
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference,
        "direction": "up: what it was made from; down: what was made from it; both. Default both.",
        "depth": Field("Steps to follow, 1 to 50. Default 5.", .range(1...50)),
        "limit": Field("Nodes to show, 1 to 2000, the nearest first. Default 200.", .range(1...2_000)),
    ]
}
