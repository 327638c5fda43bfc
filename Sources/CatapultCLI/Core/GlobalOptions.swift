import ArgumentParser

/// The options that every command has.
struct GlobalOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The server, such as http://127.0.0.1:8080. (env REGISTRY_URL)", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("A server out of `context list`.", valueName: "name"))
    var context: String?

    @Option(
        name: .customLong("key-file"),
        help: ArgumentHelp(
            "A file that holds the API key alone. (env CATAPULT_KEY_FILE; env REGISTRY_API_KEY is the key itself)", valueName: "path"))
    var keyFile: String?

    @Option(help: "table for people, json for programs (the shape of the API).")
    var format = OutputFormat.table

    @Flag(name: [.short, .long], help: "Print only names or ids, and no progress.")
    var quiet = false

    @Flag(name: .customLong("no-color"), help: "No colours. (env NO_COLOR)")
    var noColor = false
}

/// What results look like.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table
    case json
    /// A graph for Graphviz; only where there is a graph.
    case dot
    /// A graph for Markdown pages; only where there is a graph.
    case mermaid
}
