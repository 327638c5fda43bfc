import CatapultAPI
import ContainerEngine
import NIOConcurrencyHelpers
import SQLDatabase
import ServiceLifecycle

/// The rules of deployments. Each write is one transaction: wish, reservation of port and GPUs, operation, audit row.
struct DeploymentService: Sendable {
    let database: Database
    let signals: ChangeSignals
    let runner: OperationRunner
    let planner: DeploymentPlanner
    let ports: PortStore
    let logs: DeploymentLogFiles
    let probe: HealthProbe
    let leader: Leader
    /// How long a delete waits for the containers to be gone before it answers.
    var deletePatience = Duration.seconds(30)

    // MARK: Reading

    func list(_ call: ListDeployments, _ context: CallContext) async throws -> Page<Deployment> {
        try await database.read { try DeploymentStore.list(call, for: context.scope, in: $0) }
    }

    func list(_ call: ListVersionDeployments, _ context: CallContext) async throws -> [Deployment] {
        let paging = Paging(limit: call.limit, skip: call.skip, fallback: 100)
        return try await database.read { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            return try DeploymentStore.list(ofVersion: version.id, paging, for: context.scope, in: connection)
        }
    }

    func get(_ call: GetDeployment, _ context: CallContext) async throws -> Deployment {
        try await database.read { try DeploymentStore.resolve(call.deploymentID, for: context.scope, in: $0) }
    }

    func status(_ call: GetDeploymentStatus, _ context: CallContext) async throws -> DeploymentState {
        try await database.read { connection in
            let deployment = try DeploymentStore.resolve(call.deploymentID, for: context.scope, in: connection)
            let replicas = try ReplicaStore.list(of: deployment.id, in: connection)
            return DeploymentState(deployment, replicas: replicas.map(\.resource))
        }
    }

    /// Asks the endpoint for its health, through the gateway as a client would.
    func health(_ call: GetDeploymentHealth, _ context: CallContext) async throws -> DeploymentHealth {
        let (deployment, row) = try await database.read { connection in
            let deployment = try DeploymentStore.resolve(call.deploymentID, for: context.scope, in: connection)
            return (deployment, try DeploymentStore.row(deployment.id, in: connection))
        }
        func unhealthy(_ reason: String, after time: Double? = nil) -> DeploymentHealth {
            DeploymentHealth(
                healthy: false, endpointURL: deployment.endpointURL, healthStatus: deployment.healthStatus, responseTimeMs: time,
                reason: reason)
        }
        guard deployment.deploymentType == .local else { return unhealthy("Catapult does not run this deployment, so it does not ask it") }
        guard let port = deployment.hostPort, let row else { return unhealthy("the deployment has no endpoint") }
        let host = ["0.0.0.0", "::", ""].contains(ports.host) ? "127.0.0.1" : ports.host
        let start = ContinuousClock.now
        let answer = await probe.ask(host: host, port: port, path: row.wish.rules.healthPath, timeout: .seconds(5))
        let time = (ContinuousClock.now - start).milliseconds
        if case .unhealthy(let words) = answer { return unhealthy("GET \(row.wish.rules.healthPath) \(words)", after: time) }
        return DeploymentHealth(
            healthy: true, endpointURL: deployment.endpointURL, healthStatus: deployment.healthStatus, responseTimeMs: time, reason: nil)
    }

    func logs(_ call: GetDeploymentLogs, _ context: CallContext) async throws -> DeploymentLogs {
        let deployment = try await get(GetDeployment(deploymentID: call.deploymentID), context)
        try await requireLogs()
        let (lines, isTruncated) = logs.tail(deployment.id, lines: call.tail ?? 100, numbered: deployment.replicas > 1)
        return DeploymentLogs(deploymentID: deployment.id, logs: lines.map { $0 + "\n" }.joined(), truncated: isTruncated)
    }

    /// The output of replicas is copied by the server that leads, and stays there.
    func requireLogs() async throws {
        if leader.term == nil { throw await leader.refusal("The output of replicas") }
    }

