extension Catalogue {
    static let access: [any APICall.Type] = [
        CreateAPIKey.self, ListAPIKeys.self, DeleteAPIKey.self, ListAuditLogs.self,
    ]
}

/// Makes a key and shows it, once.
public struct CreateAPIKey: APICall {
    public typealias Output = NewAPIKey
    public static let route = Route.post("/api-keys")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.write
    public static let group = "Access"
    public static let summary = "Make an API key"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_api_key", .apiKey)

    public var name: String
    public var role: Role?
    public var scope: KeyScope?
    public var expiresAt: Timestamp?

    /// A call with its parameters.
    public init(name: String, role: Role? = nil, scope: KeyScope? = nil, expiresAt: Timestamp? = nil) {
        self.name = name
        self.role = role
        self.scope = scope
        self.expiresAt = expiresAt
    }

    public static let fields: [String: Field] = APIKey.fields.picking("name", "role", "scope", "expiresAt")
}

/// Lists keys, without their secrets.
public struct ListAPIKeys: APICall {
    public typealias Output = [APIKey]
    public static let route = Route.get("/api-keys")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "List API keys"

    public var skip: Int?
    public var offset: Int?
    public var limit: Int?

    /// A call with its parameters.
    public init(skip: Int? = nil, offset: Int? = nil, limit: Int? = nil) {
        self.skip = skip
        self.offset = offset
        self.limit = limit
    }

    public static let fields: [String: Field] = Paging.fields.picking("skip", "offset", "limit")
}

/// Revokes a key at once. One's own key cannot be revoked with itself.
public struct DeleteAPIKey: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/api-keys/{key_id}")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.destructive
    public static let group = "Access"
    public static let summary = "Revoke an API key"
    public static let audit: AuditAction? = AuditAction("delete_api_key", .apiKey)

    public var keyID: String

    /// A call with its parameters.
    public init(keyID: String) {
        self.keyID = keyID
    }

    public static let fields: [String: Field] = [
        "keyID": "UUID or name of the key."
    ]
}

/// Lists audit rows, newest first.
public struct ListAuditLogs: APICall {
    public typealias Output = [AuditEntry]
    public static let route = Route.get("/audit-logs")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "List audit rows, newest first"

    public var action: String?
    public var resourceType: String?
    public var apiKeyName: String?
    public var skip: Int?
    public var offset: Int?
    public var limit: Int?

    /// A call with its parameters.
    public init(
        action: String? = nil, resourceType: String? = nil, apiKeyName: String? = nil, skip: Int? = nil, offset: Int? = nil,
        limit: Int? = nil
    ) {
        self.action = action
        self.resourceType = resourceType
        self.apiKeyName = apiKeyName
        self.skip = skip
        self.offset = offset
        self.limit = limit
    }

    public static let fields: [String: Field] = Paging.fields.picking("skip", "offset", "limit").merging([
        "action": "Only this action, such as create_model.", "resourceType": "Only this kind of thing.",
        "apiKeyName": "Only what this key did.",
    ]) { $1 }
}
