import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp key`.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Look after API keys.",
        subcommands: [List.self, Show.self, Create.self, Update.self, Rotate.self, Disable.self, Enable.self, Delete.self]
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

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show an API key, without its secret.")

        @Argument(help: "Name or id.") var key: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.show(await session.connect().send(GetAPIKey(keyID: key)))
        }
    }

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an API key. It is shown once.",
            discussion: """
                With --quiet only the key itself is printed, to be stored by a script. With --model or --environment the key sees and changes \
                nothing else; * stands for any characters.
                """
        )

        @Option(help: ArgumentHelp("Who or what uses the key.", valueName: "name")) var name: String
        @Option(help: ArgumentHelp("viewer, operator or admin. (default: viewer)", valueName: "role")) var role: Role?
        @Option(
            name: .customLong("model"),
            help: ArgumentHelp("Only models of this name, such as team/*; may be repeated.", valueName: "pattern")) var models: [String] =
                []
        @Option(
            name: .customLong("environment"),
            help: ArgumentHelp("Only this environment, such as staging; may be repeated.", valueName: "pattern"))
        var environments: [String] = []
        @OptionGroup var details: KeyDetails
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let scope = KeyScope(
                environments: environments.isEmpty ? nil : environments, models: models.isEmpty ? nil : models)
            let key = try await session.connect().send(
                CreateAPIKey(
                    name: name, role: role, scope: scope.isEverything ? nil : scope, description: details.description, owner: details.owner,
                    rateLimit: details.rate, expiresAt: details.expiry(session)))
            try session.show(key, "This is the key of \(key.name), role \(key.role.rawValue). It is shown only now: keep it safe.")
        }
    }

    struct Update: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change an API key's end, limit or description. Its role and scope never change.")

        @Argument(help: "Name or id.") var key: String
        @OptionGroup var details: KeyDetails
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard !details.isEmpty else {
                throw ValidationError("say what to change: --expires-in, --rate, --description or --owner")
            }
        }

        func run(in session: Session) async throws {
            let changed = try await session.connect().send(
                UpdateAPIKey(
                    keyID: key, description: details.description, owner: details.owner, rateLimit: details.rate,
                    expiresAt: details.expiry(session)))
            try session.output.done(changed, "changed key \(changed.name)")
        }
    }

    struct Rotate: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an API key a new secret. It is shown once.",
            discussion: """
                The old secret stops working at once, or after --overlap, for which both work. Give the new one to whoever uses the key in \
                that time. Rotating again ends the oldest.
                """)

        @Argument(help: "Name or id.") var key: String
        @Option(
            help: ArgumentHelp(
                "How long the old secret works as well, such as 1h, at most 7d. (default: not at all)", valueName: "duration"))
        var overlap: TimeSpan?
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            if overlap == nil {
                try await session.confirm("End the secret of the key \(key) now?", assumeYes: confirmation.yes)
            }
            let seconds = overlap.map { Int($0.duration / .seconds(1)) }
            let rotated = try await session.connect().send(RotateAPIKey(keyID: key, overlapSeconds: seconds))
            let until = rotated.previousValidUntil.map { " The old one works until \($0)." } ?? " The old one has ended."
            try session.show(rotated, "This is the new key of \(rotated.name). It is shown only now: keep it safe.\(until)")
        }
    }

    struct Disable: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Let an API key rest: it works no more until it is enabled.")

        @Argument(help: "Name or id.") var key: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let changed = try await session.connect().send(UpdateAPIKey(keyID: key, isActive: false))
            try session.output.done(changed, "disabled key \(changed.name)")
        }
    }

    struct Enable: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Let an API key that was disabled work again.")

        @Argument(help: "Name or id.") var key: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let changed = try await session.connect().send(UpdateAPIKey(keyID: key, isActive: true))
            let sentence = changed.isActive ? "enabled key \(changed.name)" : "enabled key \(changed.name), but it has expired"
            try session.output.done(changed, sentence)
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

/// What of a key can be said at its making and changed afterwards.
struct KeyDetails: ParsableArguments {
    @Option(
        name: .customLong("expires-in"),
        help: ArgumentHelp("When it stops working, such as 30d. (default: never)", valueName: "duration"))
    var expiresIn: TimeSpan?
    @Option(help: ArgumentHelp("Requests a second that it may make, such as 10, or 10/50 for fifty at once.", valueName: "limit"))
    var rate: RateLimit?
    @Option(help: ArgumentHelp("What the key is for.", valueName: "text")) var description: String?
    @Option(help: ArgumentHelp("Whom to ask about the key.", valueName: "name")) var owner: String?

    var isEmpty: Bool { expiresIn == nil && rate == nil && description == nil && owner == nil }

    func expiry(_ session: Session) -> Timestamp? { expiresIn.map { session.surroundings.now() + $0.duration } }
}

extension RateLimit: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Session {
    /// Writes a key with its secret: the key alone on standard output, what it is beside it.
    fileprivate func show(_ key: NewAPIKey, _ sentence: String) throws {
        if output.format == .json { return try output.json(key) }
        output.line(key.key)
        output.note(sentence)
    }
}
