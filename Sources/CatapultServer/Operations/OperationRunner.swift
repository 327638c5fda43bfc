import CatapultAPI
import Logging
import NIOConcurrencyHelpers
import SQLDatabase
import ServiceLifecycle

/// Runs operations: takes them from the queue under a lease, renews it while they run, and brings each to an end or back into the queue.
///
/// Several servers take from one queue. Work whose lease cannot be renewed is stopped before another server may take it, and what a server
/// says of an attempt that is no longer its own has no effect.
final class OperationRunner: Service {
    /// How long a worker may be silent before another may take its operation.
    static let lease = Duration.seconds(30)
    /// How long before the end of its lease work stops that could not renew it.
    private static let safety = Duration.seconds(5)
    /// After so many starts without an end an operation fails: something in it brings the server down.
    static let maximumAttempts = 3

    /// Between two attempts to write down how an operation ended, to a database that does not answer.
    private static let pause = Duration.seconds(1)

    /// An attempt that runs here.
    private struct Running {
        var work: Task<Void, Never>
        /// When it has to stop unless its lease is renewed.
        var end: ContinuousClock.Instant
    }

    /// What is left to do when the work of an attempt is over.
    private enum Ending {
        /// It has come to its end.
        case ended(OperationOutcome)
        /// It goes back to the queue: this server stops, or does not lead any more.
        case givenBack
        /// It goes back to the queue, and the attempt counts: the database was away.
        case cutOff
    }

    private let database: Database
    private let signals: ChangeSignals
    private let logs: SharedLogs
    private let leader: Leader
    private let logger: Logger
    private let handlers: [OperationKind: any OperationHandler]
    private let running = NIOLockedValueBox<[String: Running]>([:])

    init(
        database: Database, signals: ChangeSignals, logs: SharedLogs, leader: Leader, handlers: [any OperationHandler], logger: Logger
    ) {
        self.database = database
        self.signals = signals
        self.logs = logs
        self.leader = leader
        self.logger = logger
        self.handlers = Dictionary(uniqueKeysWithValues: handlers.map { (type(of: $0).kind, $0) })
    }

    private var owner: String { leader.server.id }
    /// Whether another server could take what this one has.
    private var hasRivals: Bool { database.dialect == .postgresql }

    /// The name under which the arrival of an operation of a kind is signalled.
    static func queueName(_ kind: OperationKind) -> String { "queue:\(kind.rawValue)" }
    /// The name under which the wish to stop an operation is signalled.
    private static func cancelName(_ id: String) -> String { "cancel:\(id)" }

