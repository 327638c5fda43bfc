import CatapultAPI
import Testing

@testable import CatapultServer

@Suite("Walks over lineage") struct LineageWalkTests {
    private func edge(_ from: String, _ to: String, _ type: DependencyTarget = .version) -> LineageWalk.Edge {
        LineageWalk.Edge(id: "\(from)>\(to)", kind: .baseModel, from: from, to: .init(id: to, type: type, name: nil, url: nil))
    }

    /// Walks over a whole graph that lies in memory.
    private func walk(_ graph: [LineageWalk.Edge], from root: String, isUp: Bool, depth: Int, ceiling: Int = 100) -> LineageWalk {
        var walk = LineageWalk(from: root, isUp: isUp, depth: depth, ceiling: ceiling)
        var frontier = [root]
        while !frontier.isEmpty {
            let found = graph.filter { frontier.contains(isUp ? $0.from : $0.to.id) }
            frontier = walk.take(Array(found.prefix(walk.room)), isAll: found.count <= walk.room)
        }
        return walk
    }

    private func levels(_ walk: LineageWalk) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: walk.nodes.map { ($0.target.id, $0.level) })
    }

    @Test func goUpAndDownByLevels() {
        let graph = [edge("c", "b"), edge("b", "a"), edge("b", "data", .external), edge("d", "c")]
        let up = walk(graph, from: "c", isUp: true, depth: 5)
        #expect(levels(up) == ["c": 0, "b": -1, "a": -2, "data": -2])
        #expect(up.edges.map(\.id) == ["c>b", "b>a", "b>data"])
        #expect(up.isComplete)
        #expect(levels(walk(graph, from: "b", isUp: false, depth: 5)) == ["b": 0, "c": 1, "d": 2])
    }

    @Test func stopAtTheDepthAndSayWhereItGoesOn() {
        let graph = [edge("c", "b"), edge("b", "a"), edge("a", "z")]
        let short = walk(graph, from: "c", isUp: true, depth: 2)
        #expect(levels(short) == ["c": 0, "b": -1, "a": -2])
        #expect(short.nodes.map(\.hasMore) == [false, false, true])
        #expect(short.isComplete)
        #expect(walk(graph, from: "c", isUp: true, depth: 3).nodes.last?.hasMore == false)
    }

    @Test func meetADiamondOnceAndKeepAllItsEdges() {
        let graph = [edge("d", "b"), edge("d", "c"), edge("b", "a"), edge("c", "a"), edge("c", "b")]
        let up = walk(graph, from: "d", isUp: true, depth: 1)
        #expect(levels(up) == ["d": 0, "b": -1, "c": -1])
        // The edge between two nodes of the last level belongs to the graph; the one to `a` leads out of it.
        #expect(Set(up.edges.map(\.id)) == ["d>b", "d>c", "c>b"])
        #expect(up.nodes.map(\.hasMore) == [false, true, true])
        #expect(walk(graph, from: "d", isUp: true, depth: 9).edges.count == 5)
    }

    @Test func giveUpAtTheCeiling() {
        let graph = (0..<50).map { edge("child\($0)", "root") }
        let down = walk(graph, from: "root", isUp: false, depth: 5, ceiling: 10)
        #expect(!down.isComplete)
        #expect(down.nodes.count == 10)
        #expect(down.nodes[0].hasMore)
    }

    @Test func endInACircleToo() {
        let graph = [edge("a", "b"), edge("b", "a")]
        #expect(levels(walk(graph, from: "a", isUp: true, depth: 50)) == ["a": 0, "b": -1])
    }

    @Test func areCutToTheNearest() {
        let graph = [edge("r", "u1"), edge("u1", "u2"), edge("d1", "r"), edge("d2", "d1")]
        let walks = [walk(graph, from: "r", isUp: true, depth: 5), walk(graph, from: "r", isUp: false, depth: 5)]
        let cut = LineageCut(walks, limit: 3)
        #expect(cut.nodes.map(\.target.id) == ["r", "u1", "d1"])
        #expect(cut.nodes.map(\.hasMore) == [false, true, true])
        #expect(cut.edges.map(\.id) == ["r>u1", "d1>r"])
        #expect(cut.total == 5)
        let whole = LineageCut(walks, limit: 100)
        #expect(whole.nodes.count == 5 && whole.nodes.allSatisfy { !$0.hasMore })
    }

    @Test func shortestWays() {
        let edges = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "c")].map { (from: $0.0, to: $0.1) }
        #expect(LineageStore.shortestPath(from: "a", to: "d", edges: edges) == ["a", "c", "d"])
        #expect(LineageStore.shortestPath(from: "d", to: "a", edges: edges) == [])
        #expect(LineageStore.shortestPath(from: "a", to: "a", edges: edges) == ["a"])
    }
}

@Suite("Requests for dependencies") struct DependencyRequestTests {
    @Test func nameOneThing() throws {
        #expect(try DependencyRequest(NewDependency(kind: .adapter, target: "m:1")) == .version("m:1"))
        #expect(try DependencyRequest(NewDependency(kind: .package, artifactID: "x")) == .artifact("x"))
        #expect(try DependencyRequest(NewDependency(kind: .dataset, name: "pile", revision: "2")) == .external(key: "pile@2"))
        #expect(
            try DependencyRequest(NewDependency(kind: .dataset, name: "pile", revision: "2", url: "https://h/p"))
                == .external(key: "https://h/p@2"))
        #expect(
            try DependencyRequest(NewDependency(kind: .engine, name: "vllm", revision: "9", purl: "pkg:pypi/vllm@0.9"))
                == .external(key: "pkg:pypi/vllm@0.9"))
    }

    @Test(arguments: [
        NewDependency(kind: .dataset), NewDependency(kind: .dataset, revision: "1"), NewDependency(kind: .dataset, target: "a", name: "b"),
        NewDependency(kind: .dataset, target: "a", artifactID: "b"), NewDependency(kind: .dataset, artifactID: "b", url: "https://h"),
    ])
    func refuseNoneAndSeveral(dependency: NewDependency) {
        let error = #expect(throws: CatapultError.self) { try DependencyRequest(dependency) }
        #expect(error?.status == 422)
    }
}
