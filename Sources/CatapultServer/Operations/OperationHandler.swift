import CatapultAPI
import SQLDatabase

/// The work behind one kind of operation.
///
/// A handler may be started again after a crash of the server, so `run` must find what an earlier attempt left and go on from there. What it
/// writes meanwhile it writes with ``OperationRun/write(_:)``, which refuses a server whose operation another has taken over.
protocol OperationHandler: Sendable {
    /// The kind that it does.
    static var kind: OperationKind { get }
    /// How many of the kind run at the same time on one server.
    var concurrency: Int { get }
    /// Where several servers share a database: which of them does the work.
    var place: OperationPlace { get }
    /// Does the work. The task is cancelled when somebody cancels the operation, and when the server stops.
    func run(_ run: OperationRun) async throws -> JSONValue
    /// What else changes with the end of the operation, in the same transaction: the state of the thing that it worked on.
    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws
}

extension OperationHandler {
    var place: OperationPlace { .anyServer }
}

/// Which of several servers does the work of a kind.
enum OperationPlace: Sendable {
    /// The next one that is free: the work needs what all share, database and storage.
    case anyServer
    /// The one that leads: the work needs its container engine.
    case leader
}

/// One attempt at an operation, as its handler sees it.
struct OperationRun: Sendable {
    /// The operation as it was when this attempt began.
    let operation: Operation
    /// The operation's log.
    let log: LogFile
    private let owner: String
    private let database: Database
    private let signals: ChangeSignals

    /// - Parameter owner: the worker that holds the lease.
    init(operation: Operation, owner: String, log: LogFile, database: Database, signals: ChangeSignals) {
        self.operation = operation
        self.owner = owner
        self.log = log
        self.database = database
        self.signals = signals
    }

    /// What was asked for, as ``OperationStore/insert`` kept it.
    func input<Input: Decodable & Sendable>(_ type: Input.Type = Input.self) async throws -> Input {
        let id = operation.id
        return try WireDecoder.decode(type, from: await database.read { try OperationStore.input(of: id, in: $0) })
    }

    /// Runs one transaction of this attempt.
    ///
    /// - Throws: ``OperationLost`` where the operation is another's by now; what it throws then must not be caught.
    func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await database.write { connection in
            try check(in: connection)
            return try body(connection)
        }
    }

    /// Throws ``OperationLost`` where the operation is another's by now. To be called inside the transaction.
    func check(in connection: any SQLConnection) throws {
        guard try OperationStore.isHeld(operation, owner: owner, in: connection) else { throw OperationLost() }
    }

    /// Says how far the work is: a share from 0 to 1, and a sentence. A database that is away for a moment does not hear it, and the work
    /// goes on.
    func progress(_ share: Double, _ message: String) async throws {
        do {
            try await write { [operation] in try OperationStore.setProgress(operation, min(max(share, 0), 1), message, in: $0) }
        } catch let error as DatabaseError where error.isPassing {
            return
        }
        signals.notify(operation.id)
    }
}

/// The operation is not this attempt's any more: it was cancelled elsewhere, or this server was silent for so long that another took it.
struct OperationLost: Error {}
