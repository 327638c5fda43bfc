import ArgumentParser
import Catapult
import CatapultAPI

/// `mcp deploy`: from a version to an answering endpoint.
struct Deploy: SessionCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deploy a version and wait until it answers.",
        discussion: """
            Builds the image first where the version has none. The deployment is named MODEL-ENVIRONMENT. Running it again changes only \
            what is different: a stopped deployment is started, another number of replicas is scaled to.
            """
    )

    @Option(help: ArgumentHelp("The model, MODEL:VERSION or MODEL:ALIAS; the newest version without one.", valueName: "model[:version]"))
    var model: VersionReference

    @Option(help: ArgumentHelp("Where to; a name that was never created is implied.", valueName: "name"))
    var environment: String

    // Unconditional, so that -1 is told to be out of range and not to be a missing value.
    @Option(parsing: .unconditional, help: ArgumentHelp("Replicas, 0 to 100. (default: 1, or as it is)", valueName: "n"))
    var replicas: Int?

    @Option(help: ArgumentHelp("Name of the deployment. (default: MODEL-ENVIRONMENT)", valueName: "name"))
    var name: String?

    @Option(
        name: .customLong("env"), help: ArgumentHelp("An environment variable of the replicas; may be repeated.", valueName: "KEY=VALUE"))
    var variables: [Assignment] = []

    @Option(help: ArgumentHelp("Memory per replica, such as 8Gi.", valueName: "amount"))
    var memory: String?

    @Option(help: ArgumentHelp("CPU cores per replica, such as 0.5.", valueName: "cores"))
    var cpu: Double?

    @Option(help: ArgumentHelp("GPUs per replica.", valueName: "n"))
    var gpus: Int?

    @Option(help: ArgumentHelp("An image to run instead of a build's.", valueName: "image"))
    var image: String?

    @Flag(name: .customLong("dry-run"), help: "Say what would be done, after looking at what there is.")
    var dryRun = false

    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let replicas, !(0...100).contains(replicas) { throw ValidationError("--replicas is \(replicas); 0 to 100 are allowed") }
        if let gpus, !(0...1_024).contains(gpus) { throw ValidationError("--gpus is \(gpus); 0 to 1024 are allowed") }
    }

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let version = try await client.resolve(model)
        if let warning = version.deprecationWarning { session.output.note("warning: \(SafeText.line(warning))", .busy) }
        let name = name ?? Self.deploymentName(model: version.modelName, environment: environment)
        let existing = try await client.find(GetDeployment(deploymentID: name))
        let decision = try DeployDecision(existing: existing, version: version, replicas: replicas)
        if dryRun { return try show(decision, version: version, name: name, session) }
        if let existing, existing.status == .stopping {
            _ = try await session.settled(existing, timeout: wait.timeout?.duration, with: client)
        }
        if session.output.isForPeople { session.output.note("deploying \(version.handle) as \(name)") }

        var deployment = try await apply(decision, version: version, name: name, client)
        if decision.changesSomething { deployment = try await session.waited(for: deployment, wait, with: client) }
        try session.output.done(deployment, Self.sentence(decision, deployment, detached: wait.detach))
        guard session.output.isForPeople, !wait.detach else { return }
        if let endpoint = deployment.endpointURL { session.output.line("endpoint: \(SafeText.line(endpoint))") }
        session.output.line("replicas: \(deployment.readyReplicas) of \(deployment.replicas) ready")
        session.output.note("next: mcp chat --deployment \(name) \"Hello\"", .dim)
    }

    /// The name that a deployment gets: model names may hold slashes, names of deployments may not.
    static func deploymentName(model: String, environment: String) -> String { "\(model.replacing("/", with: "-"))-\(environment)" }

    private func call(version: Version, name: String) -> ExecuteDeployment {
        ExecuteDeployment(
            versionID: version.id, environment: environment, name: name, replicas: replicas, gpuEnabled: gpus.map { $0 > 0 },
            gpuCount: gpus.flatMap { $0 > 0 ? $0 : nil }, environmentVars: Assignment.dictionary(variables), memoryLimit: memory,
            cpuLimit: cpu,
            imageTag: image, buildIfMissing: true
        )
    }

    private func apply(_ decision: DeployDecision, version: Version, name: String, _ client: CatapultClient) async throws -> Deployment {
        switch decision {
        case .create: return try await client.send(call(version: version, name: name))
        case .scale(let id, let replicas): return try await client.send(ScaleDeployment(deploymentID: id, replicas: replicas))
        case .start(let id, let replicas):
            if let replicas { _ = try await client.send(ScaleDeployment(deploymentID: id, replicas: replicas)) }
            return try await client.send(StartDeployment(deploymentID: id))
        case .follow(let id), .keep(let id): return try await client.send(GetDeployment(deploymentID: id))
        }
    }

    private func show(_ decision: DeployDecision, version: Version, name: String, _ session: Session) throws {
        var plan: [String: JSONValue] = [
            "dry_run": true, "deployment": .string(name), "version": .string(version.handle), "action": .string(decision.verb),
        ]
        for (index, request) in try requests(for: decision, version: version, name: name).enumerated() {
            plan[index == 0 ? "request" : "then"] = [
                "method": .string(request.method.rawValue), "path": .string(request.path), "body": request.body ?? .null,
            ]
        }
        if session.output.format == .json { return session.output.json(.object(plan)) }
        session.output.line("would \(decision.verb) \(name) (\(version.handle))")
        for request in try requests(for: decision, version: version, name: name) {
            session.output.line("\(request.method.rawValue) \(request.path)\n\(request.body?.indentedText ?? "")")
        }
    }

    private func requests(for decision: DeployDecision, version: Version, name: String) throws -> [WireRequest] {
        switch decision {
        case .create: [try WireRequest(call(version: version, name: name))]
        case .scale(let id, let replicas): [try WireRequest(ScaleDeployment(deploymentID: id, replicas: replicas))]
        case .start(let id, let replicas):
            try (replicas.map { [try WireRequest(ScaleDeployment(deploymentID: id, replicas: $0))] } ?? [])
                + [WireRequest(StartDeployment(deploymentID: id))]
        case .follow, .keep: []
        }
    }

    private static func sentence(_ decision: DeployDecision, _ deployment: Deployment, detached: Bool) -> String {
        let name = deployment.name
        if case .keep = decision { return "\(name) is already running" }
        if detached { return "\(name): operation \(deployment.operationID ?? "") goes on" }
        return "\(name) is \(deployment.status.rawValue)"
    }
}

