import ArgumentParser

/// `mcp server`: what is done on the server's own machine, by the server's program.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Back up and restore the database of a server on this machine.",
        discussion: """
            These commands hand over to the program catapult-server, which is looked for beside this one and on the PATH. They work on \
            the database itself, with or without a running server, and need no API key.
            """,
        subcommands: [Backup.self, Restore.self]
    )

    struct Backup: ServerProgramCommand {
        static let verb = "backup"
        static let configuration = CommandConfiguration(
            abstract: "Write a backup of the database into one file, also while servers run.",
            discussion: "Options: `catapult-server backup --help`.")

        @Argument(parsing: .captureForPassthrough, help: "Options and file, as `catapult-server backup` takes them.")
        var arguments: [String] = []
    }

    struct Restore: ServerProgramCommand {
        static let verb = "restore"
        static let configuration = CommandConfiguration(
            abstract: "Put a backup back. No server may run on the database.", discussion: "Options: `catapult-server restore --help`.")

        @Argument(parsing: .captureForPassthrough, help: "Options and file, as `catapult-server restore` takes them.")
        var arguments: [String] = []
    }
}

/// A command that the server's program does, under the same name.
protocol ServerProgramCommand: AsyncParsableCommand {
    /// Its name there.
    static var verb: String { get }
    var arguments: [String] { get }
}

extension ServerProgramCommand {
    func run() async throws {
        let surroundings = Surroundings.current
        let program = try ServerProgram.find(beside: surroundings.toolPath, path: surroundings.environment["PATH"] ?? "")
        try surroundings.become(program, [Self.verb] + arguments)
    }
}
