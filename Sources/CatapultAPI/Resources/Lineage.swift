/// Which way lineage is followed.
public enum LineageDirection: String, Codable, Sendable, CaseIterable {
    /// What the version was made from, and needs.
    case up
    /// What was made from the version, and needs it.
    case down
    /// Both.
    case both
}

/// What a version was made from and what was made from it, as a graph that is ready to draw.
public struct LineageGraph: Codable, Sendable, Equatable {
    public var root: String
    public var direction: LineageDirection
    public var depth: Int
    public var nodes: [LineageNode]
    public var edges: [LineageEdge]
    public var total: Int
    public var totalIsExact: Bool
    public var truncated: Bool

    /// A graph with its nodes and edges.
    public init(
        root: String, direction: LineageDirection, depth: Int, nodes: [LineageNode], edges: [LineageEdge], total: Int, totalIsExact: Bool,
        truncated: Bool
    ) {
        self.root = root
        self.direction = direction
        self.depth = depth
        self.nodes = nodes
        self.edges = edges
        self.total = total
        self.totalIsExact = totalIsExact
        self.truncated = truncated
    }
}

extension LineageGraph: Documented {
    public static let fields: [String: Field] = [
        "root": "Id of the node that was asked for.",
        "direction": "Which way was followed.",
        "depth": "How many steps were followed at most.",
        "nodes": "The root first, then the nearest.",
        "edges": "Who depends on what, between the nodes shown.",
        "total": "Nodes within the depth, shown or not.",
        "totalIsExact": "False where counting stopped at 10000.",
        "truncated": "True where not all nodes within the depth are shown.",
    ]
}

/// A thing in a lineage graph.
public struct LineageNode: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var type: DependencyTarget
    public var name: String
    public var level: Int
    public var modelID: String?
    public var modelName: String?
    public var version: String?
    public var status: VersionStatus?
    public var isRelease: Bool?
    public var aliases: [String]
    public var url: String?
    public var hasMore: Bool

    /// A node with all its parts.
    public init(
        id: String, type: DependencyTarget, name: String, level: Int, modelID: String? = nil, modelName: String? = nil,
        version: String? = nil, status: VersionStatus? = nil, isRelease: Bool? = nil, aliases: [String] = [], url: String? = nil,
        hasMore: Bool = false
    ) {
        self.id = id
        self.type = type
        self.name = name
        self.level = level
        self.modelID = modelID
        self.modelName = modelName
        self.version = version
        self.status = status
        self.isRelease = isRelease
        self.aliases = aliases
        self.url = url
        self.hasMore = hasMore
    }

    public static let fields: [String: Field] = [
        "id": "UUID of the version or artifact; for external things a text that is the same wherever they are used.",
        "type": "What sort of thing it is.",
        "name": "What people call it: model:version, the artifact's name, or name and revision.",
        "level": "Steps from the root: negative for what it is made from, positive for what is made from it.",
        "modelID": "UUID of the model, for versions.",
        "modelName": "Name of the model, for versions.",
        "version": "The version, for versions.",
        "status": "Status, for versions.",
        "isRelease": "Whether it is a release, for versions.",
        "aliases": "Aliases that point at it, for versions.",
        "url": "Address of an external thing.",
        "hasMore": "True where it has further edges, followed in the same direction, to things that are not shown.",
    ]
}

/// One edge of a lineage graph.
public struct LineageEdge: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var from: String
    public var to: String
    public var kind: DependencyKind

    /// An edge between two nodes.
    public init(id: String, from: String, to: String, kind: DependencyKind) {
        self.id = id
        self.from = from
        self.to = to
        self.kind = kind
    }

    public static let fields: [String: Field] = [
        "id": "UUID of the dependency.",
        "from": "Id of the node that depends.",
        "to": "Id of the node that it depends on.",
        "kind": "What it is needed for.",
    ]
}
