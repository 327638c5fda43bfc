import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp lineage`.
struct LineageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage", abstract: "See what versions were made from, and what was made from them.", subcommands: [Show.self])

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draw the lineage of a version as a tree.",
            discussion: "--format dot writes a graph for Graphviz, --format mermaid one for Markdown pages.")
        static let formats: [OutputFormat] = [.table, .json, .dot, .mermaid]

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @Option(help: ArgumentHelp("up: what it was made from; down: what was made from it; both.", valueName: "way"))
        var direction = LineageDirection.both
        @Option(help: ArgumentHelp("Steps to follow, 1 to 50.", valueName: "n")) var depth = 5
        @Option(help: ArgumentHelp("Things to show, 1 to 2000, the nearest first.", valueName: "n")) var limit = 200
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (1...50).contains(depth) else { throw ValidationError("--depth is \(depth); 1 to 50 are allowed") }
            guard (1...2_000).contains(limit) else { throw ValidationError("--limit is \(limit); 1 to 2000 are allowed") }
        }

        func run(in session: Session) async throws {
            let graph = try await session.connect().send(
                GetLineage(versionID: version, direction: direction, depth: depth, limit: limit))
            let output = session.output
            switch output.format {
            case .json: return try output.json(graph)
            case .dot: return GraphText.dot(graph).forEach(output.line)
            case .mermaid: return GraphText.mermaid(graph).forEach(output.line)
            case .table: break
            }
            if output.isQuiet { return graph.nodes.dropFirst().forEach { output.line(SafeText.line($0.name)) } }
            LineageTree(graph).lines(output.style).forEach(output.line)
            if graph.truncated {
                output.note(
                    "\(graph.nodes.count) of \(graph.totalIsExact ? "" : "more than ")\(graph.total) shown; see more with --limit", .dim)
            }
        }
    }
}

/// `mcp dependency`.
struct DependencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dependency", abstract: "Say what versions depend on.", subcommands: [Add.self, List.self, Remove.self])

    struct Add: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a dependency of a version: on another version, an artifact, or something elsewhere.")

        @Argument(help: "The version that depends: MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @Option(help: ArgumentHelp("What it is needed for.", valueName: "kind")) var kind: DependencyKind
        @Option(help: ArgumentHelp("The version that it depends on.", valueName: "model:version")) var on: String?
        @Option(help: ArgumentHelp("The artifact that it depends on.", valueName: "id")) var artifact: String?
        @Option(help: ArgumentHelp("Name of something elsewhere.", valueName: "name")) var name: String?
        @Option(help: ArgumentHelp("Version of something elsewhere.", valueName: "text")) var revision: String?
        @Option(name: .customLong("address"), help: ArgumentHelp("URL of something elsewhere.", valueName: "url")) var address: String?
        @Option(help: ArgumentHelp("Package URL, such as pkg:pypi/vllm@0.9.1.", valueName: "purl")) var purl: String?
        @Option(help: ArgumentHelp("What else there is to say.", valueName: "text")) var note: String?
        @Flag(name: .customLong("dry-run"), help: "Only show the request.") var dryRun = false
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            let named = [on, artifact, name ?? address ?? purl].compactMap { $0 }.count
            guard named == 1 else {
                throw ValidationError(
                    named == 0
                        ? "say what it depends on: --on, --artifact, --name, --address or --purl"
                        : "--on, --artifact and something elsewhere (--name, --address, --purl) cannot go together")
            }
        }

        func run(in session: Session) async throws {
            let call = AddDependency(
                versionID: version,
                NewDependency(
                    kind: kind, target: on, artifactID: artifact, name: name, revision: revision, url: address, purl: purl, note: note))
            if dryRun { return try session.output.request(WireRequest(call)) }
            let added = try await session.connect().send(call)
            try session.output.done(added, "\(added.version) depends on \(added.target) (\(added.kind.rawValue))")
        }
    }

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List what a version depends on.")

        @Argument(help: "MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.list(
                await session.connect().send(ListDependencies(versionID: version)),
                empty: "\(version) depends on nothing that is known. Add it with `mcp dependency add`.")
        }
    }

    struct Remove: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a dependency of a version.")

        @Argument(help: "The version that depends: MODEL:VERSION, MODEL:ALIAS or id.") var version: String
        @Argument(help: "What it depends on, as `dependency list` shows it, or the dependency's id.") var dependency: String
        @Flag(name: .customLong("dry-run"), help: "Only show the request.") var dryRun = false
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let all = try await client.send(ListDependencies(versionID: version))
            let meant = all.filter { $0.id == dependency || $0.target == dependency || $0.targetID == dependency }
            guard let known = meant.first, meant.count == 1 else {
                let candidates = (meant.isEmpty ? all.map(\.target) : meant.map(\.id)).prefix(3)
                throw Complaint(
                    meant.isEmpty ? .notFound : .conflict,
                    meant.isEmpty
                        ? "\(version) does not depend on \(dependency)" : "\(dependency) is \(meant.count) dependencies of \(version)",
                    hint: candidates.isEmpty ? nil : "Did you mean \(candidates.joined(separator: " or "))?")
            }
            let call = DeleteDependency(versionID: known.versionID, dependencyID: known.id)
            if dryRun { return try session.output.request(WireRequest(call)) }
            try await session.confirm("Remove the dependency of \(known.version) on \(known.target)?", assumeYes: confirmation.yes)
            try session.output.gone(await client.send(call), "\(known.version) no longer depends on \(known.target)")
        }
    }
}
