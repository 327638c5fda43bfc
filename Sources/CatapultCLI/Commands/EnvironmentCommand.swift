import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp environment`.
struct EnvironmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "environment", abstract: "Look after environments: named places to deploy to.",
        subcommands: [List.self, Show.self, Create.self, Update.self, Delete.self]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List environments.")

        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.list(
                await session.connect().send(ListEnvironments(page: pages.page, size: pages.limit)),
                empty: "No environments yet. Create one with `mcp environment create --name staging --type cpu`, or just deploy to a name."
            )
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show an environment.")

        @Argument(help: "Name or id.") var environment: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.show(await session.connect().send(GetEnvironment(environment: environment)))
        }
    }

    /// What `create` and `update` can set.
    struct Details: ParsableArguments {
        @Option(help: ArgumentHelp("cpu or gpu.", valueName: "type")) var type: EnvironmentType?
        @Option(help: ArgumentHelp("What each replica gets, such as \"gpu=1,memory=32Gi,cpu=4\".", valueName: "list")) var resources:
            String?
        @Option(help: ArgumentHelp("What the environment is for.", valueName: "text")) var description: String?

        func request() throws -> ResourceRequest? { try resources.map(ResourceText.parse) }
    }

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Create an environment.")

        @Option(help: ArgumentHelp("Unique name.", valueName: "name")) var name: String
        @OptionGroup var details: Details
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = CreateEnvironment(name: name, type: details.type, resources: try details.request(), description: details.description)
            let created = try await session.connect().send(call)
            try session.output.done(created, "created environment \(created.name)")
        }
    }

    struct Update: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Change an environment; running replicas keep what they have.")

        @Argument(help: "Name or id.") var environment: String
        @OptionGroup var details: Details
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = UpdateEnvironment(
                environment: environment, type: details.type, resources: try details.request(), description: details.description)
            let changed = try await session.connect().send(call)
            try session.output.done(changed, "changed environment \(changed.name)")
        }
    }

    struct Delete: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Delete an environment that no deployment uses.")

        @Argument(help: "Name or id.") var environment: String
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try await session.confirm("Delete environment \(environment)?", assumeYes: confirmation.yes)
            try session.output.gone(
                await session.connect().send(DeleteEnvironment(environment: environment)), "deleted environment \(environment)")
        }
    }
}
