import CatapultAPI
import SQLDatabase

/// The SQL of operations.
enum OperationStore {
    private static let columns: SQLQuery = """
        id, kind, state, subject_type, subject_id, progress, message, result, error, attempts, parent_id, cancel_requested, created_by,
        created_at, started_at, finished_at
        """

    private static func operation(_ row: SQLRow) throws -> Operation {
        var column = row.cursor()
        return Operation(
            id: try column.next(), kind: try column.next(), state: try column.next(), subjectType: try column.next(),
            subjectID: try column.next(), progress: try column.next(), message: try column.next(),
            result: try column.next(JSONColumn?.self)?.value, error: try column.next(JSONColumn?.self)?.value, attempts: try column.next(),
            parentID: try column.next(), cancelRequested: try column.next(), createdBy: try column.next(), createdAt: try column.next(),
            startedAt: try column.next(), finishedAt: try column.next())
    }

    /// Puts a new operation in the queue, in the caller's transaction.
    ///
    /// - Parameter input: what was asked for; ``OperationRun/input(_:)`` reads it back. No secrets: it lies in the database as JSON.
    /// - Parameter modelName: of a subject that does not exist yet.
    static func insert(
        id: String, kind: OperationKind, subject: ResourceKind, subjectID: String, input: some Encodable = NoInput(), message: String,
        parentID: String?, createdBy: String?, modelName: String? = nil, in connection: any SQLConnection
    ) throws {
        let input = String(decoding: try WireEncoder.encode(input, nils: .omit), as: UTF8.self)
        let about = try modelName.map { ScopeSubject(model: $0) } ?? ScopeSubject.of(subject, subjectID, in: connection)
        try connection.execute(
            """
            INSERT INTO operations (id, kind, state, subject_type, subject_id, input, progress, message, attempts, parent_id, cancel_requested,
                created_by, model_name, environment, created_at)
            VALUES (\(id), \(kind), \(OperationState.pending), \(subject.rawValue), \(subjectID), \(input), 0, \(message), 0, \(parentID), FALSE,
                \(createdBy), \(about.model), \(about.environment), \(Timestamp.now))
            """)
    }

    static func find(_ id: String, in connection: any SQLConnection) throws -> Operation? {
        try connection.fetchFirst("SELECT \(columns) FROM operations WHERE id = \(id)", operation)
    }

    /// An operation that waits to do the same for the same thing.
    static func waiting(
        _ kind: OperationKind, subjectID: String, input: some Encodable, in connection: any SQLConnection
    ) throws -> Operation? {
        let input = String(decoding: try WireEncoder.encode(input, nils: .omit), as: UTF8.self)
        return try connection.fetchFirst(
            """
            SELECT \(columns) FROM operations WHERE kind = \(kind) AND state = 'pending' AND NOT cancel_requested
                AND subject_id = \(subjectID) AND input = \(input) ORDER BY created_at LIMIT 1
            """, operation)
    }

    /// What was asked for when an operation was put in the queue.
    static func input(of id: String, in connection: any SQLConnection) throws -> JSONValue {
        try connection.fetchValue("SELECT input FROM operations WHERE id = \(id)", as: JSONColumn.self)?.value ?? .object([:])
    }

