import CatapultAPI
import Logging

/// Who asks, and how: what a rule or an audit row needs to know of a request.
struct CallContext: Sendable {
    /// The faces that requests may say they come through.
    static let faces: Set<String> = ["rest", "sdk", "cli", "mcp", "web"]

    /// The key that was shown; nil for calls that are open to everybody.
    var caller: Caller?
    /// The part of the registry that the caller sees. Everything that a client names is looked up within it.
    var scope: KeyScope
    /// The id of the request, as in the log and in the answer's `X-Request-Id`.
    var requestID: String
    /// The client's address.
    var address: String?
    /// Which face the request came through: rest, sdk, cli, mcp, web.
    var face: String
    /// The program behind the request, as it calls itself.
    var agent: String?
    /// The name of the call.
    var call: String?
    /// How the audit log names the call; nil for reads.
    var action: AuditAction?
    /// Carries the request id.
    var logger: Logger
}

/// A key that was let in.
struct Caller: Sendable, Equatable {
    /// The name of those who come without a key.
    static let anonymousName = "anonymous"

    /// Nil for who came without a key.
    var id: String?
    var name: String
    var role: Role
    var scope: KeyScope
    /// The key's own limit.
    var rateLimit: RateLimit?

    init(keyID: String, name: String, role: Role, scope: KeyScope, rateLimit: RateLimit? = nil) {
        id = keyID
        self.name = name
        self.role = role
        self.scope = scope
        self.rateLimit = rateLimit
    }

    /// Who came without a key, where the configuration lets such in.
    static func anonymous(_ scope: KeyScope) -> Caller {
        var caller = Caller(keyID: "", name: anonymousName, role: .viewer, scope: scope)
        caller.id = nil
        return caller
    }

    var isAnonymous: Bool { id == nil }
    /// The key's id; empty for who came without one.
    var keyID: String { id ?? "" }
}
