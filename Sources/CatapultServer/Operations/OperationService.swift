import CatapultAPI
import SQLDatabase

/// The rules of operations as clients see them.
struct OperationService: Sendable {
    let database: Database
    let runner: OperationRunner
    let signals: ChangeSignals
    let logs: LogFiles

    func list(_ call: ListOperations) async throws -> Page<Operation> {
        try await database.read { try OperationStore.list(call, in: $0) }
    }

    /// An operation; with `wait`, once its row has changed or the time is up.
    func get(_ call: GetOperation) async throws -> Operation {
        let changes = signals.subscribe(call.operationID)
        let before = try await find(call.operationID)
        guard let seconds = call.wait, seconds > 0, !before.state.isTerminal else { return before }
        _ = try await ChangeSignals.next(changes, within: .seconds(seconds))
        return try await find(call.operationID)
    }

    func cancel(_ call: CancelOperation, _ context: CallContext) async throws -> Operation {
        let operation = try await database.write { [runner] connection in
            let operation = try runner.cancel(call.operationID, in: connection)
            try AuditLog.record(context, id: operation.id, details: ["kind": .string(operation.kind.rawValue)], in: connection)
            return operation
        }
        runner.didCancel(operation)
        return operation
    }

    func log(_ call: GetOperationLogs) async throws -> LogText {
        let operation = try await find(call.operationID)
        return LogText(logs: logs.text(operation.id))
    }

    private func find(_ id: String) async throws -> Operation {
        guard let operation = try await database.read({ try OperationStore.find(id, in: $0) }) else {
            throw CatapultError.notFound(.operation, id)
        }
        return operation
    }
}