/// What `deploy` has to do, given what there is. A pure decision.
enum DeployDecision: Equatable {
    case create
    /// Another number of replicas.
    case scale(id: String, replicas: Int)
    /// Stopped or failed, or about to be: start it, after a change of the number of replicas where one is asked for.
    case start(id: String, replicas: Int?)
    /// It is under way already.
    case follow(id: String)
    /// It runs as it should.
    case keep(id: String)

    /// False where there is nothing to wait for.
    var changesSomething: Bool { if case .keep = self { false } else { true } }

    /// Decides.
    ///
    /// - Throws: `Complaint` (conflict) where the name belongs to another version, or to a deployment that Catapult does not run.
    init(existing: Deployment?, version: Version, replicas: Int?) throws {
        guard let existing else {
            self = .create
            return
        }
        guard existing.versionID == version.id else {
            throw Complaint(
                .conflict, "\(existing.name) runs \(existing.modelName):\(existing.version), not \(version.handle)",
                hint:
                    "Deploy it under another --name or --environment, or remove the old one with `mcp deployment delete \(existing.name)`."
            )
        }
        guard existing.deploymentType == .local else {
            throw Complaint(
                .conflict, "\(existing.name) is a record of a deployment that somebody else runs",
                hint: "Deploy under another --name or --environment."
            )
        }
        let change = replicas.flatMap { $0 == existing.replicas ? nil : $0 }
        switch existing.status {
        case .stopping, .stopped, .failed, .terminated: self = .start(id: existing.id, replicas: change)
        case .pending, .deploying: self = change.map { .scale(id: existing.id, replicas: $0) } ?? .follow(id: existing.id)
        case .running, .success: self = change.map { .scale(id: existing.id, replicas: $0) } ?? .keep(id: existing.id)
        }
    }

    /// The decision as a verb.
    var verb: String {
        switch self {
        case .create: "create"
        case .scale: "scale"
        case .start: "start"
        case .follow: "wait for"
        case .keep: "change nothing of"
        }
    }
}

extension CatapultClient {
    /// The version that a reference names; the newest where it names none.
    func resolve(_ reference: VersionReference) async throws -> Version {
        guard let version = reference.version else { return try await send(GetLatestVersion(modelName: reference.model)) }
        return try await send(GetVersion(versionID: "\(reference.model):\(version)"))
    }
}

extension Session {
    /// Waits for what is being done to a deployment, and gives the deployment as it is then.
    func waited(for deployment: Deployment, _ options: WaitOptions, with client: CatapultClient) async throws -> Deployment {
        guard !options.detach else { return deployment }
        let timeout = options.timeout?.duration
        // Stopping is no operation: it only waits for the requests in flight.
        guard deployment.status != .stopping else { return try await settled(deployment, timeout: timeout, with: client) }
        guard let operation = deployment.operationID else { return deployment }
        try await follow(operation, with: client, timeout: timeout, deployment: deployment.id)
        return try await client.send(GetDeployment(deploymentID: deployment.id))
    }

    /// Waits until a deployment that is stopping has stopped. The contract has no event for that, so it is asked, less and less often.
    func settled(_ deployment: Deployment, timeout: Duration?, with client: CatapultClient) async throws -> Deployment {
        let line = ProgressLine(self)
        defer { line.clear() }
        let label = "\(deployment.name) is stopping"
        line.show(ProgressBar(label: label), step: label)
        let start = ContinuousClock.now
        var pause = Duration.milliseconds(50)
        var current = deployment
        while current.status == .stopping {
            if let timeout, start.duration(to: .now) >= timeout {
                throw Complaint(
                    .failure, "\(deployment.name) is still stopping", hint: "Look at `mcp status --deployment \(deployment.name)`.")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
            current = try await client.send(GetDeployment(deploymentID: deployment.id))
        }
        return current
    }
}
