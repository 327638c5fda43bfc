/// Durable long work: a build, a deployment, an import. First a row, then work; it survives a crash of the server.
public struct Operation: Codable, Sendable, Equatable {
    public var id: String
    public var kind: OperationKind
    public var state: OperationState
    public var subjectType: String
    public var subjectID: String
    public var progress: Double
    public var message: String
    public var result: JSONValue?
    public var error: JSONValue?
    public var attempts: Int
    public var parentID: String?
    public var cancelRequested: Bool
    public var createdBy: String?
    public var createdAt: Timestamp
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp?

    /// An operation with all its parts.
    public init(
        id: String, kind: OperationKind, state: OperationState, subjectType: String, subjectID: String, progress: Double, message: String,
        result: JSONValue?, error: JSONValue?, attempts: Int, parentID: String?, cancelRequested: Bool, createdBy: String?,
        createdAt: Timestamp, startedAt: Timestamp?, finishedAt: Timestamp?
    ) {
        self.id = id
        self.kind = kind
        self.state = state
        self.subjectType = subjectType
        self.subjectID = subjectID
        self.progress = progress
        self.message = message
        self.result = result
        self.error = error
        self.attempts = attempts
        self.parentID = parentID
        self.cancelRequested = cancelRequested
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }
}

extension Operation: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "kind": "What kind of work.",
        "state": "pending, running, succeeded, failed or cancelled.",
        "subjectType": "The kind of thing it works on.",
        "subjectID": "The thing it works on.",
        "progress": "Share of the work that is done, 0 to 1.",
        "message": "What it is doing now, in a sentence.",
        "result": "What came out.",
        "error": "Why it failed: `code`, `detail`, `hint`.",
        "attempts": "How often it was started; more than once after a crash of the server.",
        "parentID": "The operation that waits for this one.",
        "cancelRequested": "True once somebody asked to cancel it.",
        "createdBy": "Name of the key that asked for it.",
        "createdAt": "When it was asked for.",
        "startedAt": "When work began.",
        "finishedAt": "When it ended.",
    ]
}

/// The kinds of durable work.
public enum OperationKind: String, Codable, Sendable, CaseIterable {
    case build
    case deploy
    /// Fetching a model from elsewhere.
    case `import`
    /// Holding the registry against the folders beneath the models directory.
    case sync
    /// Fetching what an MLflow server says of a version.
    case mlflow
    /// Reading stored bytes again, to hold them against their digests.
    case verify
    /// Removing stored bytes that nothing refers to.
    case gc
    /// Running a program over a model's files.
    case preprocess
}

/// Where an operation stands.
public enum OperationState: String, Codable, Sendable, CaseIterable {
    case pending
    case running
    case succeeded
    case failed
    case cancelled

    /// True when nothing more will happen.
    public var isTerminal: Bool { self != .pending && self != .running }
}
