/// What a key may do, each role including those below it.
public enum Role: String, Sendable, Codable, CaseIterable, Comparable {
    case viewer
    case `operator`
    case admin

    public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

/// Who may make a call.
public enum Access: Sendable, Equatable {
    /// Anybody, without a key.
    case open
    /// Anybody with a key of at least this role.
    case role(Role)
}

/// What a call does to the world. Drives read-only mode, the hints of MCP tools, and which calls a client may repeat by itself.
public enum Effect: String, Sendable {
    /// Changes nothing; may be repeated.
    case read
    /// Changes something that can be changed back.
    case write
    /// Takes something away, or stops something that serves.
    case destructive
}

/// How a write is named in the audit log.
public struct AuditAction: Sendable, Equatable {
    /// The verb and its object, such as `create_model`.
    public var action: String
    /// The kind of thing that the row points at.
    public var resource: ResourceKind

    /// An action on a kind of thing.
    public init(_ action: String, _ resource: ResourceKind) {
        self.action = action
        self.resource = resource
    }
}
