import CatapultAPI
import SQLDatabase

/// The SQL of lineage.
enum LineageStore {
    /// How many nodes and edges a walk meets in one direction before it gives up: its cost does not grow with the registry.
    static let ceiling = 10_000
    /// How many versions one query asks for.
    private static let batch = 500

    /// Walks from a version in one direction.
    ///
    /// Level by level and not as one recursive query: SQLite computes all edges of a node before a LIMIT stops it, so that a base model with
    /// a million descendants would cost a second (decision 30 of `docs/decisions`).
    static func walk(
        from root: String, isUp: Bool, depth: Int, ceiling: Int = ceiling, in connection: any SQLConnection
    ) throws -> LineageWalk {
        var walk = LineageWalk(from: root, isUp: isUp, depth: depth, ceiling: ceiling)
        var frontier = [root]
        while !frontier.isEmpty {
            var found: [LineageWalk.Edge] = []
            let room = walk.room
            var start = 0
            while start < frontier.count, found.count <= room {
                let ids = frontier[start..<min(start + batch, frontier.count)]
                let near: SQLQuery = isUp ? "version_id" : "target_version_id"
                found += try connection.fetchAll(
                    """
                    SELECT id, kind, version_id, target_type, target_key, name, revision, url, purl FROM dependencies
                    WHERE \(near) IN \(list: ids) LIMIT \(room + 1 - found.count)
                    """, edge)
                start += batch
            }
            frontier = walk.take(Array(found.prefix(room)), isAll: found.count <= room)
        }
        return walk
    }

    private static func edge(_ row: SQLRow) throws -> LineageWalk.Edge {
        let type: DependencyTarget = try row.get(3)
        let (name, revision): (String?, String?) = (try row.get(5), try row.get(6))
        let (url, purl): (String?, String?) = (try row.get(7), try row.get(8))
        return LineageWalk.Edge(
            id: try row.get(0), kind: try row.get(1), from: try row.get(2),
            to: LineageWalk.Target(
                id: try row.get(4), type: type, name: DependencyStore.words(name: name, revision: revision, url: url, purl: purl), url: url)
        )
    }

    /// The nodes of versions by their ids.
    static func versions(_ ids: [String], in connection: any SQLConnection) throws -> [String: LineageNode] {
        var nodes: [String: LineageNode] = [:]
        var start = 0
        while start < ids.count {
            let part = ids[start..<min(start + batch, ids.count)]
            for node in try connection.fetchAll(
                """
                SELECT v.id, m.id, m.name, v.version, v.status, v.is_release, v.alias_names FROM versions v JOIN models m ON m.id = v.model_id
                WHERE v.id IN \(list: part)
                """, node)
            {
                nodes[node.id] = node
            }
            start += batch
        }
        return nodes
    }

    /// The names of artifacts by their ids; those outside of the scope have none.
    static func artifacts(_ ids: [String], for scope: KeyScope, in connection: any SQLConnection) throws -> [String: String] {
        var names: [String: String] = [:]
        var start = 0
        while start < ids.count {
            let part = ids[start..<min(start + batch, ids.count)]
            let rows = try connection.fetchAll(
                """
                SELECT a.id, a.name, m.name FROM artifacts a LEFT JOIN versions v ON v.id = a.version_id
                LEFT JOIN models m ON m.id = coalesce(v.model_id, a.model_id) WHERE a.id IN \(list: part)
                """
            ) { (id: try $0.get(0) as String, name: try $0.get(1) as String, model: try $0.get(2) as String?) }
            for row in rows {
                let isInside = row.model.map(scope.includes(model:)) ?? (scope.models == nil)
                names[row.id] = isInside ? row.name : LineageNode.outsideScope
            }
            start += batch
        }
        return names
    }

    private static func node(_ row: SQLRow) throws -> LineageNode {
        let (model, version): (String, String) = (try row.get(2), try row.get(3))
        return LineageNode(
            id: try row.get(0), type: .version, name: "\(model):\(version)", level: 0, modelID: try row.get(1), modelName: model,
            version: version, status: try row.get(4) as VersionStatus, isRelease: try row.get(5) as Bool,
            aliases: try (row.get(6) as String).split(separator: ",").map(String.init))
    }

    /// The way from one version up to another, over what it depends on: their handles, both included; nil where there is none.
    static func path(from start: Version, to end: Version, in connection: any SQLConnection) throws -> [String]? {
        if start.id == end.id { return [end.handle] }
        let ancestors: SQLQuery = """
            WITH RECURSIVE ancestors (id) AS (
                SELECT id FROM versions WHERE id = \(start.id)
                UNION
                SELECT d.target_version_id FROM ancestors a JOIN dependencies d ON d.version_id = a.id WHERE d.target_version_id IS NOT NULL)
            """
        guard try connection.exists("\(ancestors) SELECT 1 FROM ancestors WHERE id = \(end.id) LIMIT 1") else { return nil }
        let edges = try connection.fetchAll(
            """
            \(ancestors) SELECT d.version_id, d.target_version_id FROM ancestors a JOIN dependencies d ON d.version_id = a.id
            WHERE d.target_version_id IS NOT NULL ORDER BY d.id
            """
        ) { (from: try $0.get(0) as String, to: try $0.get(1) as String) }
        let ids = shortestPath(from: start.id, to: end.id, edges: edges)
        let nodes = try versions(ids, in: connection)
        return ids.map { nodes[$0]?.name ?? $0 }
    }

    /// The shortest way along the edges, both ends included; empty where there is none.
    static func shortestPath(from start: String, to end: String, edges: [(from: String, to: String)]) -> [String] {
        let next = Dictionary(grouping: edges, by: \.from)
        var before: [String: String] = [start: start]
        var queue = [start]
        var index = 0
        while index < queue.count, before[end] == nil {
            for edge in next[queue[index]] ?? [] where before[edge.to] == nil {
                before[edge.to] = edge.from
                queue.append(edge.to)
            }
            index += 1
        }
        guard before[end] != nil else { return [] }
        var path = [end]
        while let last = path.last, last != start, let previous = before[last] { path.append(previous) }
        return path.reversed()
    }
}
