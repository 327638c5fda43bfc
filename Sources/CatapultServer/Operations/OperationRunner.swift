import CatapultAPI
import Logging
import NIOConcurrencyHelpers
import SQLDatabase
import ServiceLifecycle

/// Runs operations: takes them from the queue under a lease, renews it while they run, and brings each to an end or back into the queue.
final class OperationRunner: Service {
    /// How long a worker may be silent before another may take its operation.
    static let lease = Duration.seconds(30)
    /// After so many starts without an end an operation fails: something in it brings the server down.
    static let maximumAttempts = 3

    private let database: Database
    private let signals: ChangeSignals
    private let logs: LogFiles
    private let logger: Logger
    private let owner = Identifier.make()
    private let handlers: [OperationKind: any OperationHandler]
    private let running = NIOLockedValueBox<[String: Task<Void, Never>]>([:])

    init(database: Database, signals: ChangeSignals, logs: LogFiles, handlers: [any OperationHandler], logger: Logger) {
        self.database = database
        self.signals = signals
        self.logs = logs
        self.logger = logger
        self.handlers = Dictionary(uniqueKeysWithValues: handlers.map { (type(of: $0).kind, $0) })
    }

    /// The name under which the arrival of an operation of a kind is signalled.
    static func queueName(_ kind: OperationKind) -> String { "queue:\(kind.rawValue)" }

    /// Works until the server stops; then gives what it has not finished back to the queue.
    func run() async throws {
        try await database.write { try OperationStore.releaseAll(in: $0) }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for handler in self.handlers.values {
                    for _ in 0..<handler.concurrency { group.addTask { await self.work(handler) } }
                }
                group.addTask { await self.renewLeases() }
            }
        }
    }

    private func work(_ handler: any OperationHandler) async {
        let kind = type(of: handler).kind
        let arrivals = signals.subscribe(Self.queueName(kind))
        while !Task.isCancelled {
            do {
                let owner = owner
                if let operation = try await database.write({ try OperationStore.claim(kind, owner: owner, lease: Self.lease, in: $0) }) {
                    await run(operation, handler)
                } else {
                    // Another server's lost lease raises no signal here, so look again now and then.
                    _ = try await ChangeSignals.next(arrivals, within: Self.lease)
                }
            } catch is CancellationError {
                return
            } catch {
                logger.error("cannot take operations from the queue", metadata: ["kind": "\(kind.rawValue)", "error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func run(_ operation: Operation, _ handler: any OperationHandler) async {
        let log = logs.file(operation.id)
        signals.notify(operation.id)
        let work = Task { [self] in
            let outcome: OperationOutcome?
            do {
                guard operation.attempts <= Self.maximumAttempts else {
                    throw CatapultError(
                        status: 500, code: "interrupted", type: "OperationInterruptedError",
                        message: "Given up after \(Self.maximumAttempts) attempts, each cut short by an end of the server.",
                        hint: "Look at the server's log for the cause, then ask for it again.")
                }
                if operation.cancelRequested { throw CancellationError() }
                if operation.attempts > 1 { log.append("-- the server was started again: attempt \(operation.attempts)\n") }
                outcome = .succeeded(
                    try await handler.run(OperationRun(operation: operation, log: log, database: database, signals: signals)))
            } catch {
                outcome = await self.outcome(of: operation, after: error)
            }
            await self.end(operation, outcome, handler)
        }
        running.withLockedValue { $0[operation.id] = work }
        await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        running.withLockedValue { $0[operation.id] = nil }
    }

    /// Nil when the server stops and the operation should go on after its next start.
    private func outcome(of operation: Operation, after error: any Error) async -> OperationOutcome? {
        let cancelled =
            (try? await shielded { [database] in try await database.read { try OperationStore.find(operation.id, in: $0) } })??
            .cancelRequested == true
        if cancelled { return .cancelled }
        if error is CancellationError { return nil }
        let mapped = ErrorMapping.catapultError(for: error, requestID: operation.id)
        if mapped.status == 500, !(error is CatapultError) {
            logger.error("operation failed", metadata: ["operation": "\(operation.id)", "error": "\(error)"])
        }
        return .failed(mapped)
    }

    private func end(_ operation: Operation, _ outcome: OperationOutcome?, _ handler: any OperationHandler) async {
        do {
            try await shielded { [database] in
                try await database.write { connection in
                    guard let outcome else { return try OperationStore.release(operation.id, in: connection) }
                    try OperationStore.finish(operation.id, outcome, in: connection)
                    try handler.finish(operation, outcome, in: connection)
                }
            }
            logger.info(
                "operation \(outcome?.state.rawValue ?? "interrupted")",
                metadata: ["operation": "\(operation.id)", "kind": "\(operation.kind.rawValue)", "message": "\(outcome?.message ?? "")"])
        } catch {
            // The lease runs out and the operation is taken again: its end is not lost, only late.
            logger.error("cannot record the end of an operation", metadata: ["operation": "\(operation.id)", "error": "\(error)"])
        }
        if outcome != nil { logs.finish(operation.id) }
        signals.notify(operation.id)
        signals.notify(operation.subjectID)
    }

    private func renewLeases() async {
        while (try? await Task.sleep(for: Self.lease / 3)) != nil {
            let ids = running.withLockedValue { Array($0.keys) }
            guard !ids.isEmpty else { continue }
            let owner = owner
            do {
                try await database.write { try OperationStore.renew(ids, owner: owner, lease: Self.lease, in: $0) }
            } catch {
                logger.warning("cannot renew leases", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Cancels an operation: one that waits ends at once, one that runs is told to stop.
    func cancel(_ id: String, in connection: any SQLConnection) throws -> Operation {
        guard let operation = try OperationStore.find(id, in: connection) else { throw CatapultError.notFound(.operation, id) }
        guard !operation.state.isTerminal else { return operation }
        try OperationStore.requestCancel(id, in: connection)
        if operation.state == .pending {
            try OperationStore.finish(id, .cancelled, in: connection)
            try handlers[operation.kind]?.finish(operation, .cancelled, in: connection)
        }
        return try OperationStore.find(id, in: connection) ?? operation
    }

    /// The second half of `cancel`, after its transaction: stops the work and wakes those who wait.
    func didCancel(_ operation: Operation) {
        running.withLockedValue { $0[operation.id] }?.cancel()
        if operation.state.isTerminal { logs.finish(operation.id) }
        signals.notify(operation.id)
        signals.notify(operation.subjectID)
    }

    /// Tells the workers of a kind that there is something to do. To be called after the transaction that queued it.
    func wake(_ kind: OperationKind) { signals.notify(Self.queueName(kind)) }

    /// Runs work that must not be cut off by the cancellation of the task that asks for it.
    private func shielded<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Task { try await body() }.value
    }
}
