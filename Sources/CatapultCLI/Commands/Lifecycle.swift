import ArgumentParser
import Catapult
import CatapultAPI

/// Which deployment a command is about: `--deployment NAME`, or the name alone.
struct DeploymentTarget: ParsableArguments {
    @Option(name: .customLong("deployment"), help: ArgumentHelp("The deployment's name or id.", valueName: "name"))
    var option: String?

    @Argument(help: ArgumentHelp("The same, without the option's name.", valueName: "name"))
    var argument: String?

    /// The name or id, or nil where none is given.
    var optionalName: String? { option ?? argument }

    func validate() throws {
        guard option == nil || argument == nil else { throw ValidationError("the deployment is given twice") }
    }

    /// The name or id.
    ///
    /// - Throws: `Complaint` where none is given.
    func name() throws -> String {
        guard let name = optionalName else {
            throw Complaint(.usage, "no deployment is named", hint: "Give --deployment NAME; `mcp deployment list` shows which there are.")
        }
        return name
    }
}

/// `mcp status`.
struct Status: SessionCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how a deployment and its replicas are doing; all deployments without a name.")

    @OptionGroup var target: DeploymentTarget
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        guard let deployment = target.optionalName else {
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

    @OptionGroup var target: DeploymentTarget

    // Unconditional, so that -1 is told to be out of range and not to be a missing value.
    @Option(parsing: .unconditional, help: ArgumentHelp("Replicas, 0 to 100.", valueName: "n"))
    var replicas: Int

    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (0...100).contains(replicas) else { throw ValidationError("--replicas is \(replicas); 0 to 100 are allowed") }
    }

    func run(in session: Session) async throws {
        try await session.change(ScaleDeployment(deploymentID: target.name(), replicas: replicas), wait)
    }
}

/// `mcp stop`.
struct Stop: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Stop a deployment; its address and logs are kept.")

    @OptionGroup var target: DeploymentTarget
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws { try await session.change(StopDeployment(deploymentID: target.name()), wait) }
}

/// `mcp start`.
struct Start: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Start a stopped or failed deployment again.")

    @OptionGroup var target: DeploymentTarget
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws { try await session.change(StartDeployment(deploymentID: target.name()), wait) }
}

/// `mcp restart`.
struct Restart: SessionCommand {
    static let configuration = CommandConfiguration(abstract: "Replace all replicas of a deployment by new ones.")

    @OptionGroup var target: DeploymentTarget
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws { try await session.change(RestartDeployment(deploymentID: target.name()), wait) }
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
