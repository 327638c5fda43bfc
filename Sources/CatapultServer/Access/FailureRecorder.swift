import CatapultAPI

/// Writes down that somebody with a key tried to change something and was refused. Never more than a few rows a minute for each key, so that
/// nobody can fill the disk or hold up the writes of others with it: those that were left out are counted in the next row.
struct FailureRecorder: Sendable {
    private static let limit = RateLimit(requestsPerSecond: 0.1, burst: 20)

    let audit: AuditLog
    private let limiter = RateLimiter()

    init(audit: AuditLog) { self.audit = audit }

    /// Notes a refusal where it matters: too small a role or scope, a thing that a limited key does not see, a conflict, a failure of the
    /// server. The request does not fail by it.
    func note(_ error: CatapultError, _ context: CallContext, target: [String: String]) async {
        guard context.action != nil, let caller = context.caller, let key = caller.id, Self.matters(error, to: caller) else { return }
        let left = limiter.refusals(of: key)
        guard limiter.take(key, Self.limit).isAllowed else { return }
        do {
            try await audit.recordFailure(context, error, target: target, suppressed: left)
        } catch {
            context.logger.warning("cannot write a refused attempt into the audit log", metadata: ["error": "\(error)"])
        }
    }

    private static func matters(_ error: CatapultError, to caller: Caller) -> Bool {
        switch error.status {
        case 403, 409, 500...: true
        // What lies outside of a scope reads as absent; whoever looks into the log should see who tried.
        case 404: !caller.scope.isEverything
        default: false
        }
    }
}
