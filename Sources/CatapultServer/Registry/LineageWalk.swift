import CatapultAPI

/// A walk over the graph of dependencies in one direction, level by level. A value: `LineageStore` fetches the edges of a level, the walk
/// says which nodes come next.
struct LineageWalk: Sendable, Equatable {
    /// One row of `dependencies`, seen as an edge.
    struct Edge: Sendable, Equatable {
        var id: String
        var kind: DependencyKind
        /// The version that depends.
        var from: String
        /// The node that it depends on: a version's or artifact's id, or the key of an external thing.
        var to: Target
    }

    /// The end of an edge.
    struct Target: Sendable, Equatable {
        var id: String
        var type: DependencyTarget
        /// The name of an external thing, and its address.
        var name: String?
        var url: String?
    }

    /// A node that was met.
    struct Node: Sendable, Equatable {
        var target: Target
        /// Steps from the root; negative upwards.
        var level: Int
        var hasMore = false
    }

    /// Up or down.
    let isUp: Bool
    /// Steps that are followed.
    let depth: Int
    /// How many nodes are met before the walk gives up.
    let ceiling: Int
    /// The nodes in the order in which they were met, the nearest first. The root is among them.
    private(set) var nodes: [Node]
    private(set) var edges: [Edge] = []
    /// False where the ceiling was reached.
    private(set) var isComplete = true

    private var places: [String: Int]
    private var level = 0

    /// A walk that stands at its root.
    init(from root: String, isUp: Bool, depth: Int, ceiling: Int) {
        (self.isUp, self.depth, self.ceiling) = (isUp, depth, ceiling)
        nodes = [Node(target: Target(id: root, type: .version), level: 0)]
        places = [root: 0]
    }

    /// How many more edges the walk takes.
    var room: Int { max(0, ceiling - edges.count) }

    /// Takes the edges that leave the versions of the level on which the walk stands, and steps on.
    ///
    /// - Parameter isAll: false where there are more edges than were given.
    /// - Returns: the versions whose edges are wanted next; empty at the end. The level behind the last one is asked for as well, to see
    ///   which nodes have more.
    mutating func take(_ found: [Edge], isAll: Bool) -> [String] {
        let extends = level < depth
        var next: [String] = []
        for edge in found {
            let (near, far) = isUp ? (edge.from, edge.to) : (edge.to.id, Target(id: edge.from, type: .version))
            if places[far.id] == nil {
                guard extends, nodes.count < ceiling else {
                    if let place = places[near] { nodes[place].hasMore = true }
                    if extends { isComplete = false }
                    continue
                }
                places[far.id] = nodes.count
                nodes.append(Node(target: far, level: isUp ? -level - 1 : level + 1))
                if far.type == .version { next.append(far.id) }
            }
            edges.append(edge)
        }
        if !isAll { isComplete = false }
        level += 1
        return extends && isComplete ? next : []
    }
}

/// The graph that two walks from one root make, cut to a number of nodes.
struct LineageCut: Sendable, Equatable {
    var nodes: [LineageWalk.Node]
    var edges: [LineageWalk.Edge]
    /// Nodes that were met.
    var total: Int
    var isComplete: Bool

    /// Joins walks from the same root, the nearest nodes first.
    init(_ walks: [LineageWalk], limit: Int) {
        let root = walks.first?.nodes.first
        let others = walks.flatMap { $0.nodes.dropFirst() }.enumerated().sorted {
            (abs($0.element.level), $0.offset) < (abs($1.element.level), $1.offset)
        }.map(\.element)
        var shown = ([root].compactMap { $0 } + others).prefix(limit).map { $0 }
        if !shown.isEmpty { shown[0].hasMore = walks.contains { $0.nodes.first?.hasMore == true } }
        let places = Dictionary(uniqueKeysWithValues: shown.enumerated().map { ($0.element.target.id, $0.offset) })
        edges = []
        for walk in walks {
            for edge in walk.edges {
                switch (places[edge.from], places[edge.to.id]) {
                case (_?, _?): edges.append(edge)
                case (let place?, nil) where walk.isUp: shown[place].hasMore = true
                case (nil, let place?) where !walk.isUp: shown[place].hasMore = true
                default: break
                }
            }
        }
        nodes = shown
        total = others.count + (root == nil ? 0 : 1)
        isComplete = walks.allSatisfy(\.isComplete)
    }

    /// The ids of the nodes of one sort.
    func ids(of type: DependencyTarget) -> [String] { nodes.filter { $0.target.type == type }.map(\.target.id) }
}
