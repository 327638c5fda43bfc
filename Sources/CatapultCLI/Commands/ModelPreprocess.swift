import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp model preprocess`: a program over a model's files, on the server.
struct ModelPreprocess: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "preprocess", abstract: "Run a program over a model's files, in a container on the server.",
        discussion: """
            The image must be on the server's engine. The program has no network and no privileges; it may write into the model's own folder, \
            and read other folders of the storage root. Write the command behind two dashes:

            mcp model preprocess team/tiny --image tools:1 --mount models/team/tiny:/model -- convert /model --to gguf
            """
    )

    @Argument(help: "Name or id of the model.") var model: String
    @Option(help: ArgumentHelp("The image to run.", valueName: "name")) var image: String
    @Option(
        name: .customLong("mount"),
        help: ArgumentHelp("A folder of the storage root and its place in the container; may be repeated.", valueName: "path:place"))
    var mounts: [FolderMount] = []
    @Flag(help: "Give a GPU to the program.") var gpu = false
    @Argument(parsing: .postTerminator, help: "The program and its arguments. Default: what the image runs.") var command: [String] = []
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let begun = try await client.send(
            PreprocessModel(
                modelID: model, image: image, command: command.isEmpty ? nil : command,
                mounts: mounts.isEmpty ? nil : Dictionary(mounts.map { ($0.source, $0.target) }) { $1 }, gpu: gpu ? true : nil))
        let id = begun.operationID
        guard !wait.detach else {
            return try session.output.done(
                await client.send(GetOperation(operationID: id)), "preprocessing; follow it with `mcp operation follow \(id)`")
        }
        let ended = try await session.follow(id, with: client, timeout: wait.timeout?.duration)
        try session.output.done(ended, "preprocessed \(model)")
    }
}

/// `PATH:PLACE` on the command line: a folder of the storage root, and where the container sees it.
struct FolderMount: ExpressibleByArgument, Sendable, Equatable {
    var source: String
    var target: String

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"), colon != argument.startIndex else { return nil }
        source = String(argument[..<colon])
        target = String(argument[argument.index(after: colon)...])
        guard target.hasPrefix("/") else { return nil }
    }
}
