import CatapultAPI
import Logging
import SQLDatabase
import ServiceLifecycle

/// What a sync was asked to do.
struct SyncInput: Codable, Sendable {
    var dryRun: Bool
    /// Whether an empty directory is taken at its word.
    var allowEmpty: Bool?
}

/// The rules of syncs: one at a time, on all servers together.
struct SyncService: Sendable {
    let database: Database
    let wake: @Sendable (OperationKind) -> Void

    /// Queues a sync, or gives the one that waits or runs already.
    func start(_ call: SyncStorage, _ context: CallContext) async throws -> Operation {
        guard context.scope.isEverything else {
            throw CatapultError(
                status: 403, code: "outside_scope", type: "AuthorizationError",
                message: "A sync concerns all models, and this key does not",
                hint: "Ask with a key that is not limited to some models or environments.")
        }
        let dryRun = call.dryRun ?? false
        let operation: Operation? = try await database.write { connection in
            if let open = try SyncStore.open(in: connection) {
                let input = try WireDecoder.decode(SyncInput.self, from: OperationStore.input(of: open.id, in: connection))
                if input.dryRun == dryRun, input.allowEmpty == call.allowEmpty { return open }
                throw CatapultError.conflict(
                    "sync_running", "A \(input.dryRun ? "dry run" : "sync") is under way",
                    hint: "Follow it with `mcp operation follow \(open.id)`.",
                    details: ["operation_id": .string(open.id)])
            }
            let operation = try Self.enqueue(
                SyncInput(dryRun: dryRun, allowEmpty: call.allowEmpty), createdBy: context.caller?.name, in: connection)
            try AuditLog.record(
                context, id: nil, details: ["dry_run": .bool(dryRun), "operation_id": .string(operation?.id ?? "")], in: connection)
            return operation
        }
        wake(.sync)
        guard let operation else { throw CatapultError.internalError(requestID: context.requestID) }
        return operation
    }

    static func enqueue(_ input: SyncInput, createdBy: String?, in connection: any SQLConnection) throws -> Operation? {
        let id = Identifier.make()
        try OperationStore.insert(
            id: id, kind: .sync, subject: .storage, subjectID: "models", input: input, message: "waiting for a worker",
            parentID: nil, createdBy: createdBy, in: connection)
        return try OperationStore.find(id, in: connection)
    }
}

/// Asks for a sync at the start of the server and from then on at intervals. Of several servers on one database whichever comes first asks.
struct SyncSchedule: Service {
    let database: Database
    let interval: Duration
    let wake: @Sendable (OperationKind) -> Void
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            repeat {
                do {
                    let interval = interval
                    let isDue = try await database.write { connection in
                        let last = try SyncStore.lastAsked(in: connection)
                        guard try SyncStore.open(in: connection) == nil, last.map({ $0 + interval <= .now }) ?? true else { return false }
                        _ = try SyncService.enqueue(SyncInput(dryRun: false), createdBy: nil, in: connection)
                        return true
                    }
                    if isDue { wake(.sync) }
                } catch {
                    logger.warning("cannot ask for a sync", metadata: ["error": "\(error)"])
                }
            } while (try? await Task.sleep(for: interval)) != nil
        }
    }
}
