import ArgumentParser
import Catapult
import CatapultAPI

/// The option of commands about one deployment.
struct DeploymentOption: ParsableArguments {
    @Option(help: ArgumentHelp("The deployment's name or id.", valueName: "name"))
    var deployment: String
}

/// `mcp status`.
struct Status: SessionCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how a deployment and its replicas are doing; all deployments without a name.")

    @Option(help: ArgumentHelp("The deployment's name or id.", valueName: "name"))
    var deployment: String?

    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        guard let deployment else {
            return try session.output.list(await client.send(ListDeployments(size: 100)), empty: DeploymentCommand.emptyList)
        }
        let state = try await client.send(GetDeploymentStatus(deploymentID: deployment))
        try session.output.show(state)
        guard session.output.isForPeople, !state.replicaDetails.isEmpty else { return }
        session.output.line("")
        try session.output.list(state.replicaDetails, empty: "")
    }
}

/// `mcp scale`.
struct Scale: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Change the number of replicas of a deployment.")

    @OptionGroup var target: DeploymentOption

    @Option(help: ArgumentHelp("Replicas, 0 to 100.", valueName: "n"))
    var replicas: Int

    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (0...100).contains(replicas) else { throw ValidationError("--replicas is \(replicas); 0 to 100 are allowed") }
    }

    func run(in session: Session) async throws {
        try await session.change(ScaleDeployment(deploymentID: target.deployment, replicas: replicas), wait)
    }
}

/// `mcp stop`.
struct Stop: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Stop a deployment; its address and logs are kept.")

    @OptionGroup var target: DeploymentOption
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws { try await session.change(StopDeployment(deploymentID: target.deployment), wait) }
}

/// `mcp start`.
struct Start: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Start a stopped or failed deployment again.")

    @OptionGroup var target: DeploymentOption
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws { try await session.change(StartDeployment(deploymentID: target.deployment), wait) }
}

/// `mcp restart`.
struct Restart: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Replace all replicas of a deployment by new ones.")

    @OptionGroup var target: DeploymentOption
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws { try await session.change(RestartDeployment(deploymentID: target.deployment), wait) }
}

extension Session {
    /// Sends a call that changes a deployment, waits for its operation, and says how the deployment is then.
    func change<Call: APICall>(_ call: Call, _ wait: WaitOptions) async throws where Call.Output == Deployment {
        let client = try await connect()
        let deployment = try await waited(for: client.send(call), wait, with: client)
        try output.done(
            deployment,
            "\(deployment.name) is \(deployment.status.rawValue), \(deployment.readyReplicas) of \(deployment.replicas) replicas ready")
    }
}
