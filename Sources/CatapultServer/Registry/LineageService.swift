import CatapultAPI
import SQLDatabase

/// The rules of dependencies, lineage and comparison.
struct LineageService: Sendable {
    let database: Database

    // MARK: Dependencies

    func dependencies(_ call: ListDependencies, _ context: CallContext) async throws -> [Dependency] {
        try await database.read { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            return try DependencyStore.list(of: version.id, for: context.scope, in: connection)
        }
    }

    func add(_ call: AddDependency, _ context: CallContext) async throws -> Dependency {
        try await database.write { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            let (dependency, isNew) = try DependencyStore.add(call.dependency, to: version, context, in: connection)
            if isNew { try AuditLog.record(context, id: version.id, details: Self.details(dependency), in: connection) }
            return dependency
        }
    }

    func delete(_ call: DeleteDependency, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            guard let dependency = try DependencyStore.find(call.dependencyID, of: version.id, in: connection) else {
                throw CatapultError.notFound(.dependency, call.dependencyID)
            }
            try DependencyStore.delete(dependency.id, in: connection)
            try AuditLog.record(context, id: version.id, details: Self.details(dependency), in: connection)
            return Deletion(deletedID: dependency.id)
        }
    }

    private static func details(_ dependency: Dependency) -> [String: JSONValue] {
        [
            "dependency_id": .string(dependency.id), "version": .string(dependency.version), "kind": .string(dependency.kind.rawValue),
            "target": .string(dependency.target),
        ]
    }

    // MARK: Graph

    func lineage(_ call: GetLineage, _ context: CallContext) async throws -> LineageGraph {
        let direction = call.direction ?? .both
        let depth = call.depth ?? 5
        return try await database.read { connection in
            let root = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            let walks = try [true, false].filter { $0 ? direction != .down : direction != .up }.map {
                try LineageStore.walk(from: root.id, isUp: $0, depth: depth, in: connection)
            }
            let cut = LineageCut(walks, limit: call.limit ?? 200)
            let versions = try LineageStore.versions(cut.ids(of: .version), in: connection)
            let artifacts = try LineageStore.artifacts(cut.ids(of: .artifact), for: context.scope, in: connection)
            // What only versions outside depend on is left out: its id says as much as its name.
            let seen = Set(cut.edges.filter { context.scope.includes(model: versions[$0.from]?.modelName ?? "") }.map(\.to.id))
            func isShown(_ target: LineageWalk.Target) -> Bool { target.type != .external || seen.contains(target.id) }
            let nodes = cut.nodes.filter { isShown($0.target) }.map { node in
                var node = node
                node.target.name = artifacts[node.target.id] ?? node.target.name
                return Self.node(node, versions, seenBy: context.scope)
            }
            return LineageGraph(
                root: root.id, direction: direction, depth: depth, nodes: nodes,
                edges: cut.edges.filter { isShown($0.to) }.map { LineageEdge(id: $0.id, from: $0.from, to: $0.to.id, kind: $0.kind) },
                total: cut.total - (cut.nodes.count - nodes.count),
                totalIsExact: cut.isComplete, truncated: cut.nodes.count < cut.total || !cut.isComplete)
        }
    }

    /// A node with its names. A version outside of the scope stays in the graph, since edges lead through it, but has no name.
    private static func node(_ node: LineageWalk.Node, _ versions: [String: LineageNode], seenBy scope: KeyScope) -> LineageNode {
        let target = node.target
        var shown = LineageNode(id: target.id, type: target.type, name: target.name ?? target.id, level: node.level, url: target.url)
        if let known = versions[target.id] {
            shown = known
            if !scope.includes(model: known.modelName ?? "") {
                shown = LineageNode(id: target.id, type: .version, name: LineageNode.outsideScope, level: node.level)
            }
        }
        (shown.level, shown.hasMore) = (node.level, node.hasMore)
        return shown
    }

    // MARK: Comparison

    func compare(_ call: CompareVersions, _ context: CallContext) async throws -> VersionComparison {
        try await database.read { connection in
            func side(_ reference: String) throws -> VersionComparator.Side {
                let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
                return VersionComparator.Side(
                    version: version, files: try VersionStore.files(of: version.id, in: connection),
                    dependencies: try DependencyStore.list(of: version.id, for: context.scope, in: connection))
            }
            return VersionComparator.compare(try side(call.a), try side(call.b), limit: call.limit ?? 1_000)
        }
    }
}

extension LineageNode {
    /// What stands for the name of a thing that the caller does not see.
    static let outsideScope = "outside of this key's scope"
}