    /// The operation with an id, on a thing inside of the scope; 404 otherwise.
    static func resolve(_ id: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Operation {
        let conditions = scope.rows(model: "model_name", environment: "environment", in: connection.dialect)
        let filter = (["id = \(id.lowercased())"] + conditions).joined(separator: " AND ")
        guard let operation = try connection.fetchFirst("SELECT \(columns) FROM operations WHERE \(filter)", operation) else {
            throw CatapultError.notFound(.operation, id)
        }
        return operation
    }

    static func list(_ call: ListOperations, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Operation> {
        let window = try PageWindow(call)
        var conditions = scope.rows(model: "model_name", environment: "environment", in: connection.dialect)
        if let kind = call.kind { conditions.append("kind = \(kind)") }
        if let state = call.state { conditions.append("state = \(state)") }
        if let subject = call.subjectID { conditions.append("subject_id = \(subject)") }
        let total: RowTotal =
            conditions.isEmpty
            ? try .kept("SELECT n FROM counters WHERE name = 'operations'", in: connection)
            : try .counting("SELECT 1 FROM operations WHERE \(conditions.joined(separator: " AND "))", in: connection)
        let query = window.query(
            "SELECT \(columns) FROM operations", from: "operations", order: .newestFirst("created_at", id: "id"), where: conditions)
        return try window.page(connection.fetchAll(query, operation), total: total) { .age($0.createdAt, id: $0.id) }
    }

    /// The oldest operation of a kind that waits, or whose worker has lost its lease. Leases are measured by the database's clock.
    static func next(_ kind: OperationKind, in connection: any SQLConnection) throws -> String? {
        let now = connection.dialect.currentMicroseconds
        return try connection.fetchString(
            """
            SELECT id FROM operations
            WHERE kind = \(kind) AND state IN ('pending', 'running') AND (state = 'pending' OR lease_expires_at < \(now))
            ORDER BY created_at LIMIT 1
            """)
    }

    /// Takes the next operation of a kind for a worker.
    static func claim(_ kind: OperationKind, owner: String, lease: Duration, in connection: any SQLConnection) throws -> Operation? {
        guard let id = try next(kind, in: connection) else { return nil }
        try connection.execute(
            """
            UPDATE operations SET state = 'running', lease_owner = \(owner),
                lease_expires_at = \(connection.dialect.currentMicroseconds) + \(lease.microseconds),
                attempts = attempts + 1, started_at = coalesce(started_at, \(Timestamp.now)) WHERE id = \(id)
            """)
        return try find(id, in: connection)
    }

    /// Whether an attempt is still the one that works at its operation: another worker may have taken it, or it has ended.
    static func isHeld(_ attempt: Operation, owner: String, in connection: any SQLConnection) throws -> Bool {
        try connection.exists(
            """
            SELECT 1 FROM operations
            WHERE id = \(attempt.id) AND state = 'running' AND lease_owner = \(owner) AND attempts = \(attempt.attempts)
            """)
    }

    /// Prolongs the leases of a worker's operations, and says which of them it still has.
    static func renew(_ ids: [String], owner: String, lease: Duration, in connection: any SQLConnection) throws -> [Held] {
        try connection.fetchAll(
            """
            UPDATE operations SET lease_expires_at = \(connection.dialect.currentMicroseconds) + \(lease.microseconds)
            WHERE lease_owner = \(owner) AND state = 'running' AND id IN \(list: ids) RETURNING id, cancel_requested
            """
        ) { Held(id: try $0.get(0), cancelRequested: try $0.get(1)) }
    }

    /// An operation that a worker has the lease of.
    struct Held: Sendable {
        var id: String
        var cancelRequested: Bool
    }

    /// Gives operations back to the queue whose worker cannot be alive: the embedded database has one server at a time.
    static func releaseAll(in connection: any SQLConnection) throws {
        try connection.execute("UPDATE operations SET lease_expires_at = 0 WHERE state = 'running'")
    }

    /// Gives an operation back to the queue; false where it is another worker's by now.
    ///
    /// - Parameter counts: whether the attempt counts. It does not where a server stops: nothing in it went wrong.
    static func release(_ attempt: Operation, owner: String, counts: Bool = false, in connection: any SQLConnection) throws -> Bool {
        guard try isHeld(attempt, owner: owner, in: connection) else { return false }
        try connection.execute(
            """
            UPDATE operations SET state = 'pending', attempts = attempts - \(counts ? 0 : 1), lease_owner = NULL, lease_expires_at = NULL,
                message = 'waiting for a server'
            WHERE id = \(attempt.id)
            """)
        return true
    }

    /// Notes how far an attempt is.
    static func setProgress(_ attempt: Operation, _ progress: Double, _ message: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE operations SET progress = \(progress), message = \(message) WHERE id = \(attempt.id)")
    }

    /// Ends an attempt; false where another worker has taken the operation meanwhile, or it has ended.
    static func finish(_ attempt: Operation, _ outcome: OperationOutcome, owner: String, in connection: any SQLConnection) throws -> Bool {
        guard try isHeld(attempt, owner: owner, in: connection) else { return false }
        try finish(attempt.id, outcome, in: connection)
        return true
    }

    static func requestCancel(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("UPDATE operations SET cancel_requested = TRUE WHERE id = \(id) AND state IN ('pending', 'running')")
    }

    /// Ends an operation.
    static func finish(_ id: String, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {
        let progress: Double? = outcome.state == .succeeded ? 1 : nil
        try connection.execute(
            """
            UPDATE operations SET state = \(outcome.state), result = \(outcome.result.map { JSONColumn($0) }),
                error = \(outcome.error.map { JSONColumn($0.body()) }), message = \(outcome.message), finished_at = \(Timestamp.now),
                progress = coalesce(\(progress), progress), lease_owner = NULL, lease_expires_at = NULL
            WHERE id = \(id) AND state IN ('pending', 'running')
            """)
    }
}

/// The input of operations whose subject says everything.
struct NoInput: Codable, Sendable {}

/// How an operation ended.
enum OperationOutcome: Sendable {
    case succeeded(JSONValue)
    case failed(CatapultError)
    case cancelled

    var state: OperationState {
        switch self {
        case .succeeded: .succeeded
        case .failed: .failed
        case .cancelled: .cancelled
        }
    }

    var result: JSONValue? {
        if case .succeeded(let value) = self { value } else { nil }
    }

    var error: CatapultError? {
        if case .failed(let error) = self { error } else { nil }
    }

    var message: String {
        switch self {
        case .succeeded: "done"
        case .failed(let error): error.message
        case .cancelled: "cancelled"
        }
    }
}
