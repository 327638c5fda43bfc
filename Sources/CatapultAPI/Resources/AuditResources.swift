/// One line of the audit log. Each holds the hash of the line before it, so that nothing can be changed, removed or put in between unseen.
public struct AuditEntry: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var sequence: Int64
    public var apiKeyID: String?
    public var apiKeyName: String?
    public var user: String?
    public var face: String
    public var agent: String?
    public var action: String
    public var operation: String?
    public var outcome: AuditOutcome
    public var resourceType: String
    public var resourceID: String?
    public var modelName: String?
    public var environment: String?
    public var details: [String: JSONValue]
    public var ipAddress: String?
    public var requestID: String?
    public var createdAt: Timestamp
    public var prevHash: String?
    public var hash: String?

    /// An audit row.
    public init(
        id: String, sequence: Int64, apiKeyID: String?, apiKeyName: String?, face: String, agent: String?, action: String,
        operation: String?, outcome: AuditOutcome, resourceType: String, resourceID: String?, modelName: String?, environment: String?,
        details: [String: JSONValue], ipAddress: String?, requestID: String?, createdAt: Timestamp, prevHash: String?, hash: String?
    ) {
        self.id = id
        self.sequence = sequence
        self.apiKeyID = apiKeyID
        self.apiKeyName = apiKeyName
        user = apiKeyName
        self.face = face
        self.agent = agent
        self.action = action
        self.operation = operation
        self.outcome = outcome
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.modelName = modelName
        self.environment = environment
        self.details = details
        self.ipAddress = ipAddress
        self.requestID = requestID
        self.createdAt = createdAt
        self.prevHash = prevHash
        self.hash = hash
    }

    public static let fields: [String: Field] = [
        "id": "UUID.", "sequence": "Number of the row in the chain, from 1; rows of before the chain have 0 and less.",
        "apiKeyID": "The key that acted.", "apiKeyName": "Name of the key that acted, or anonymous, or system for the server's own work.",
        "user": "The same as api_key_name.", "face": "What the request came through: rest, sdk, cli, mcp or web; system for none.",
        "agent": "The program that acted, as it calls itself.", "action": "What was done.",
        "operation": "The call of the API by which it was done.", "outcome": "succeeded, failed or cancelled.",
        "resourceType": "The kind of thing.", "resourceID": "The thing.", "modelName": "The model that it is about.",
        "environment": "The environment that it is about.", "details": "Further facts.",
        "ipAddress": "Where the request came from; shown to admins only.", "requestID": "The request, as in the server's log.",
        "createdAt": "When.", "prevHash": "The hash of the row before.", "hash": "SHA-256 over this row and the hash of the one before.",
    ]
}

/// How an audited action ended.
public enum AuditOutcome: String, Codable, Sendable, CaseIterable {
    case succeeded
    case failed
    case cancelled
}

/// Where the chain of the audit log ends: what to keep elsewhere, so that rows cut off at the end are missed.
public struct AuditHead: Codable, Sendable, Equatable, Documented {
    public var sequence: Int64
    public var hash: String
    public var createdAt: Timestamp

    /// The end of a chain.
    public init(sequence: Int64, hash: String, createdAt: Timestamp) {
        self.sequence = sequence
        self.hash = hash
        self.createdAt = createdAt
    }

    public static let fields: [String: Field] = [
        "sequence": "Number of the last row.", "hash": "Its hash.", "createdAt": "When it was written.",
    ]
}

/// What the check of the whole audit log found.
public struct AuditVerification: Codable, Sendable, Equatable, Documented {
    public var ok: Bool
    public var rows: Int64
    public var sealedRows: Int64
    public var headSequence: Int64
    public var headHash: String
    public var expectedSequence: Int64?
    public var problem: AuditProblem?

    /// A result.
    public init(
        rows: Int64, sealedRows: Int64, headSequence: Int64, headHash: String, expectedSequence: Int64? = nil, problem: AuditProblem? = nil
    ) {
        ok = problem == nil
        self.rows = rows
        self.sealedRows = sealedRows
        self.headSequence = headSequence
        self.headHash = headHash
        self.expectedSequence = expectedSequence
        self.problem = problem
    }

    public static let fields: [String: Field] = [
        "ok": "Whether every row is as it was written, and none is missing.", "rows": "Rows of the chain that were checked.",
        "sealedRows": "Rows of before the chain, held by its first row.", "headSequence": "Number of the last row that was checked.",
        "headHash": "Its hash: keep it elsewhere, and give it as `expect` next time.",
        "expectedSequence": "The row that has the hash given as `expect`.", "problem": "The first thing that is wrong.",
    ]
}

/// What was done to the log.
public enum AuditProblemKind: String, Codable, Sendable, CaseIterable {
    /// A row says something else than when it was written.
    case changed
    /// Rows are gone.
    case removed
    /// A row was put in, or carries another one's place.
    case inserted
    /// The rows of before the chain are not those that were sealed.
    case sealBroken = "seal_broken"
    /// The row that an earlier check ended with is no longer in the chain: its end was cut off, or all of it written anew.
    case headMissing = "head_missing"
}

/// The first place where the audit log is not what was written.
public struct AuditProblem: Codable, Sendable, Equatable, Documented {
    public var kind: AuditProblemKind
    public var sequence: Int64?
    public var id: String?
    public var message: String

    /// A problem.
    public init(kind: AuditProblemKind, sequence: Int64?, id: String?, message: String) {
        self.kind = kind
        self.sequence = sequence
        self.id = id
        self.message = message
    }

    public static let fields: [String: Field] = [
        "kind": "changed, removed, inserted, seal_broken or head_missing.", "sequence": "The row where it shows.", "id": "Its UUID.",
        "message": "What is wrong, in a sentence.",
    ]
}