    /// Sends the last lines and those that follow, until the deployment is deleted, the reader goes away, or the server stops.
    func followLogs(
        of deployment: Deployment, tail: Int, idle: () async throws -> Void, send: ([String]) async throws -> Void
    ) async throws {
        let id = deployment.id
        let isStopping = NIOLockedValueBox(false)
        try await withGracefulShutdownHandler {
            try await logs.follow(
                id, tail: tail, numbered: deployment.replicas > 1,
                isOver: {
                    if isStopping.withLockedValue({ $0 }) { return true }
                    return try await database.read { try !$0.exists("SELECT 1 FROM deployments WHERE id = \(id)") }
                }, idle: idle, send: send)
        } onGracefulShutdown: {
            isStopping.withLockedValue { $0 = true }
            logs.wakeReaders(of: id)
        }
    }

    // MARK: Making

    /// Records a deployment that somebody else runs.
    func create(_ call: CreateDeployment, _ context: CallContext) async throws -> Deployment {
        let reference = try Self.version(call.releaseID, call.versionID)
        return try await database.write { connection in
            let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
            try LifePlan.requireUsable(version, "be deployed")
            let environment = try EnvironmentStore.resolveOrImply(call.environment, for: context.scope, in: connection)
            let name = try DeploymentPlanner.name(call.name, model: version.modelName, environment: environment.name, in: connection)
            let deployment = Deployment(
                id: Identifier.make(), name: name, versionID: version.id, modelName: version.modelName, version: version.version,
                environment: environment.name, deploymentType: .metadata, status: call.status ?? .success, healthStatus: .unknown,
                replicas: call.replicas ?? 1, readyReplicas: 0, endpointURL: call.endpointURL, hostPort: nil, imageTag: nil,
                imageDigest: nil,
                dockerBuildID: nil, containerID: nil, gpuCount: 0, memoryLimit: nil, cpuLimit: nil, environmentVars: [:], volumeMounts: [:],
                cluster: call.cluster, k8sNamespace: call.k8sNamespace, error: nil, operationID: nil,
                metadata: Self.metadata(call.metadata, of: version),
                deployedBy: context.caller?.name, deployedAt: .now, startedAt: nil, stoppedAt: nil)
            try DeploymentStore.insert(deployment, wanted: .stopped, template: planner.images.template(of: nil), in: connection)
            try Self.audit(deployment, context, in: connection)
            return try DeploymentStore.resolve(deployment.id, for: .everything, in: connection)
        }
    }

