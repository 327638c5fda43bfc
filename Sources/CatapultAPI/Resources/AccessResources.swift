/// A key that a client shows to be let in. The secret part is never kept and never shown again.
public struct APIKey: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var role: Role
    public var scope: KeyScope
    public var description: String?
    public var owner: String?
    public var rateLimit: RateLimit?
    public var isActive: Bool
    public var disabledAt: Timestamp?
    public var createdAt: Timestamp
    public var lastUsedAt: Timestamp?
    public var expiresAt: Timestamp?
    public var rotatedAt: Timestamp?
    public var previousValidUntil: Timestamp?

    /// A key without its secret.
    public init(
        id: String, name: String, role: Role, scope: KeyScope = .everything, description: String? = nil, owner: String? = nil,
        rateLimit: RateLimit? = nil, isActive: Bool = true, disabledAt: Timestamp? = nil, createdAt: Timestamp,
        lastUsedAt: Timestamp? = nil, expiresAt: Timestamp? = nil, rotatedAt: Timestamp? = nil, previousValidUntil: Timestamp? = nil
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.scope = scope
        self.description = description
        self.owner = owner
        self.rateLimit = rateLimit
        self.isActive = isActive
        self.disabledAt = disabledAt
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.expiresAt = expiresAt
        self.rotatedAt = rotatedAt
        self.previousValidUntil = previousValidUntil
    }

    public static let fields: [String: Field] = [
        "id": "UUID.",
        "name": Field("Unique name: who or what uses the key.", .length(1...255)),
        "role": "viewer, operator or admin. Default viewer.",
        "scope": "The models and environments that the key is limited to; all when absent.",
        "description": Field("What the key is for.", .length(0...2_000)),
        "owner": Field("Whom to ask about the key.", .length(0...255)),
        "rateLimit": "How many requests the key may make; the server's default when absent.",
        "isActive": "False once the key has expired, or was disabled.",
        "disabledAt": "Since when the key is disabled.",
        "createdAt": "When the key was made.",
        "lastUsedAt": "When the key was last used, to the minute.",
        "expiresAt": "When the key stops working; never when absent.",
        "rotatedAt": "When the key last got a new secret.",
        "previousValidUntil": "Until when the secret before the last rotation works as well.",
    ]
}

/// How many requests a key may make: a bucket of tokens, one for each request, that fills again at a steady rate.
public struct RateLimit: Codable, Sendable, Equatable, Documented {
    public var requestsPerSecond: Double
    public var burst: Int?

    /// A limit.
    public init(requestsPerSecond: Double, burst: Int? = nil) {
        self.requestsPerSecond = requestsPerSecond
        self.burst = burst
    }

    /// Reads `10`, or `10/50` for ten a second with fifty at once.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let rate = Double(parts[0]), (0.001...100_000).contains(rate) else { return nil }
        let burst = parts.count == 2 ? Int(parts[1]) : nil
        guard parts.count == 1 || burst.map({ (1...1_000_000).contains($0) }) == true else { return nil }
        self.init(requestsPerSecond: rate, burst: burst)
    }

    public static let fields: [String: Field] = [
        "requestsPerSecond": Field("Requests per second in the long run.", .range(0.001...100_000)),
        "burst": Field("Requests that may come at once after a pause. Default: those of one second, at least 1.", .range(1...1_000_000)),
    ]
}

/// A key with its secret: the only time it is shown.
public struct NewAPIKey: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var role: Role
    public var scope: KeyScope
    public var description: String?
    public var owner: String?
    public var rateLimit: RateLimit?
    public var isActive: Bool
    public var disabledAt: Timestamp?
    public var createdAt: Timestamp
    public var lastUsedAt: Timestamp?
    public var expiresAt: Timestamp?
    public var rotatedAt: Timestamp?
    public var previousValidUntil: Timestamp?
    public var key: String

    /// A key that was just made, or got a new secret.
    public init(_ apiKey: APIKey, key: String) {
        id = apiKey.id
        name = apiKey.name
        role = apiKey.role
        scope = apiKey.scope
        description = apiKey.description
        owner = apiKey.owner
        rateLimit = apiKey.rateLimit
        isActive = apiKey.isActive
        disabledAt = apiKey.disabledAt
        createdAt = apiKey.createdAt
        lastUsedAt = apiKey.lastUsedAt
        expiresAt = apiKey.expiresAt
        rotatedAt = apiKey.rotatedAt
        previousValidUntil = apiKey.previousValidUntil
        self.key = key
    }

    public static let fields: [String: Field] = APIKey.fields.merging(["key": "The key itself, `prefix.secret`. Shown once; keep it safe."])
    { $1 }
}
