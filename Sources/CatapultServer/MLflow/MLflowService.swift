import CatapultAPI
import SQLDatabase

/// The bridge to MLflow: asks it about the page that a version names, and keeps the answer in the version's metadata.
struct MLflowService: Sendable {
    /// Bytes of an answer; a run with thousands of metrics has some MiB.
    static let answerLimit = 16 << 20

    let database: Database
    let client: OutgoingClient

    /// What was fetched last.
    func get(_ call: GetMLflowMetadata, _ context: CallContext) async throws -> MLflowMetadata {
        let version = try await database.read { try VersionStore.resolve(call.versionID, for: context.scope, in: $0) }
        guard let url = version.mlflowURL, !url.isEmpty else { throw Self.withoutURL(version) }
        // What was kept of another page, which the version named before, says nothing of this one.
        guard let stored = version.metadata["mlflow"], let metadata = try? WireDecoder.decode(MLflowMetadata.self, from: stored),
            metadata.url == url
        else {
            throw CatapultError.invalid(
                field: "mlflow_metadata", "MLflow has not been asked about \(version.modelName):\(version.version) yet",
                hint:
                    "Ask with `mcp version mlflow \(version.modelName):\(version.version) --sync`, and look at its operations for earlier failures."
            )
        }
        return metadata
    }

    /// Fetches and stores.
    func sync(_ call: SyncMLflowMetadata, _ context: CallContext) async throws -> MLflowMetadata {
        let version = try await database.read { try VersionStore.resolve(call.versionID, for: context.scope, in: $0) }
        return try await sync(version) { connection in
            try AuditLog.record(context, id: version.id, details: ["mlflow_url": .string(version.mlflowURL ?? "")], in: connection)
        }
    }

    /// Fetches what MLflow says of a version, and stores it unless the version names another page by then.
    func sync(_ version: Version, record: @escaping @Sendable (any SQLConnection) throws -> Void = { _ in }) async throws -> MLflowMetadata
    {
        guard let url = version.mlflowURL, !url.isEmpty else { throw Self.withoutURL(version) }
        let metadata = try await fetch(url)
        let json = try JSONParser.parse(WireEncoder.encode(metadata))
        try await database.write { connection in
            guard var current = try VersionStore.find(version.id, in: connection), current.mlflowURL == url else { return }
            current.metadata["mlflow"] = json
            try VersionStore.update(current, in: connection)
            try record(connection)
        }
        return metadata
    }

    /// Queues a fetch for a version that names a page, in the transaction that made it name it.
    static func enqueue(for version: Version, _ context: CallContext, in connection: any SQLConnection) throws {
        guard let url = version.mlflowURL, !url.isEmpty else { return }
        try OperationStore.insert(
            id: Identifier.make(), kind: .mlflow, subject: .version, subjectID: version.id, message: "waiting for a worker", parentID: nil,
            createdBy: context.caller?.name, in: connection)
    }

    private func fetch(_ url: String) async throws -> MLflowMetadata {
        let address = try MLflowAddress(url)
        let request = OutgoingClient.Request(url: address.request, headers: ["Accept": "application/json"])
        let limit = Self.answerLimit
        let (status, body) = try await Self.mappingProblems {
            try await client.send(request) { answer in
                // What an answer other than 200 and 404 says is nobody's business but MLflow's.
                (answer.status, answer.status == 200 ? try await answer.bytes(limit: limit) : [])
            }
        }
        switch status {
        case 200: break
        case 404: throw Self.missing(url, address)
        default: throw Self.unavailable("it answered with status \(status)")
        }
        guard let json = try? JSONParser.parse(body) else { throw Self.unavailable("its answer is not JSON") }
        guard let metadata = MLflowAnswer.metadata(json, of: address, url: url, at: .now) else {
            throw Self.unavailable("its answer does not describe the \(address.resource.type)")
        }
        return metadata
    }

    private static func mappingProblems<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let refusal as OutgoingPolicy.Refusal {
            throw CatapultError.invalid(field: "mlflow_url", "The MLflow address \(refusal.reason)", hint: refusal.hint)
        } catch let problem as OutgoingProblem {
            throw unavailable(problem.reason)
        }
    }

    private static func withoutURL(_ version: Version) -> CatapultError {
        .invalid(
            field: "mlflow_url", "\(version.modelName):\(version.version) names no MLflow page",
            hint: "Set mlflow_url of the version to the address of a run, experiment or model in MLflow.")
    }

    private static func missing(_ url: String, _ address: MLflowAddress) -> CatapultError {
        .invalid(
            field: "mlflow_url", "MLflow does not know the \(address.resource.type.replacing("_", with: " ")) of \(url.prefix(200))",
            hint: "Open the address in a browser: it may have been deleted, or belong to another MLflow server.")
    }

    private static func unavailable(_ reason: String) -> CatapultError {
        .unavailable(
            "MLflow", reason, hint: "Check that the MLflow server runs and that this server may reach it, then try again.", retryAfter: 30)
    }
}

/// The fetch that follows a change of a version's `mlflow_url`.
struct MLflowOperation: OperationHandler {
    static let kind = OperationKind.mlflow
    let concurrency = 2
    let database: Database
    let service: MLflowService

    func run(_ run: OperationRun) async throws -> JSONValue {
        let id = run.operation.subjectID
        guard let version = try await database.read({ try VersionStore.find(id, in: $0) }) else {
            throw CatapultError.notFound(.version, id)
        }
        try await run.progress(0.1, "asking MLflow")
        let metadata = try await service.sync(version, record: { try run.check(in: $0) })
        run.log.append("-- \(metadata.resourceType.rawValue) of \(metadata.url)\n")
        return ["resource_type": .string(metadata.resourceType.rawValue)]
    }

    /// What was fetched is stored with the fetch itself.
    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {}
}

/// Binds the calls on MLflow's metadata.
enum MLflowRoutes {
    static func register(_ routes: CallRoutes, _ service: MLflowService) {
        routes.handle(GetMLflowMetadata.self) { try await service.get($0, $1) }
        routes.handle(SyncMLflowMetadata.self) { try await service.sync($0, $1) }
    }
}
