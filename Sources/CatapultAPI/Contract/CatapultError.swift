/// The one error of the system: what every face shows when something cannot be done.
///
/// On the wire it is `{"detail": …, "error_type": …, "code": …, "field": …, "hint": …, "candidates": […]}` plus the fields that
/// the contract lists for the class; earlier clients read `detail` and sometimes `error_type`.
public struct CatapultError: Error, Sendable, Equatable {
    /// HTTP status.
    public var status: Int
    /// Stable name for programs, such as `model_not_found`.
    public var code: String
    /// The class name of the wire contract, such as `ModelNotFoundError`.
    public var type: String
    /// What is wrong, for people, with the numbers.
    public var message: String
    /// The field that is to blame, where one is.
    public var field: String?
    /// The next step.
    public var hint: String?
    /// Near misses of a name that was not found, best first.
    public var candidates: [String]
    /// Further fields that the contract lists for the class.
    public var details: [String: JSONValue]
    /// What is wrong with the request, for a 422 answer.
    public var problems: [FieldProblem]
    /// Seconds after which trying again makes sense.
    public var retryAfter: Int?

    /// An error with all its parts.
    public init(
        status: Int, code: String, type: String, message: String, field: String? = nil, hint: String? = nil,
        candidates: [String] = [], details: [String: JSONValue] = [:], problems: [FieldProblem] = [], retryAfter: Int? = nil
    ) {
        self.status = status
        self.code = code
        self.type = type
        self.message = message
        self.field = field
        self.hint = hint
        self.candidates = candidates
        self.details = details
        self.problems = problems
        self.retryAfter = retryAfter
    }
}

extension CatapultError: CustomStringConvertible {
    public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}

extension CatapultError {
    /// 404: nothing of that kind has this id or name.
    public static func notFound(_ kind: ResourceKind, _ identifier: String, candidates: [String] = []) -> CatapultError {
        CatapultError(
            status: 404, code: "\(kind.rawValue)_not_found", type: "\(kind.className)NotFoundError",
            message: "\(kind.title) not found: \(identifier)",
            hint: candidates.isEmpty
                ? "List what there is with `mcp \(kind.noun) list`." : "Did you mean \(candidates.joined(separator: " or "))?",
            candidates: candidates, details: ["identifier": .string(identifier)]
        )
    }

    /// 409: the name is taken.
    public static func alreadyExists(_ kind: ResourceKind, _ name: String, details: [String: JSONValue] = [:], hint: String? = nil)
        -> CatapultError
    {
        CatapultError(
            status: 409, code: "\(kind.rawValue)_already_exists", type: "\(kind.className)AlreadyExistsError",
            message: "\(kind.title) already exists: \(name)", field: kind == .version ? "version" : "name",
            hint: hint ?? "Choose another name, or look at it with `mcp \(kind.noun) \(kind == .apiKey ? "list" : "show \(name)")`.",
            details: ["name": .string(name)].merging(details) { $1 }
        )
    }

    /// 400: the request is well formed but asks for something that the rules do not allow.
    public static func invalid(
        _ type: String = "InvalidConfigurationError", field: String, _ message: String, hint: String? = nil,
        details: [String: JSONValue] = [:]
    ) -> CatapultError {
        CatapultError(
            status: 400, code: "invalid_\(field.replacing(".", with: "_"))", type: type, message: message, field: field, hint: hint,
            details: ["reason": .string(message)].merging(details) { $1 }
        )
    }

    /// 409: the thing is in a state that does not allow this, or something it needs is missing.
    public static func conflict(
        _ code: String, type: String = "ConflictError", _ message: String, field: String? = nil, hint: String? = nil,
        details: [String: JSONValue] = [:]
    ) -> CatapultError {
        CatapultError(status: 409, code: code, type: type, message: message, field: field, hint: hint, details: details)
    }

    /// 401: no key, or none that is valid. Says nothing of what exists.
    public static func unauthenticated(_ message: String) -> CatapultError {
        CatapultError(
            status: 401, code: "unauthenticated", type: "AuthenticationError", message: message,
            hint: "Send a valid key in the X-API-Key header (CLI: REGISTRY_API_KEY, or `mcp context add`)."
        )
    }

    /// 403: the caller's role is too low. Says nothing of what exists.
    public static func forbidden(required role: Role) -> CatapultError {
        CatapultError(
            status: 403, code: "forbidden", type: "AuthorizationError",
            message: "Insufficient permissions. Required role: \(role.rawValue)",
            hint: "Ask an admin for a key with the role \(role.rawValue)."
        )
    }

