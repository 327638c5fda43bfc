import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp model import`: from a hub, a hub's cache or a GGUF file on the server.
struct ModelImport: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Bring a model from a hub, a hub's cache or a GGUF file into the registry.",
        discussion: """
            The server does the work and goes on without this command. Give one of a hub's repository (org/name), --cache and --gguf; paths \
            are those of the server, beneath its storage root. Files on this machine are registered with `mcp model register`. \
            Importing the same thing again changes nothing.
            """
    )

    @Argument(help: "Repository of the hub, such as org/model.")
    var repository: String?

    @Option(help: ArgumentHelp("Take it from a hub's cache, or a plain folder, on the server.", valueName: "path"))
    var cache: String?

    @Option(help: ArgumentHelp("Take a GGUF file on the server.", valueName: "path"))
    var gguf: String?

    @Option(help: ArgumentHelp("Branch, tag or commit. Default: main.", valueName: "revision"))
    var revision: String?

    @Option(help: ArgumentHelp("Name of the model. Default: that of the repository or file.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("Name of the version. Default: the commit or the digest, in short.", valueName: "version"))
    var version: String?

    @Option(name: .customLong("server-type"), help: ArgumentHelp("The kind of server that runs it.", valueName: "type"))
    var serverType: ServerType?

    @Option(name: .customLong("tag"), help: ArgumentHelp("A word to find it by; may be repeated.", valueName: "word"))
    var tags: [String] = []

    @Option(help: ArgumentHelp("Only files that match, such as '*Q4_K_M*'; may be repeated.", valueName: "pattern"))
    var include: [String] = []

    @Option(help: ArgumentHelp("No files that match; may be repeated.", valueName: "pattern"))
    var exclude: [String] = []

    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if cache != nil, gguf != nil { throw ValidationError("--cache and --gguf exclude each other") }
        if gguf != nil, repository != nil { throw ValidationError("--gguf and a repository exclude each other") }
        if repository == nil, cache == nil, gguf == nil {
            throw ValidationError("say what to import: a repository such as org/model, --cache PATH or --gguf PATH")
        }
    }

    /// The call that the options mean.
    var call: ImportModel {
        ImportModel(
            source: gguf != nil ? .gguf : cache != nil ? .cache : .hub, repository: repository, revision: revision, path: gguf ?? cache,
            name: name, version: version, serverType: serverType, tags: tags.isEmpty ? nil : tags,
            include: include.isEmpty ? nil : include, exclude: exclude.isEmpty ? nil : exclude)
    }

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let operation = try await client.send(call)
        guard !wait.detach else {
            return try session.output.done(operation, "importing; follow it with `mcp operation follow \(operation.id)`")
        }
        let ended = try await session.follow(operation.id, with: client, timeout: wait.timeout?.duration)
        let id = ended.result?["version_id"]?.stringValue ?? ""
        let version = try await client.send(GetVersion(versionID: id))
        let isNew = ended.result?["is_new"]?.boolValue ?? true
        try session.output.done(version, isNew ? "imported \(version.handle)" : "\(version.handle) was there already")
    }
}

/// `mcp model sync`: register what lies in the server's models directory.
struct ModelSync: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Register what lies in the server's models directory.",
        discussion: """
            New folders and GGUF files become models, changed ones get a new version, models whose folder is gone are marked orphaned and \
            come back with it. Nothing is deleted, and doing it again changes nothing.
            """
    )

    @Flag(name: .customLong("dry-run"), help: "Only say what would change.")
    var dryRun = false

    @Flag(name: .customLong("allow-empty"), help: "Mark all models orphaned where the models directory is empty.")
    var allowEmpty = false

    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let operation = try await client.send(SyncStorage(dryRun: dryRun ? true : nil, allowEmpty: allowEmpty ? true : nil))
        guard !wait.detach else {
            return try session.output.done(operation, "syncing; follow it with `mcp operation follow \(operation.id)`")
        }
        let ended = try await session.follow(operation.id, with: client, timeout: wait.timeout?.duration)
        let result = ended.result ?? .object([:])
        if session.output.format == .json { return session.output.json(result) }
        for line in session.output.isQuiet ? Self.names(result) : Self.report(result) { session.output.line(SafeText.line(line)) }
    }

    private static let kinds = ["added", "changed", "restored", "orphaned", "left"]

    /// The names of what changed.
    private static func names(_ result: JSONValue) -> [String] {
        kinds.filter { $0 != "left" }.flatMap { (result[$0]?.arrayValue ?? []).compactMap(\.stringValue) }
    }

    /// The report in lines: what changed, one each, then the sums.
    private static func report(_ result: JSONValue) -> [String] {
        var lines: [String] = []
        for kind in kinds { lines += (result[kind]?.arrayValue ?? []).compactMap(\.stringValue).map { "\(kind) \($0)" } }
        for problem in result["problems"]?.arrayValue ?? [] {
            lines.append("problem \(problem["path"]?.stringValue ?? ""): \(problem["reason"]?.stringValue ?? "")")
        }
        let sums = kinds.map { "\(result[$0]?.arrayValue?.count ?? 0) \($0)" } + ["\(result["unchanged"]?.intValue ?? 0) unchanged"]
        return lines + [sums.joined(separator: ", ") + (result["dry_run"]?.boolValue == true ? " (dry run: nothing was changed)" : "")]
    }
}
