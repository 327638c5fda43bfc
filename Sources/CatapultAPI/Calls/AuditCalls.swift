/// Lists audit rows, newest first, or those after a row, oldest first.
public struct ListAuditLogs: APICall {
    public typealias Output = [AuditEntry]
    public static let route = Route.get("/audit-logs")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "List audit rows, newest first"

    public var action: String?
    public var resourceType: String?
    public var resourceID: String?
    public var apiKeyName: String?
    public var outcome: AuditOutcome?
    public var since: Timestamp?
    public var until: Timestamp?
    public var before: Int?
    public var after: Int?
    public var skip: Int?
    public var offset: Int?
    public var limit: Int?

    /// A call with its parameters.
    public init(
        action: String? = nil, resourceType: String? = nil, resourceID: String? = nil, apiKeyName: String? = nil,
        outcome: AuditOutcome? = nil, since: Timestamp? = nil, until: Timestamp? = nil, before: Int? = nil, after: Int? = nil,
        skip: Int? = nil, offset: Int? = nil, limit: Int? = nil
    ) {
        self.action = action
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.apiKeyName = apiKeyName
        self.outcome = outcome
        self.since = since
        self.until = until
        self.before = before
        self.after = after
        self.skip = skip
        self.offset = offset
        self.limit = limit
    }

    public static let fields: [String: Field] = Paging.fields.picking("skip", "offset", "limit").merging([
        "action": "Only this action, such as create_model.", "resourceType": "Only this kind of thing.",
        "resourceID": "Only what was done to the thing with this UUID.", "apiKeyName": "Only what this key did.",
        "outcome": "Only what ended so.", "since": "Only rows from this moment on.", "until": "Only rows of before this moment.",
        "before":
            "Only rows with a smaller sequence: the sequence of the last row of a page gives the next page, at the same cost for each.",
        "after": "Only rows with a greater sequence, and oldest first: to follow the log.",
    ]) { $1 }
}

/// Shows an audit row.
public struct GetAuditLog: APICall {
    public typealias Output = AuditEntry
    public static let route = Route.get("/audit-logs/{audit_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "Show an audit row"

    public var auditID: String

    /// A call with its parameters.
    public init(auditID: String) {
        self.auditID = auditID
    }

    public static let fields: [String: Field] = [
        "auditID": "UUID of the row, or its sequence."
    ]
}

/// Shows the end of the audit log's chain, for safekeeping elsewhere.
public struct GetAuditHead: APICall {
    public typealias Output = AuditHead
    public static let route = Route.get("/audit-logs/head")
    public static let access = Access.role(.admin)
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "Show the last hash of the audit log"

    /// A call with its parameters.
    public init() {}
}

/// Computes the audit log's chain anew, and says where it is broken.
public struct VerifyAuditLog: APICall {
    public typealias Output = AuditVerification
    public static let route = Route.get("/audit-logs/verify")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "Check that the audit log is as it was written"

    public var expect: String?

    /// A call with its parameters.
    public init(expect: String? = nil) {
        self.expect = expect
    }

    public static let fields: [String: Field] = [
        "expect": Field("A head_hash of an earlier check, which must still be in the chain.", .text(.sha256))
    ]
}
