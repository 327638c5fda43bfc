extension Catalogue {
    static let access: [any APICall.Type] = [
        CreateAPIKey.self, ListAPIKeys.self, GetAPIKey.self, UpdateAPIKey.self, RotateAPIKey.self, DeleteAPIKey.self,
        ListAuditLogs.self, GetAuditHead.self, VerifyAuditLog.self, GetAuditLog.self,
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
    public var description: String?
    public var owner: String?
    public var rateLimit: RateLimit?
    public var expiresAt: Timestamp?

    /// A call with its parameters.
    public init(
        name: String, role: Role? = nil, scope: KeyScope? = nil, description: String? = nil, owner: String? = nil,
        rateLimit: RateLimit? = nil, expiresAt: Timestamp? = nil
    ) {
        self.name = name
        self.role = role
        self.scope = scope
        self.description = description
        self.owner = owner
        self.rateLimit = rateLimit
        self.expiresAt = expiresAt
    }

    public static let fields: [String: Field] = APIKey.fields.picking(
        "name", "role", "scope", "description", "owner", "rateLimit", "expiresAt")
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

/// Shows a key, without its secret.
public struct GetAPIKey: APICall {
    public typealias Output = APIKey
    public static let route = Route.get("/api-keys/{key_id}")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Access"
    public static let summary = "Show an API key"

    public var keyID: String

    /// A call with its parameters.
    public init(keyID: String) {
        self.keyID = keyID
    }

    public static let fields: [String: Field] = [
        "keyID": "UUID or name of the key."
    ]
}

/// Changes a key; what is absent stays. What a key may do never changes: that needs another key.
public struct UpdateAPIKey: APICall {
    public typealias Output = APIKey
    public static let route = Route.put("/api-keys/{key_id}")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.write
    public static let group = "Access"
    public static let summary = "Disable, enable or describe an API key"
    public static let audit: AuditAction? = AuditAction("update_api_key", .apiKey)

    public var keyID: String
    public var isActive: Bool?
    public var description: String?
    public var owner: String?
    public var rateLimit: RateLimit?
    public var expiresAt: Timestamp?

    /// A call with its parameters.
    public init(
        keyID: String, isActive: Bool? = nil, description: String? = nil, owner: String? = nil, rateLimit: RateLimit? = nil,
        expiresAt: Timestamp? = nil
    ) {
        self.keyID = keyID
        self.isActive = isActive
        self.description = description
        self.owner = owner
        self.rateLimit = rateLimit
        self.expiresAt = expiresAt
    }

    public static let fields: [String: Field] = APIKey.fields.picking("description", "owner", "rateLimit", "expiresAt").merging([
        "keyID": "UUID or name of the key.", "isActive": "False disables the key at once, true enables it again.",
    ]) { $1 }
}

/// Gives a key a new secret, and shows it, once. The old one stops working at once, or after a time in which both work.
public struct RotateAPIKey: APICall {
    public typealias Output = NewAPIKey
    public static let route = Route.post("/api-keys/{key_id}/rotate")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.destructive
    public static let group = "Access"
    public static let summary = "Give an API key a new secret"
    public static let audit: AuditAction? = AuditAction("rotate_api_key", .apiKey)

    public var keyID: String
    public var overlapSeconds: Int?

    /// A call with its parameters.
    public init(keyID: String, overlapSeconds: Int? = nil) {
        self.keyID = keyID
        self.overlapSeconds = overlapSeconds
    }

    public static let fields: [String: Field] = [
        "keyID": "UUID or name of the key.",
        "overlapSeconds": Field("Seconds for which the old secret works as well, at most 604800 (7 days). Default 0.", .range(0...604_800)),
    ]
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