    /// Works until the server stops; then gives what it has not finished back to the queue.
    func run() async throws {
        if !hasRivals { try await database.write { try OperationStore.releaseAll(in: $0) } }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for handler in self.handlers.values {
                    group.addTask {
                        switch handler.place {
                        case .anyServer: await self.work(handler)
                        case .leader: await self.leader.whileLeading { await self.work(handler) }
                        }
                    }
                }
                group.addTask { await self.renewLeases() }
            }
        }
    }

    /// Takes operations of a kind and does as many at the same time as the handler allows.
    private func work(_ handler: any OperationHandler) async {
        let kind = type(of: handler).kind
        let arrivals = signals.subscribe(Self.queueName(kind))
        let busy = NIOLockedValueBox(0)
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do {
                    let asked = ContinuousClock.now
                    guard busy.withLockedValue({ $0 < handler.concurrency }), let operation = try await claim(kind) else {
                        // The end of another server's lease raises no signal, so look again now and then.
                        _ = try await ChangeSignals.next(arrivals, within: hasRivals ? Self.lease / 6 : Self.lease)
                        continue
                    }
                    busy.withLockedValue { $0 += 1 }
                    group.addTask {
                        await self.run(operation, handler, until: asked + Self.lease - Self.safety)
                        busy.withLockedValue { $0 -= 1 }
                        self.signals.notifyHere(Self.queueName(kind))
                    }
                } catch is CancellationError {
                    break
                } catch {
                    logger.error("cannot take operations from the queue", metadata: ["kind": "\(kind.rawValue)", "error": "\(error)"])
                    try? await Task.sleep(for: Self.pause)
                }
            }
            group.cancelAll()
        }
    }

    /// Looks before it asks for the lock that all writes share: as a rule nothing waits.
    private func claim(_ kind: OperationKind) async throws -> Operation? {
        guard try await database.read({ try OperationStore.next(kind, in: $0) }) != nil else { return nil }
        return try await database.write { [owner] in try OperationStore.claim(kind, owner: owner, lease: Self.lease, in: $0) }
    }

    private func run(_ operation: Operation, _ handler: any OperationHandler, until end: ContinuousClock.Instant) async {
        let cancellations = signals.subscribe(Self.cancelName(operation.id))
        signals.notify(operation.id)
        let work = Task { [self] in
            let log = await logs.begin(operation.id)
            let run = OperationRun(operation: operation, owner: owner, log: log, database: database, signals: signals)
            var ending: Ending
            do {
                guard operation.attempts <= Self.maximumAttempts else { throw Self.interrupted }
                if operation.cancelRequested { throw CancellationError() }
                if operation.attempts > 1 { log.append("-- attempt \(operation.attempts): the server that was at it is gone\n") }
                ending = .ended(.succeeded(try await handler.run(run)))
            } catch {
                ending = await self.ending(of: operation, after: error)
            }
            await self.end(operation, ending, handler)
        }
        running.withLockedValue { $0[operation.id] = Running(work: work, end: end) }
        let watches = [
            Task { [self] in await stopWhenCancelled(operation.id, work, cancellations) },
            Task { [self] in if hasRivals { await stopAtEndOfLease(operation.id, work) } },
        ]
        await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        for watch in watches { watch.cancel() }
        running.withLockedValue { $0[operation.id] = nil }
    }

    // MARK: Ends

    private static let interrupted = CatapultError(
        status: 500, code: "interrupted", type: "OperationInterruptedError",
        message: "Given up after \(maximumAttempts) attempts, each cut short by an end of the server.",
        hint: "Look at the server's log for the cause, then ask for it again.")

    private func ending(of operation: Operation, after error: any Error) async -> Ending {
        if error is OperationLost { return .givenBack }
        if await isCancelRequested(operation.id) { return .ended(.cancelled) }
        if error is CancellationError { return .givenBack }
        // The work is as good as before; it goes on when the database is back.
        if hasRivals, (error as? DatabaseError)?.isPassing == true { return .cutOff }
        let mapped = ErrorMapping.catapultError(for: error, requestID: operation.id)
        if mapped.status == 500, !(error is CatapultError) {
            logger.error("operation failed", metadata: ["operation": "\(operation.id)", "error": "\(error)"])
        }
        return .ended(.failed(mapped))
    }

    private func isCancelRequested(_ id: String) async -> Bool {
        let operation = try? await shielded { [database] in try await database.read { try OperationStore.find(id, in: $0) } }
        return operation?.cancelRequested == true
    }

    private func end(_ operation: Operation, _ ending: Ending, _ handler: any OperationHandler) async {
        var isOurs = true
        do {
            switch ending {
            case .ended(let outcome):
                isOurs = try await record(outcome, of: operation, handler)
                logger.info(
                    isOurs
                        ? "operation \(outcome.state.rawValue)" : "operation was taken by another server; what came of it here is dropped",
                    metadata: ["operation": "\(operation.id)", "kind": "\(operation.kind.rawValue)", "message": "\(outcome.message)"])
            case .givenBack, .cutOff:
                let counts = if case .cutOff = ending { true } else { false }
                let owner = owner
                isOurs = try await shielded { [database] in
                    try await database.write { try OperationStore.release(operation, owner: owner, counts: counts, in: $0) }
                }
                logger.info(
                    isOurs ? "operation goes back to the queue" : "operation was taken by another server",
                    metadata: ["operation": "\(operation.id)", "kind": "\(operation.kind.rawValue)"])
            }
        } catch {
            // The lease runs out and the operation is taken again: its end is not lost, only late.
            logger.error("cannot record the end of an operation", metadata: ["operation": "\(operation.id)", "error": "\(error)"])
        }
        await logs.end(operation.id, isOurs: isOurs)
        signals.notify(operation.id)
        signals.notify(operation.subjectID)
        if case .ended = ending {} else { wake(operation.kind) }
    }

    /// Writes down how an operation ended: at once, or as soon as a database that is away is back, for as long as nobody else may have taken it.
    ///
    /// - Returns: false where another server has taken it meanwhile; nothing was written then.
    private func record(_ outcome: OperationOutcome, of operation: Operation, _ handler: any OperationHandler) async throws -> Bool {
        let owner = owner
        while true {
            do {
                return try await shielded { [database] in
                    try await database.write { connection in
                        guard try OperationStore.finish(operation, outcome, owner: owner, in: connection) else { return false }
                        try handler.finish(operation, outcome, in: connection)
                        try Self.audit(operation, outcome, in: connection)
                        return true
                    }
                }
            } catch let error as DatabaseError where error.isPassing && hasRivals {
                let end = running.withLockedValue { $0[operation.id]?.end }
                guard let end, end > .now else { throw error }
                try await shielded { try await Task.sleep(for: Self.pause) }
            }
        }
    }

    /// Notes how work ended that somebody asked for: the change is the server's, the wish was theirs.
    private static func audit(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {
        guard let subject = ResourceKind(rawValue: operation.subjectType) else { return }
        let ended: AuditOutcome =
            switch outcome {
            case .succeeded: .succeeded
            case .failed: .failed
            case .cancelled: .cancelled
            }
        try AuditLog.recordSystem(
            AuditAction("finish_\(operation.kind.rawValue)", subject), id: operation.subjectID, outcome: ended,
            details: [
                "operation_id": .string(operation.id), "initiator": operation.createdBy.map(JSONValue.string) ?? .null,
                "message": .string(String(outcome.message.prefix(500))),
            ], in: connection)
    }

    // MARK: Leases

    private func renewLeases() async {
        while (try? await Task.sleep(for: Self.lease / 3)) != nil {
            let ids = running.withLockedValue { Array($0.keys) }
            guard !ids.isEmpty else { continue }
            let (owner, asked) = (owner, ContinuousClock.now)
            do {
                let held = try await database.write { try OperationStore.renew(ids, owner: owner, lease: Self.lease, in: $0) }
                running.withLockedValue { running in
                    for id in held.map(\.id) { running[id]?.end = asked + Self.lease - Self.safety }
                    for id in Set(ids).subtracting(held.map(\.id)) { running[id]?.work.cancel() }
                    for operation in held where operation.cancelRequested { running[operation.id]?.work.cancel() }
                }
            } catch {
                logger.warning("cannot renew leases", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Stops work whose lease was not renewed in time, before another server may begin with it.
    private func stopAtEndOfLease(_ id: String, _ work: Task<Void, Never>) async {
        while let end = running.withLockedValue({ $0[id]?.end }) {
            if end <= .now {
                logger.warning("the lease of an operation was not renewed; it is left to another server", metadata: ["operation": "\(id)"])
                return work.cancel()
            }
            guard (try? await Task.sleep(until: end)) != nil else { return }
        }
    }

    /// Stops work when somebody wishes so. A signal is no more than a reason to look.
    private func stopWhenCancelled(_ id: String, _ work: Task<Void, Never>, _ cancellations: ChangeSignals.Subscription) async {
        for await _ in cancellations where await isCancelRequested(id) { work.cancel() }
    }

    // MARK: Cancelling

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

    /// The second half of `cancel`, after its transaction: stops the work, on whichever server it runs, and wakes those who wait.
    func didCancel(_ operation: Operation) {
        signals.notify(Self.cancelName(operation.id))
        if operation.state.isTerminal { logs.files.finish(operation.id) }
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
