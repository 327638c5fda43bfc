import CatapultAPI
import SQLDatabase

/// The operation behind a deploy, start, restart or scale: waits for the image where one is built, then until the deployment is as wished.
///
/// The controller does the work; the operation watches. So a server that was killed goes on with both, each from what is stored.
struct DeployOperation: OperationHandler {
    static let kind = OperationKind.deploy

    let database: Database
    let signals: ChangeSignals
    let images: any ImageBuilding

    /// They only wait, some for as long as a model loads; one that has to queue says nothing of its deployment.
    var concurrency: Int { 16 }

    func run(_ run: OperationRun) async throws -> JSONValue {
        let id = run.operation.subjectID
        try await waitForImage(id, run)
        let changes = signals.subscribe(DeploymentController.stateName(id))
        let wishes = signals.subscribe(id)
        var told = ""
        while true {
            let (deployment, row, replicas) = try await look(id)
            try Self.checkWish(row)
            if deployment.status == .failed { throw Self.failure(deployment) }
            if deployment.status == .running, deployment.readyReplicas == deployment.replicas, replicas.count == deployment.replicas {
                run.log.append("\(deployment.name) runs: \(Self.count(deployment)) at \(deployment.endpointURL ?? "")\n")
                return [
                    "endpoint_url": deployment.endpointURL.map(JSONValue.string) ?? .null,
                    "ready_replicas": .int(Int64(deployment.readyReplicas)),
                ]
            }
            let message = Self.progress(deployment, replicas)
            if message != told {
                told = message
                run.log.append(message + "\n")
                try await run.progress(Double(deployment.readyReplicas) / Double(max(deployment.replicas, 1)), message)
            }
            _ = try await ChangeSignals.next(anyOf: [changes, wishes], within: .seconds(60))
        }
    }

    private func look(_ id: String) async throws -> (Deployment, DeploymentRow, [ReplicaRecord]) {
        try await database.read { connection in
            guard let row = try DeploymentStore.row(id, in: connection) else { throw Self.superseded("was deleted") }
            return (try DeploymentStore.resolve(id, for: .everything, in: connection), row, try ReplicaStore.list(of: id, in: connection))
        }
    }

    private static func checkWish(_ row: DeploymentRow) throws {
        switch row.wish.wanted {
        case .running: break
        case .stopped: throw superseded("was stopped before it was as wished")
        case .deleted: throw superseded("was deleted")
        }
    }

    // MARK: Image

    private func waitForImage(_ id: String, _ run: OperationRun) async throws {
        guard let buildID = try await look(id).1.pendingBuild else { return }
        let operationID = try await database.read { [images] in try images.build(buildID, for: .everything, in: $0).operationID }
        let changes = signals.subscribe(operationID)
        let wishes = signals.subscribe(id)
        try await run.progress(0, "waiting for the image to be built")
        run.log.append("waiting for build \(buildID)\n")
        while true {
            try Self.checkWish(try await look(id).1)
            let build = try await database.read { [images] in try images.build(buildID, for: .everything, in: $0) }
            switch build.status {
            case .pending, .building: _ = try await ChangeSignals.next(anyOf: [changes, wishes], within: .seconds(60))
            case .success:
                guard let digest = build.imageDigest else { throw Self.buildFailure(build, "it recorded no image") }
                try await run.write { [images] connection in
                    try DeploymentStore.setImage(
                        of: id, tag: build.imageTag, digest: digest, buildID: build.id, template: images.template(of: build), in: connection
                    )
                }
                run.log.append("built \(build.imageTag)\n")
                signals.notify(id)
                return
            case .failed: throw Self.buildFailure(build, build.errorMessage ?? "no reason was recorded")
            case .cancelled: throw Self.buildFailure(build, "it was cancelled")
            }
        }
    }

    // MARK: Ends

    /// What cannot be told from containers is written down here: a deployment that never got its image, and one whose deploy was cancelled.
    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {
        let id = operation.subjectID
        switch outcome {
        case .succeeded: break
        case .failed(let error): try DeploymentStore.setFailedBeforeStart(id, error.message, in: connection)
        case .cancelled:
            guard let row = try DeploymentStore.row(id, in: connection), row.wish.wanted == .running, row.operationID == operation.id else {
                return
            }
            try DeploymentStore.wish(id, .stopped, status: .stopping, in: connection)
        }
    }

    private static func superseded(_ what: String) -> CatapultError {
        .conflict("superseded", "The deployment \(what).", hint: "Start it again with `mcp start`, or deploy anew.")
    }

    private static func buildFailure(_ build: Build, _ reason: String) -> CatapultError {
        CatapultError(
            status: 500, code: "build_failed", type: "DeploymentExecutionError", message: "The image could not be built: \(reason)",
            hint: "Read the log with `mcp logs --build \(build.id)`, then deploy again.", details: ["build_id": .string(build.id)])
    }

    private static func failure(_ deployment: Deployment) -> CatapultError {
        let reason = deployment.error ?? "no reason was recorded"
        return CatapultError(
            status: 500, code: "deployment_failed", type: "DeploymentExecutionError", message: "\(deployment.name) failed: \(reason)",
            hint: "Read the output with `mcp logs \(deployment.name)`. Then `mcp restart`, scale or delete it.",
            details: ["deployment_id": .string(deployment.id), "reason": .string(reason)])
    }

    // MARK: Words

    private static func count(_ deployment: Deployment) -> String { "\(deployment.readyReplicas) of \(deployment.replicas) ready" }

    private static func progress(_ deployment: Deployment, _ replicas: [ReplicaRecord]) -> String {
        let waiting = replicas.filter { $0.state != .ready }.map { "replica \($0.number) \(words(for: $0))" }
        return ([count(deployment)] + waiting.prefix(5)).joined(separator: ", ") + (waiting.count > 5 ? ", …" : "")
    }

    private static func words(for replica: ReplicaRecord) -> String {
        switch replica.state {
        case .pending: "is being made"
        case .starting: "loads"
        case .ready: "is ready"
        case .unhealthy: "does not answer"
        case .backoff: "waits to be started again: \(replica.error ?? "it ended")"
        case .draining: "finishes its requests"
        case .stopped: "is stopped"
        case .failed: "failed"
        }
    }
}

extension DeploymentRow {
    /// The build that the deployment waits for.
    var pendingBuild: String? { wish.hasImage ? nil : buildID }
}