    /// 429: more requests than are allowed.
    public static func tooManyRequests(_ message: String, retryAfter: Int) -> CatapultError {
        CatapultError(
            status: 429, code: "too_many_requests", type: "RateLimitError", message: message,
            hint: "Try again in \(retryAfter) second\(retryAfter == 1 ? "" : "s").", retryAfter: retryAfter)
    }

    /// 403: what shall be made or changed lies outside of the key's scope. Says nothing of what exists.
    public static func outsideScope(_ kind: ResourceKind, _ name: String, allowed: [String]?) -> CatapultError {
        let patterns = allowed ?? []
        return CatapultError(
            status: 403, code: "outside_scope", type: "AuthorizationError",
            message: "The \(kind.title.lowercased()) \(name) lies outside of this key's scope: \(patterns.joined(separator: ", "))",
            hint: "Ask an admin for a key whose scope includes it.",
            details: ["scope": .array(patterns.map(JSONValue.string))]
        )
    }

    /// 403: the call reaches the whole registry, and the key only a part of it.
    public static func wholeScopeRequired() -> CatapultError {
        CatapultError(
            status: 403, code: "whole_scope_required", type: "AuthorizationError",
            message: "This reaches the whole registry, but the key is limited to some of its models or environments.",
            hint: "Ask an admin for a key without a scope.")
    }

    /// 403: the call is allowed, but not with this flag.
    public static func forbidden(flag: String, required role: Role) -> CatapultError {
        var error = forbidden(required: role)
        error.field = flag
        error.hint = "Only `\(flag)` needs the role \(role.rawValue): leave it out, or ask an admin."
        return error
    }

    /// 422: the request does not have the declared shape.
    public static func unprocessable(_ problems: [FieldProblem]) -> CatapultError {
        CatapultError(
            status: 422, code: "validation_failed", type: "RequestValidationError",
            message: problems.map(\.sentence).joined(separator: "; "),
            field: problems.first { $0.kind != .json && !$0.location.isEmpty }?.field,
            hint: problems.contains { $0.kind == .json }
                ? "Send the whole body as one JSON object." : "GET /docs tells what each field of a request may be.",
            problems: problems
        )
    }

    /// 503: something that Catapult needs does not answer now.
    public static func unavailable(_ service: String, _ reason: String, hint: String, retryAfter: Int = 5) -> CatapultError {
        CatapultError(
            status: 503, code: "service_unavailable", type: "ServiceUnavailableError", message: "\(service) is unavailable: \(reason)",
            hint: hint,
            details: ["service": .string(service), "reason": .string(reason)], retryAfter: retryAfter
        )
    }

    /// 507: the disk is full.
    public static func storageFull(_ operation: String) -> CatapultError {
        CatapultError(
            status: 507, code: "storage_full", type: "StorageError", message: "no space left on the server's disk while \(operation)",
            hint: "Free space (see `mcp system storage`), then try again: nothing was changed.",
            details: ["operation": .string(operation), "reason": "no space left on device"]
        )
    }

    /// 500: a defect of the server. The cause is in the server's log under the request id, never in the answer.
    public static func internalError(requestID: String) -> CatapultError {
        CatapultError(
            status: 500, code: "internal_error", type: "InternalError", message: "The server met an unexpected error.",
            hint: "Look for request id \(requestID) in the server's log.", details: ["request_id": .string(requestID)]
        )
    }
}

extension CatapultError {
    /// The body of the answer.
    public func body() -> JSONValue {
        var members = details
        members["detail"] = problems.isEmpty ? .string(message) : .array(problems.map(\.json))
        members["error_type"] = .string(type)
        members["code"] = .string(code)
        if let field { members["field"] = .string(field) }
        if let hint { members["hint"] = .string(hint) }
        if !candidates.isEmpty { members["candidates"] = .array(candidates.map(JSONValue.string)) }
        return .object(members)
    }

    /// The error that an answer's body describes. Bodies of other servers are understood as far as they go.
    public init(status: Int, body: JSONValue, retryAfter: Int? = nil) {
        let known: Set<String> = ["detail", "error_type", "code", "field", "hint", "candidates"]
        let problems = (body["detail"]?.arrayValue ?? []).map(FieldProblem.init(json:))
        self.init(
            status: status, code: body["code"]?.stringValue ?? "http_\(status)", type: body["error_type"]?.stringValue ?? "HTTPError",
            message: body["detail"]?.stringValue
                ?? (problems.isEmpty
                    ? "the server answered with status \(status)" : problems.map(\.sentence).joined(separator: "; ")),
            field: body["field"]?.stringValue, hint: body["hint"]?.stringValue,
            candidates: (body["candidates"]?.arrayValue ?? []).compactMap(\.stringValue),
            details: (body.objectValue ?? [:]).filter { !known.contains($0.key) }, problems: problems, retryAfter: retryAfter
        )
    }
}