    /// Deploys a version: plans it, reserves what it needs, and leaves the rest to the controller.
    func execute(_ call: ExecuteDeployment, _ context: CallContext) async throws -> Deployment {
        let reference = try Self.version(call.releaseID, call.versionID)
        let (version, environment) = try await database.read { connection in
            (
                try VersionStore.resolve(reference, for: context.scope, in: connection),
                try EnvironmentStore.find(call.environment, in: connection)
            )
        }
        try context.scope.require(environment: call.environment)
        try LifePlan.requireUsable(version, "be deployed")
        switch call.deploymentType ?? .local {
        case .local: break
        case .metadata: return try await create(Self.record(call), context)
        case .k8s:
            throw CatapultError.invalid(
                field: "deployment_type", "deployments on Kubernetes are not available yet",
                hint: "Leave deployment_type out to run it on this host, or record one that runs elsewhere with the type metadata.")
        }
        let mounts = call.volumeMounts ?? [:]
        try planner.checkSettings(call.environmentVars ?? [:], mounts: mounts)
        for path in mounts.keys.sorted() {
            _ = try await ScopedFolders(database: database, storage: planner.storage)
                .resolve(path, of: version.modelName, for: context.scope)
        }
        try await planner.requireEngine()
        let found = try await planner.image(
            tag: call.imageTag, buildID: call.dockerBuildID, version: version, scope: context.scope, database: database)
        guard found != nil || call.buildIfMissing == true else {
            throw DeploymentPlanner.imageNotFound("\(version.modelName):\(version.version)", "the version has no image yet")
        }
        let memory = call.memoryLimit ?? environment?.resources.memory
        let cpu = call.cpuLimit ?? environment?.resources.cpu
        let gpus = DeploymentPlanner.gpusPerReplica(call, environment)
        let inventory = gpus > 0 ? await planner.gpus() : GPUInventory(gpus: [])
        let replicas = call.replicas ?? 1
        // GPUs are the scarcest: whoever lacks them should hear that, not of memory. The transaction below looks again.
        try await database.read { connection in
            try DeploymentPlanner.checkGPUs(perReplica: gpus, replicas: replicas, inventory: inventory, except: nil, in: connection)
        }
        try await planner.checkLimits(memory: memory, cpu: cpu)

        let deployment = try await database.write { connection in
            // Archived in the meantime? Its words may have changed as well.
            let version = try VersionStore.resolve(version.id, for: .everything, in: connection)
            try LifePlan.requireUsable(version, "be deployed")
            let environment = try EnvironmentStore.resolveOrImply(call.environment, for: context.scope, in: connection)
            let name = try DeploymentPlanner.name(call.name, model: version.modelName, environment: environment.name, in: connection)
            try DeploymentPlanner.checkGPUs(perReplica: gpus, replicas: replicas, inventory: inventory, except: nil, in: connection)
            let (id, operationID) = (Identifier.make(), Identifier.make())
            let image = try found ?? buildImage(version, for: operationID, context, in: connection)
            try DeploymentPlanner.checkNeedOfGPUs(image.template, perReplica: gpus, environment: environment)
            let deployment = Deployment(
                id: id, name: name, versionID: version.id, modelName: version.modelName, version: version.version,
                environment: environment.name, deploymentType: .local, status: image.digest == nil ? .pending : .deploying,
                healthStatus: .unknown, replicas: replicas, readyReplicas: 0, endpointURL: nil, hostPort: nil, imageTag: image.tag,
                imageDigest: image.digest, dockerBuildID: image.build?.id, containerID: nil, gpuCount: gpus, memoryLimit: memory,
                cpuLimit: cpu,
                environmentVars: call.environmentVars ?? [:], volumeMounts: mounts, cluster: nil, k8sNamespace: nil, error: nil,
                operationID: operationID, metadata: Self.metadata(call.metadata, of: version), deployedBy: context.caller?.name,
                deployedAt: .now,
                startedAt: nil,
                stoppedAt: nil)
            try DeploymentStore.insert(deployment, wanted: .running, template: image.template, in: connection)
            let port = try ports.reserve(for: id, in: connection)
            try DeploymentStore.setEndpointURL(ports.url(port: port), of: id, in: connection)
            try Self.enqueue(operationID, id, "deploy \(name)", context, in: connection)
            try Self.audit(deployment, context, in: connection)
            return try DeploymentStore.resolve(id, for: .everything, in: connection)
        }
        signals.notify(DeploymentController.arrivals)
        runner.wake(.deploy)
        if found == nil { planner.images.wake() }
        return deployment
    }

    private func buildImage(
        _ version: Version, for operationID: String, _ context: CallContext, in connection: any SQLConnection
    ) throws -> DeploymentPlanner.Image {
        let build = try planner.images.enqueue(
            version: version, parentOperation: operationID, createdBy: context.caller?.name, in: connection)
        return DeploymentPlanner.Image(tag: build.imageTag, digest: nil, build: build, template: planner.images.template(of: build))
    }

    /// What a client wants to keep with a deployment, and the warnings that go with the version.
    private static func metadata(_ given: [String: JSONValue]?, of version: Version) -> [String: JSONValue] {
        var metadata = given ?? [:]
        if let warning = version.deprecationWarning { metadata["warnings"] = [.string(warning)] }
        return metadata
    }

    private static func version(_ releaseID: String?, _ versionID: String?) throws -> String {
        guard let reference = releaseID ?? versionID else {
            throw CatapultError.unprocessable([.missing(anyOf: ["release_id", "version_id"])])
        }
        return reference
    }

    private static func record(_ call: ExecuteDeployment) -> CreateDeployment {
        CreateDeployment(
            releaseID: call.releaseID, versionID: call.versionID, environment: call.environment, name: call.name, metadata: call.metadata,
            replicas: call.replicas)
    }

    // MARK: Changing

    func scale(_ call: ScaleDeployment, _ context: CallContext) async throws -> Deployment {
        let before = try await local(call.deploymentID, "scaled", context)
        if call.replicas > before.replicas { try await planner.requireEngine() }
        let inventory = before.gpuCount > 0 ? await planner.gpus() : GPUInventory(gpus: [])
        return try await change(call.deploymentID, context, details: ["replicas": .int(Int64(call.replicas))]) {
            deployment, operationID, connection in
            switch deployment.status {
            case .running, .deploying, .pending, .failed: break
            default: throw Self.notRunning(deployment, hint: "Start it first with `mcp start \(deployment.name)`.")
            }
            if call.replicas > deployment.replicas {
                try DeploymentPlanner.checkGPUs(
                    perReplica: deployment.gpuCount, replicas: call.replicas, inventory: inventory, except: deployment.id, in: connection)
            }
            try ReplicaStore.forgive(deployment.id, in: connection)
            let isMore = call.replicas > deployment.replicas || deployment.status != .running
            try DeploymentStore.wish(
                deployment.id, .running, status: deployment.status == .pending ? .pending : isMore ? .deploying : .running,
                replicas: call.replicas, operationID: operationID, in: connection)
            try Self.enqueue(operationID, deployment.id, "scale \(deployment.name) to \(call.replicas)", context, in: connection)
        }
    }

