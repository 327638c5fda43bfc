import CatapultAPI
import SQLDatabase

/// The rules of operations as clients see them.
struct OperationService: Sendable {
    let database: Database
    let runner: OperationRunner
    let signals: ChangeSignals
    let logs: SharedLogs

    func list(_ call: ListOperations, _ context: CallContext) async throws -> Page<Operation> {
        try await database.read { try OperationStore.list(call, for: context.scope, in: $0) }
    }

    /// An operation; with `wait`, once its row has changed or the time is up.
    func get(_ call: GetOperation, _ context: CallContext) async throws -> Operation {
        let changes = signals.subscribe(call.operationID)
        let before = try await find(call.operationID, context)
        guard let seconds = call.wait, seconds > 0, !before.state.isTerminal else { return before }
        _ = try await ChangeSignals.next(changes, within: .seconds(seconds))
        return try await find(call.operationID, context)
    }

    func cancel(_ call: CancelOperation, _ context: CallContext) async throws -> Operation {
        let operation = try await database.write { [runner] connection in
            let found = try OperationStore.resolve(call.operationID, for: context.scope, in: connection)
            let operation = try runner.cancel(found.id, in: connection)
            try AuditLog.record(context, id: operation.id, details: ["kind": .string(operation.kind.rawValue)], in: connection)
            return operation
        }
        runner.didCancel(operation)
        return operation
    }

    func log(_ call: GetOperationLogs, _ context: CallContext) async throws -> LogText {
        let operation = try await find(call.operationID, context)
        return LogText(logs: try await logs.text(operation.id))
    }

    private func find(_ id: String, _ context: CallContext) async throws -> Operation {
        try await database.read { try OperationStore.resolve(id, for: context.scope, in: $0) }
    }
}
