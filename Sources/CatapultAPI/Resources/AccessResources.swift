/// A key that a client shows to be let in. The secret part is never kept and never shown again.
public struct APIKey: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var role: Role
    public var scope: KeyScope
    public var isActive: Bool
    public var createdAt: Timestamp
    public var lastUsedAt: Timestamp?
    public var expiresAt: Timestamp?

    /// A key without its secret.
    public init(
        id: String, name: String, role: Role, scope: KeyScope, isActive: Bool, createdAt: Timestamp, lastUsedAt: Timestamp?,
        expiresAt: Timestamp?
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.scope = scope
        self.isActive = isActive
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.expiresAt = expiresAt
    }

    public static let fields: [String: Field] = [
        "id": "UUID.",
        "name": Field("Unique name: who or what uses the key.", .length(1...255)),
        "role": "viewer, operator or admin. Default viewer.",
        "scope": "The models and environments that the key is limited to; all when absent.",
        "isActive": "False once the key has expired.",
        "createdAt": "When the key was made.",
        "lastUsedAt": "When the key was last used, to the minute.",
        "expiresAt": "When the key stops working; never when absent.",
    ]
}

/// A new key with its secret: the only time it is shown.
public struct NewAPIKey: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var role: Role
    public var scope: KeyScope
    public var isActive: Bool
    public var createdAt: Timestamp
    public var lastUsedAt: Timestamp?
    public var expiresAt: Timestamp?
    public var key: String

    /// A key that was just made.
    public init(_ apiKey: APIKey, key: String) {
        id = apiKey.id
        name = apiKey.name
        role = apiKey.role
        scope = apiKey.scope
        isActive = apiKey.isActive
        createdAt = apiKey.createdAt
        lastUsedAt = apiKey.lastUsedAt
        expiresAt = apiKey.expiresAt
        self.key = key
    }

    public static let fields: [String: Field] = APIKey.fields.merging(["key": "The key itself, `prefix.secret`. Shown once; keep it safe."])
    { $1 }
}

/// One line of the audit log.
public struct AuditEntry: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var apiKeyName: String?
    public var user: String?
    public var action: String
    public var resourceType: String
    public var resourceID: String?
    public var details: [String: JSONValue]
    public var ipAddress: String?
    public var requestID: String?
    public var createdAt: Timestamp

    /// An audit row.
    public init(
        id: String, apiKeyName: String?, action: String, resourceType: String, resourceID: String?, details: [String: JSONValue],
        ipAddress: String?, requestID: String?, createdAt: Timestamp
    ) {
        self.id = id
        self.apiKeyName = apiKeyName
        user = apiKeyName
        self.action = action
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.details = details
        self.ipAddress = ipAddress
        self.requestID = requestID
        self.createdAt = createdAt
    }

    public static let fields: [String: Field] = [
        "id": "UUID.", "apiKeyName": "Name of the key that acted.", "user": "The same as api_key_name.", "action": "What was done.",
        "resourceType": "The kind of thing.", "resourceID": "The thing.", "details": "Further facts.",
        "ipAddress": "Where the request came from.",
        "requestID": "The request, as in the server's log.", "createdAt": "When.",
    ]
}
