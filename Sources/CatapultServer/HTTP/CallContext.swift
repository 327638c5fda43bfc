import CatapultAPI
import Logging

/// Who asks, and how: what a rule or an audit row needs to know of a request.
struct CallContext: Sendable {
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
    /// How the audit log names the call; nil for reads.
    var action: AuditAction?
    /// Carries the request id.
    var logger: Logger
}

/// A key that was let in.
struct Caller: Sendable, Equatable {
    var keyID: String
    var name: String
    var role: Role
    var scope: KeyScope
}