    func start(_ call: StartDeployment, _ context: CallContext) async throws -> Deployment {
        let before = try await local(call.deploymentID, "started", context)
        try Self.requireStartable(before)
        try await planner.requireEngine()
        let inventory = before.gpuCount > 0 ? await planner.gpus() : GPUInventory(gpus: [])
        let deployment = try await change(call.deploymentID, context) { deployment, operationID, connection in
            try Self.requireStartable(deployment)
            try DeploymentPlanner.checkGPUs(
                perReplica: deployment.gpuCount, replicas: deployment.replicas, inventory: inventory, except: deployment.id, in: connection)
            try ReplicaStore.forgive(deployment.id, in: connection)
            try provideImage(deployment, operationID, context, in: connection)
            try DeploymentStore.wish(
                deployment.id, .running, status: deployment.imageDigest == nil ? .pending : .deploying, operationID: operationID,
                in: connection)
            try Self.enqueue(operationID, deployment.id, "start \(deployment.name)", context, in: connection)
        }
        if before.imageDigest == nil { planner.images.wake() }
        return deployment
    }

    private static func requireStartable(_ deployment: Deployment) throws {
        switch deployment.status {
        case .stopped, .failed, .stopping: break
        default:
            throw CatapultError(
                status: 400, code: "deployment_already_running", type: "DeploymentAlreadyRunningError",
                message: "Deployment is already running: \(deployment.name) is \(deployment.status.rawValue)",
                hint: "Restart it with `mcp restart \(deployment.name)`, or stop it first.", details: identity(deployment))
        }
    }

    /// One whose build failed gets an image now: the newest of its version, or a new build.
    private func provideImage(
        _ deployment: Deployment, _ operationID: String, _ context: CallContext, in connection: any SQLConnection
    ) throws {
        guard deployment.imageDigest == nil else { return }
        let version = try VersionStore.resolve(deployment.versionID, for: .everything, in: connection)
        if let build = try planner.images.newestImage(ofVersion: version.id, in: connection), let digest = build.imageDigest {
            try DeploymentStore.setImage(
                of: deployment.id, tag: build.imageTag, digest: digest, buildID: build.id, template: planner.images.template(of: build),
                in: connection)
        } else {
            let image = try buildImage(version, for: operationID, context, in: connection)
            try DeploymentStore.awaitBuild(image.build?.id, tag: image.tag, of: deployment.id, in: connection)
        }
    }

    func stop(_ call: StopDeployment, _ context: CallContext) async throws -> Deployment {
        _ = try await local(call.deploymentID, "stopped", context)
        return try await change(call.deploymentID, context) { deployment, _, connection in
            switch deployment.status {
            case .running, .deploying, .pending, .failed: break
            default: throw Self.notRunning(deployment, hint: "See how it is with `mcp status --deployment \(deployment.name)`.")
            }
            try DeploymentStore.wish(deployment.id, .stopped, status: .stopping, in: connection)
        }
    }

    func restart(_ call: RestartDeployment, _ context: CallContext) async throws -> Deployment {
        let before = try await local(call.deploymentID, "restarted", context)
        try await planner.requireEngine()
        let inventory = before.gpuCount > 0 ? await planner.gpus() : GPUInventory(gpus: [])
        return try await change(call.deploymentID, context) { deployment, operationID, connection in
            switch deployment.status {
            case .running, .stopped, .failed: break
            default: throw Self.notRunning(deployment, hint: "Wait until it is running, or stop it.")
            }
            guard deployment.imageDigest != nil else {
                throw Self.notRunning(deployment, hint: "It never had an image: start it with `mcp start \(deployment.name)`.")
            }
            try DeploymentPlanner.checkGPUs(
                perReplica: deployment.gpuCount, replicas: deployment.replicas, inventory: inventory, except: deployment.id, in: connection)
            try DeploymentStore.wish(
                deployment.id, .running, status: .deploying, newGeneration: true, operationID: operationID, in: connection)
            try Self.enqueue(operationID, deployment.id, "restart \(deployment.name)", context, in: connection)
        }
    }

