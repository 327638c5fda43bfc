import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp deployment`.
struct DeploymentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deployment", abstract: "Look after deployments; `deploy`, `scale`, `stop`, `start` and `restart` change them.",
        subcommands: [List.self, Show.self, Health.self, Create.self, Delete.self]
    )

    static let emptyList = "No deployments yet. Deploy with `mcp deploy --model MODEL --environment staging`."

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List deployments, newest first.")

        @Option(help: ArgumentHelp("Only this environment.", valueName: "name")) var environment: String?
        @Option(help: ArgumentHelp("Only this model.", valueName: "name")) var model: String?
        @Option(help: ArgumentHelp("Only this status.", valueName: "status")) var status: DeploymentStatus?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListDeployments(page: pages.page, size: pages.limit, environment: environment, status: status, modelName: model)
            try session.output.list(await session.connect().send(call), empty: DeploymentCommand.emptyList)
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show a deployment.")

        @Argument(help: "Name or id.") var deployment: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.show(await session.connect().send(GetDeployment(deploymentID: deployment)))
        }
    }

    struct Health: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Ask a deployment's endpoint for its health now.")

        @Argument(help: "Name or id.") var deployment: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let health = try await session.connect().send(GetDeploymentHealth(deploymentID: deployment))
            if session.output.format == .json { return try session.output.json(health) }
            let time = health.responseTimeMs.map { " in \(($0 * 10).rounded() / 10) ms" } ?? ""
            session.output.line(health.healthStatus.rawValue + (health.reason.map { ": \(SafeText.line($0))" } ?? time))
        }
    }

    struct Create: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Record a deployment that somebody else runs; `deploy` makes one that Catapult runs.")

        @Option(help: ArgumentHelp("The version; the newest without one.", valueName: "model[:version]")) var model: VersionReference
        @Option(help: ArgumentHelp("The environment.", valueName: "name")) var environment: String
        @Option(help: ArgumentHelp("Unique name.", valueName: "name")) var name: String?
        @Option(help: ArgumentHelp("The address that it answers at.", valueName: "url")) var endpoint: String?
        @Option(help: ArgumentHelp("The cluster that it runs in.", valueName: "name")) var cluster: String?
        @Option(help: ArgumentHelp("Replicas.", valueName: "n")) var replicas: Int?
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let version = try await client.resolve(model)
            let created = try await client.send(
                CreateDeployment(
                    versionID: version.id, environment: environment, name: name, cluster: cluster, endpointURL: endpoint, replicas: replicas
                )
            )
            try session.output.done(created, "recorded deployment \(created.name)")
        }
    }

    struct Delete: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Stop a deployment and remove it with its logs.")

        @Argument(help: "Name or id.") var deployment: String
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try await session.confirm("Stop and delete deployment \(deployment)?", assumeYes: confirmation.yes)
            try session.output.gone(
                await session.connect().send(DeleteDeployment(deploymentID: deployment)), "deleted deployment \(deployment)")
        }
    }
}
