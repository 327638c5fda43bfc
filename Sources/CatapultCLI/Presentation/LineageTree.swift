import CatapultAPI

/// A lineage graph as a tree of text. What hangs on several branches is drawn once, and named on the others.
struct LineageTree {
    private let graph: LineageGraph
    private let nodes: [String: LineageNode]
    private let up: [String: [LineageEdge]]
    private let down: [String: [LineageEdge]]

    init(_ graph: LineageGraph) {
        self.graph = graph
        nodes = Dictionary(graph.nodes.map { ($0.id, $0) }) { first, _ in first }
        up = Dictionary(grouping: graph.edges, by: \.from)
        down = Dictionary(grouping: graph.edges, by: \.to)
    }

    /// The lines, the root first.
    func lines(_ style: Style) -> [String] {
        guard let root = nodes[graph.root] else { return [] }
        var lines = [style.paint(SafeText.line(root.name), .strong) + facts(of: root, style)]
        var branches: [(title: String, isUp: Bool)] = []
        if graph.direction != .down { branches.append(("made from, needs", true)) }
        if graph.direction != .up { branches.append(("made into, needed by", false)) }
        for (index, branch) in branches.enumerated() {
            let isLast = index == branches.count - 1
            var drawn: Set<String> = [graph.root]
            var below: [String] = []
            draw(graph.root, isUp: branch.isUp, prefix: isLast ? "   " : "│  ", style, &drawn, &below)
            if below.isEmpty { below = [(isLast ? "   " : "│  ") + style.paint("└─ nothing known", .dim)] }
            lines.append((isLast ? "└─ " : "├─ ") + style.paint(branch.title, .dim))
            lines += below
        }
        return lines
    }

    private func draw(
        _ id: String, isUp: Bool, prefix: String, _ style: Style, _ drawn: inout Set<String>, _ lines: inout [String]
    ) {
        let edges = ((isUp ? up : down)[id] ?? []).filter { edge in
            // Of a graph of both directions only the part that belongs to this branch.
            let level = nodes[isUp ? edge.to : edge.from]?.level ?? 0
            return isUp ? level < 0 : level > 0
        }.sorted { ($0.kind.rawValue, name(isUp ? $0.to : $0.from)) < ($1.kind.rawValue, name(isUp ? $1.to : $1.from)) }
        for (index, edge) in edges.enumerated() {
            let isLast = index == edges.count - 1
            let next = isUp ? edge.to : edge.from
            guard let node = nodes[next] else { continue }
            let isNew = drawn.insert(next).inserted
            let tail = !isNew ? style.paint(" (above)", .dim) : node.hasMore && !hasChildren(next, isUp) ? style.paint(" …", .dim) : ""
            lines.append(
                prefix + (isLast ? "└─ " : "├─ ") + style.paint(edge.kind.rawValue, .dim) + "  " + SafeText.line(node.name)
                    + facts(of: node, style) + tail)
            if isNew { draw(next, isUp: isUp, prefix: prefix + (isLast ? "   " : "│  "), style, &drawn, &lines) }
        }
    }

    private func hasChildren(_ id: String, _ isUp: Bool) -> Bool { !((isUp ? up : down)[id] ?? []).isEmpty }

    private func name(_ id: String) -> String { nodes[id]?.name ?? id }

    private func facts(of node: LineageNode, _ style: Style) -> String {
        var facts: [String] = []
        if !node.aliases.isEmpty { facts.append("[\(SafeText.line(node.aliases.joined(separator: ", ")))]") }
        if node.isRelease == true { facts.append(style.paint("release", .good)) }
        if let status = node.status, status != .active { facts.append(style.paint(status.rawValue, .state(status.rawValue))) }
        return facts.map { "  \($0)" }.joined()
    }
}

/// A lineage graph in the languages of programs that draw graphs. Arrows point from what depends to what it depends on.
enum GraphText {
    /// For Graphviz (the DOT language).
    static func dot(_ graph: LineageGraph) -> [String] {
        func quoted(_ text: String) -> String {
            "\"" + SafeText.line(text).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        var lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
        for node in graph.nodes {
            let shape =
                switch node.type {
                case .version: node.id == graph.root ? ", style=bold" : ""
                case .artifact: ", shape=note"
                case .external: ", shape=ellipse"
                }
            lines.append("  \(quoted(node.id)) [label=\(quoted(node.name))\(shape)];")
        }
        for edge in graph.edges { lines.append("  \(quoted(edge.from)) -> \(quoted(edge.to)) [label=\(quoted(edge.kind.rawValue))];") }
        return lines + ["}"]
    }

    /// For Mermaid, which Markdown viewers draw.
    static func mermaid(_ graph: LineageGraph) -> [String] {
        func quoted(_ text: String) -> String {
            "\"" + SafeText.line(text).replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;") + "\""
        }
        let numbers = Dictionary(graph.nodes.enumerated().map { ($0.element.id, $0.offset) }) { first, _ in first }
        var lines = ["graph LR"]
        for (number, node) in graph.nodes.enumerated() {
            let (open, close) =
                switch node.type {
                case .version: ("[", "]")
                case .artifact: ("[/", "/]")
                case .external: ("([", "])")
                }
            lines.append("  n\(number)\(open)\(quoted(node.name))\(close)")
        }
        for edge in graph.edges {
            guard let from = numbers[edge.from], let to = numbers[edge.to] else { continue }
            lines.append("  n\(from) -->|\(edge.kind.rawValue)| n\(to)")
        }
        return lines
    }
}
