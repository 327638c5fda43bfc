import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp key`.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Look after API keys.", subcommands: [List.self, Create.self, Delete.self]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List API keys, without their secrets.")

        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListAPIKeys(offset: (pages.page - 1) * pages.limit, limit: pages.limit)
            try session.output.list(await session.connect().send(call), empty: "No keys on this page.")
        }
    }

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an API key. It is shown once.",
            discussion: "With --quiet only the key itself is printed, to be stored by a script."
        )

        @Option(help: ArgumentHelp("Who or what uses the key.", valueName: "name")) var name: String
        @Option(help: ArgumentHelp("viewer, operator or admin. (default: viewer)", valueName: "role")) var role: Role?
        @Option(
            name: .customLong("expires-in"),
            help: ArgumentHelp("When it stops working, such as 30d. (default: never)", valueName: "duration"))
        var expiresIn: TimeSpan?
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let expiry = expiresIn.map { session.surroundings.now() + $0.duration }
            let key = try await session.connect().send(CreateAPIKey(name: name, role: role, expiresAt: expiry))
            if session.output.format == .json { return try session.output.json(key) }
            session.output.line(key.key)
            session.output.note("This is the key of \(key.name), role \(key.role.rawValue). It is shown only now: keep it safe.")
        }
    }

    struct Delete: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke an API key at once.")

        @Argument(help: "Name or id.") var key: String
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try await session.confirm("Revoke the key \(key)?", assumeYes: confirmation.yes)
            try session.output.gone(await session.connect().send(DeleteAPIKey(keyID: key)), "revoked key \(key)")
        }
    }
}

/// `mcp audit`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "audit", abstract: "Look at who did what.", subcommands: [List.self])

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List audit rows, newest first.")

        @Option(help: ArgumentHelp("Only this action, such as create_model.", valueName: "action")) var action: String?
        @Option(help: ArgumentHelp("Only this kind of thing, such as deployment.", valueName: "kind")) var resource: String?
        @Option(help: ArgumentHelp("Only what this key did.", valueName: "name")) var key: String?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListAuditLogs(
                action: action, resourceType: resource, apiKeyName: key, offset: (pages.page - 1) * pages.limit, limit: pages.limit)
            try session.output.list(await session.connect().send(call), empty: "No audit rows on this page.")
        }
    }
}