    /// Deletes a deployment, and waits a while for its containers to be gone. Those that take longer go all the same.
    func delete(_ call: DeleteDeployment, _ context: CallContext) async throws -> Deletion {
        let (id, isRecord) = try await database.write { connection in
            let deployment = try DeploymentStore.resolve(call.deploymentID, for: context.scope, in: connection)
            try AuditLog.record(context, id: deployment.id, details: ["name": .string(deployment.name)], in: connection)
            let isRecord = deployment.deploymentType != .local
            if isRecord {
                try DeploymentStore.delete(deployment.id, in: connection)
            } else {
                try DeploymentStore.wish(deployment.id, .deleted, status: .stopping, in: connection)
            }
            return (deployment.id, isRecord)
        }
        if isRecord { return Deletion(deletedID: id) }
        let changes = signals.subscribe(DeploymentController.stateName(id))
        signals.notify(id)
        let deadline = ContinuousClock.now + deletePatience
        while try await database.read({ try $0.exists("SELECT 1 FROM deployments WHERE id = \(id)") }), ContinuousClock.now < deadline {
            _ = try await ChangeSignals.next(changes, within: deadline - .now)
        }
        return Deletion(deletedID: id)
    }

    // MARK: Parts

    /// The deployment, if Catapult runs it.
    private func local(_ reference: String, _ participle: String, _ context: CallContext) async throws -> Deployment {
        let deployment = try await database.read { try DeploymentStore.resolve(reference, for: context.scope, in: $0) }
        guard deployment.deploymentType == .local else {
            throw CatapultError.invalid(
                field: "deployment_type", "\(deployment.name) is only a record of what runs elsewhere, so it cannot be \(participle)",
                hint: "Deploy the version on this host with `mcp deploy`.")
        }
        return deployment
    }

    /// Changes a deployment in one transaction with its audit row, then wakes those who carry it out.
    private func change(
        _ reference: String, _ context: CallContext, details: [String: JSONValue] = [:],
        _ body: @Sendable (Deployment, String, any SQLConnection) throws -> Void
    ) async throws -> Deployment {
        let deployment = try await database.write { connection in
            let deployment = try DeploymentStore.resolve(reference, for: context.scope, in: connection)
            if try DeploymentStore.row(deployment.id, in: connection)?.wish.wanted == .deleted {
                throw CatapultError.conflict(
                    "being_deleted", "\(deployment.name) is being deleted.", hint: "Wait until it is gone, then deploy anew.")
            }
            try body(deployment, Identifier.make(), connection)
            try Self.audit(deployment, context, details, in: connection)
            return try DeploymentStore.resolve(deployment.id, for: .everything, in: connection)
        }
        signals.notify(deployment.id)
        runner.wake(.deploy)
        return deployment
    }

    private static func enqueue(
        _ operationID: String, _ id: String, _ message: String, _ context: CallContext, in connection: any SQLConnection
    ) throws {
        try OperationStore.insert(
            id: operationID, kind: .deploy, subject: .deployment, subjectID: id, message: message, parentID: nil,
            createdBy: context.caller?.name, in: connection)
    }

    private static func audit(
        _ deployment: Deployment, _ context: CallContext, _ details: [String: JSONValue] = [:], in connection: any SQLConnection
    ) throws {
        let known: [String: JSONValue] = [
            "name": .string(deployment.name), "model": .string(deployment.modelName), "version": .string(deployment.version),
            "environment": .string(deployment.environment),
        ]
        try AuditLog.record(context, id: deployment.id, details: known.merging(details) { $1 }, in: connection)
    }

    private static func identity(_ deployment: Deployment) -> [String: JSONValue] {
        ["deployment_id": .string(deployment.id), "current_status": .string(deployment.status.rawValue)]
    }

    private static func notRunning(_ deployment: Deployment, hint: String) -> CatapultError {
        CatapultError(
            status: 400, code: "deployment_not_running", type: "DeploymentNotRunningError",
            message: "Deployment is not running: \(deployment.name) is \(deployment.status.rawValue)", hint: hint,
            details: identity(deployment))
    }
}
