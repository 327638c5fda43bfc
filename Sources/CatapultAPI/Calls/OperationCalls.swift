extension Catalogue {
    static let operations: [any APICall.Type] = [
        ListOperations.self, GetOperation.self, CancelOperation.self, GetOperationLogs.self,
    ]
}

/// Lists operations, newest first.
public struct ListOperations: PagedCall {
    public typealias Item = Operation
    public typealias Output = Page<Operation>
    public static let route = Route.get("/operations")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Operations"
    public static let summary = "List operations, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var kind: OperationKind?
    public var state: OperationState?
    public var subjectID: String?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        kind: OperationKind? = nil,
        state: OperationState? = nil, subjectID: String? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.kind = kind
        self.state = state
        self.subjectID = subjectID
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "kind": "Only operations of this kind.",
        "state": "Only operations in this state.",
        "subjectID": "Only operations on this thing.",
    ]) { $1 }
}

/// Shows an operation.
public struct GetOperation: APICall {
    public typealias Output = Operation
    public static let route = Route.get("/operations/{operation_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Operations"
    public static let summary = "Show an operation"

    public var operationID: String
    public var wait: Int?

    /// A call with its parameters.
    public init(operationID: String, wait: Int? = nil) {
        self.operationID = operationID
        self.wait = wait
    }

    public static let fields: [String: Field] = [
        "operationID": "UUID of the operation.",
        "wait": Field("Seconds to wait for a change of state before answering, 0 to 60. Default 0.", .range(0...60)),
    ]
}

/// Asks an operation to stop; one that has ended stays as it is.
public struct CancelOperation: APICall {
    public typealias Output = Operation
    public static let route = Route.post("/operations/{operation_id}/cancel")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Operations"
    public static let summary = "Cancel an operation"
    public static let audit: AuditAction? = AuditAction("cancel_operation", .operation)

    public var operationID: String

    /// A call with its parameters.
    public init(operationID: String) {
        self.operationID = operationID
    }

    public static let fields: [String: Field] = [
        "operationID": "UUID of the operation."
    ]
}

/// Shows the log of an operation so far.
public struct GetOperationLogs: APICall {
    public typealias Output = LogText
    public static let route = Route.get("/operations/{operation_id}/logs")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Operations"
    public static let summary = "Read an operation's log"

    public var operationID: String

    /// A call with its parameters.
    public init(operationID: String) {
        self.operationID = operationID
    }

    public static let fields: [String: Field] = [
        "operationID": "UUID of the operation."
    ]
}
