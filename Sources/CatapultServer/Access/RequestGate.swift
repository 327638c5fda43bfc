import CatapultAPI
import HTTPTypes

/// Lets requests in: finds the address, the key and what it may do, and counts. The same for every call, from its declaration.
struct RequestGate: Sendable {
    /// What the server's configuration says of access.
    struct Policy: Sendable {
        /// The limit of keys that have none of their own; nil is none.
        var rateLimit: RateLimit?
        /// What requests without a key may see; nil lets nobody in without one.
        var anonymous: Anonymous?
        /// Wrong keys that are heard of each address.
        var failedKeys = Authenticator.standardFailureLimit
        /// Whose word on the client's address is believed.
        var proxies = TrustedProxies.none
    }

    /// Those who come without a key: viewers at most.
    struct Anonymous: Sendable, Equatable {
        var scope = KeyScope.everything
        /// For each address.
        var rateLimit = RateLimit(requestsPerSecond: 20, burst: 100)
    }

    /// A request that was let in.
    struct Admission: Sendable {
        var caller: Caller?
        /// What the answer says of the caller's limit.
        var fields: HTTPFields = [:]
    }

    let authenticator: Authenticator
    var policy = Policy()
    private let limiter = RateLimiter()

    init(authenticator: Authenticator, policy: Policy = Policy()) {
        self.authenticator = authenticator
        self.policy = policy
    }

    /// The client's address, given the other end of the connection.
    func address(peer: String?, headers: HTTPFields) -> String? { policy.proxies.client(peer: peer, headers: headers) }

    /// Lets a request in by the rule of its call.
    ///
    /// - Throws: 401, 403 or 429, none of which says anything of what exists.
    func admit<C: APICall>(to call: C.Type, headers: HTTPFields, address: String?) async throws -> Admission {
        guard case .role(let role) = C.access else { return Admission() }
        let caller: Caller
        let limit: RateLimit?
        if let text = Self.key(in: headers) {
            caller = try await authenticator.caller(of: text, address: address)
            limit = caller.rateLimit ?? policy.rateLimit
        } else if let anonymous = policy.anonymous, role == .viewer {
            caller = .anonymous(anonymous.scope)
            limit = anonymous.rateLimit
        } else {
            throw CatapultError.unauthenticated("Missing API key")
        }
        var admission = Admission(caller: caller)
        if let limit {
            let name = caller.isAnonymous ? "address \(address ?? "")" : caller.keyID
            let decision = limiter.take(name, limit)
            admission.fields = Self.fields(limit, decision)
            guard decision.isAllowed else {
                throw Refusal(
                    error: CatapultError.tooManyRequests(
                        "More requests than \(caller.isAnonymous ? "may come without a key" : "this key may make"): "
                            + "\(Self.short(limit.requestsPerSecond)) a second, \(limit.bucketSize) at once.",
                        retryAfter: decision.retryAfter),
                    fields: admission.fields)
            }
        }
        guard caller.role >= role else {
            throw Refusal(error: CatapultError.forbidden(required: role), fields: admission.fields, caller: caller)
        }
        guard !C.needsWholeScope || caller.scope.isEverything else {
            throw Refusal(error: CatapultError.wholeScopeRequired(), fields: admission.fields, caller: caller)
        }
        return admission
    }

    /// A request of somebody who is known, that was not let in or failed later on.
    struct Refusal: Error {
        var error: any Error
        /// What the answer says of the caller's limit.
        var fields: HTTPFields
        /// Set where a key's role or scope was too small, which is written down.
        var caller: Caller?
    }

    /// The key that a request shows.
    private static func key(in headers: HTTPFields) -> String? {
        if let key = headers[.apiKey] { return key }
        guard let authorization = headers[.authorization] else { return nil }
        let scheme = "bearer "
        return authorization.lowercased().hasPrefix(scheme) ? String(authorization.dropFirst(scheme.count)) : nil
    }

    /// The fields of draft-ietf-httpapi-ratelimit-headers-11: quota and window of the policy, what remains and when it is whole again.
    private static func fields(_ limit: RateLimit, _ decision: TokenBucket.Decision) -> HTTPFields {
        let window = max(1, Int((Double(limit.bucketSize) / limit.requestsPerSecond).rounded(.up)))
        return [
            .rateLimitPolicy: "\"key\";q=\(limit.bucketSize);w=\(window)",
            .rateLimit: "\"key\";r=\(decision.remaining);t=\(decision.reset)",
        ]
    }

    private static func short(_ number: Double) -> String { Int64(exactly: number).map(String.init) ?? "\(number)" }
}

extension HTTPField.Name {
    fileprivate static let rateLimitPolicy = parsed("RateLimit-Policy")
    fileprivate static let rateLimit = parsed("RateLimit")
}
