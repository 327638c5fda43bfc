import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp version alias`.
struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias", abstract: "Names that point at versions and can be moved, such as staging and production.",
        subcommands: [List.self, Set.self, Remove.self, History.self]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List the aliases of a model.")

        @Argument(help: "Name or id of the model.") var model: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.list(
                await session.connect().send(ListVersionAliases(modelID: model)),
                empty: "\(model) has no versions yet. Register one with `mcp model register`.")
        }
    }

    struct Set: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Make an alias, or move it to another version.")

        @Argument(help: ArgumentHelp("The alias of a model.", valueName: "model:alias")) var alias: AliasReference
        @Argument(help: "The version to point at: VERSION, MODEL:VERSION, another alias or an id.") var version: String
        @OptionGroup var expectation: ExpectationOptions
        @OptionGroup var change: ChangeOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = SetVersionAlias(
                modelID: alias.model, alias: alias.alias, version: version, expectedVersion: expectation.expect, reason: change.reason,
                dryRun: change.dryRun ? true : nil)
            try session.output.transition(await session.connect().send(call))
        }
    }

    struct Remove: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Remove an alias; its history stays.")

        @Argument(help: ArgumentHelp("The alias of a model.", valueName: "model:alias")) var alias: AliasReference
        @OptionGroup var expectation: ExpectationOptions
        @OptionGroup var change: ChangeOptions
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let known = try await client.send(GetVersionAlias(modelID: alias.model, alias: alias.alias))
            if change.dryRun {
                if session.output.format == .json { return try session.output.json(known) }
                return session.output.line("would remove the alias \(known.handle), which points at \(known.modelName):\(known.version)")
            }
            try await session.confirm(
                "Remove the alias \(known.handle), which points at \(known.modelName):\(known.version)?", assumeYes: confirmation.yes)
            let call = DeleteVersionAlias(
                modelID: alias.model, alias: alias.alias, expectedVersion: expectation.expect ?? known.versionID, reason: change.reason)
            try session.output.gone(await client.send(call), "removed the alias \(known.handle)")
        }
    }

    struct History: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List the moves of an alias, newest first.")

        @Argument(help: ArgumentHelp("The alias of a model.", valueName: "model:alias")) var alias: AliasReference
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListAliasHistory(modelID: alias.model, alias: alias.alias, page: pages.page, size: pages.limit)
            try session.output.list(await session.connect().send(call), empty: "\(alias.alias) has never been moved.")
        }
    }
}

/// MODEL:ALIAS on the command line.
struct AliasReference: ExpressibleByArgument, Sendable, Equatable {
    var model: String
    var alias: String

    init?(argument: String) {
        guard let reference = VersionReference(argument: argument), let alias = reference.version else { return nil }
        (model, self.alias) = (reference.model, alias)
    }
}

/// The options of commands that change what people rely on.
struct ChangeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Why; it is kept in the history.", valueName: "text"))
    var reason: String?

    @Flag(name: .customLong("dry-run"), help: "Only say what would change.")
    var dryRun = false
}

/// The option of commands that move an alias.
struct ExpectationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Refuse unless the alias points at this version now (none: unless there is no such alias).", valueName: "version"))
    var expect: String?
}
