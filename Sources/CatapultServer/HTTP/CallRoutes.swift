import CatapultAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// Binds the calls of the contract to HTTP: path, access check, decoding, encoding and errors are the same for all of them, so a feature
/// says only which rule answers which call.
final class CallRoutes {
    let router: Router<HTTPContext>
    private let gate: RequestGate
    private let failures: FailureRecorder
    private let maximumBodySize: Int
    private var methods: [String: Set<HTTPRequest.Method>] = [:]
    /// The names of the calls that have a handler; a test compares them with the catalogue.
    private(set) var handled: Set<String> = []

    init(router: Router<HTTPContext>, gate: RequestGate, audit: AuditLog, maximumBodySize: Int) {
        self.router = router
        self.gate = gate
        failures = FailureRecorder(audit: audit)
        self.maximumBodySize = maximumBodySize
    }

    /// A call whose answer is one JSON value.
    func handle<C: APICall>(_ call: C.Type, _ handler: @escaping @Sendable (C, CallContext) async throws -> C.Output) {
        bind(call) { [maximumBodySize] request, context, callContext in
            let (call, ignored) = try await Self.decode(C.self, request, context, callContext, maximumBodySize: maximumBodySize)
            return try Self.json(try await handler(call, callContext), status: C.success, ignored: ignored)
        }
    }

    /// A call whose status depends on its answer.
    func handle<C: APICall>(
        _ call: C.Type, status: @escaping @Sendable (C.Output) -> Int,
        _ handler: @escaping @Sendable (C, CallContext) async throws -> C.Output
    ) {
        bind(call) { [maximumBodySize] request, context, callContext in
            let (call, ignored) = try await Self.decode(C.self, request, context, callContext, maximumBodySize: maximumBodySize)
            let output = try await handler(call, callContext)
            return try Self.json(output, status: status(output), ignored: ignored)
        }
    }

    /// A call whose answer has header fields of its own.
    func handle<C: APICall>(
        _ call: C.Type, withFields handler: @escaping @Sendable (C, CallContext) async throws -> (C.Output, HTTPFields)
    ) {
        bind(call) { [maximumBodySize] request, context, callContext in
            let (call, ignored) = try await Self.decode(C.self, request, context, callContext, maximumBodySize: maximumBodySize)
            let (output, fields) = try await handler(call, callContext)
            var response = try Self.json(output, status: C.success, ignored: ignored)
            for field in fields { response.headers[field.name] = field.value }
            return response
        }
    }

    /// A call whose request body is a stream of bytes.
    func receive<C: APICall>(_ call: C.Type, _ handler: @escaping @Sendable (C, IncomingBytes, CallContext) async throws -> C.Output) {
        bind(call) { request, context, callContext in
            let (call, ignored) = try RequestDecoder.decode(
                C.self, path: Self.parameters(C.self, context), query: Self.query(request), body: nil)
            return try Self.json(try await handler(call, IncomingBytes(request, context), callContext), status: C.success, ignored: ignored)
        }
    }

    /// A call whose answer is a stream: the handler decides what there is to send before the first byte goes out, so that a failure
    /// still has its status.
    func stream<C: APICall>(_ call: C.Type, _ handler: @escaping @Sendable (C, CallContext) async throws -> ResponseBody) {
        bind(call) { [maximumBodySize] request, context, callContext in
            let (call, _) = try await Self.decode(C.self, request, context, callContext, maximumBodySize: maximumBodySize)
            return Response(
                status: .ok, headers: [.contentType: C.responseBody.mediaType, .cacheControl: "no-store"],
                body: try await handler(call, callContext))
        }
    }

    /// A call whose request body is a form with a file; its fields come with the query or with the form, so the handler decodes it when it has
    /// them.
    func receiveForm<C: APICall>(
        _ call: C.Type, _ handler: @escaping @Sendable (FormFields<C>, IncomingBytes, CallContext) async throws -> C.Output
    ) {
        bind(call) { request, context, callContext in
            let fields = FormFields<C>(query: Self.query(request))
            return try Self.json(try await handler(fields, IncomingBytes(request, context), callContext), status: C.success, ignored: [])
        }
    }

    /// A call whose answer is a file, with ranges and conditions.
    func download<C: APICall>(_ call: C.Type, _ handler: @escaping @Sendable (C, CallContext) async throws -> Download) {
        bind(call) { [maximumBodySize] request, context, callContext in
            let (call, _) = try await Self.decode(C.self, request, context, callContext, maximumBodySize: maximumBodySize)
            return try await handler(call, callContext).response(to: request, context)
        }
    }

    /// Answers 405 with `Allow` for every method that a known path does not have. To be called once, after all calls are bound.
    func refuseOtherMethods() {
        for (path, known) in methods {
            let allow = known.map(\.rawValue).sorted().joined(separator: ", ")
            for method in [.get, .head, .post, .put, .delete, .patch] as [HTTPRequest.Method] where !known.contains(method) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    let error = CatapultError(
                        status: 405, code: "method_not_allowed", type: "MethodNotAllowedError", message: "Method Not Allowed",
                        hint: "This path has: \(allow).")
                    var response = Self.response(to: error)
                    response.headers[.allow] = allow
                    return response
                }
            }
        }
    }

    private func bind<C: APICall>(
        _ call: C.Type, _ respond: @escaping @Sendable (Request, HTTPContext, CallContext) async throws -> Response
    ) {
        let (gate, failures) = (gate, failures)
        let method = HTTPRequest.Method(rawValue: C.route.method.rawValue) ?? .get
        for path in [C.route.path, C.route.alias].compactMap({ $0 }) {
            let pattern = Self.pattern(of: path)
            // Of files the head alone may be asked for; the outermost middleware leaves the body out. With the other calls HEAD is 405, as clients
            // of earlier servers know it (contract, section 1).
            let answered: [HTTPRequest.Method] = method == .get && C.responseBody == .bytes ? [.get, .head] : [method]
            methods[pattern, default: []].formUnion(answered)
            let answer: @Sendable (Request, HTTPContext) async throws -> Response = { request, context in
                let address = gate.address(peer: context.remoteAddress?.ipAddress, headers: request.headers)
                var callContext = Self.callContext(C.self, request.headers, address, context)
                var fields: HTTPFields = [:]
                do {
                    let admission = try await gate.admit(to: C.self, headers: request.headers, address: address)
                    fields = admission.fields
                    callContext.caller = admission.caller
                    callContext.scope = admission.caller?.scope ?? .everything
                    var response = try await respond(request, context, callContext)
                    for field in fields { response.headers[field.name] = field.value }
                    return response
                } catch {
                    let refusal =
                        error as? RequestGate.Refusal ?? RequestGate.Refusal(error: error, fields: fields, caller: callContext.caller)
                    callContext.caller = refusal.caller
                    let mapped = ErrorMapping.catapultError(for: refusal.error, requestID: context.requestID)
                    if mapped.status == 401 {
                        callContext.logger.notice("refused", metadata: ["call": "\(C.name)", "address": "\(address ?? "")"])
                    }
                    await failures.note(mapped, callContext, target: Self.parameters(C.self, context))
                    throw refusal
                }
            }
            for method in answered { router.on(RouterPath(pattern), method: method, use: answer) }
        }
        handled.insert(C.name)
    }

    private static func callContext<C: APICall>(
        _ call: C.Type, _ headers: HTTPFields, _ address: String?, _ context: HTTPContext
    ) -> CallContext {
        let face = headers[.catapultFace].flatMap { CallContext.faces.contains($0) ? $0 : nil } ?? "rest"
        let agent = (headers[.catapultAgent] ?? headers[.userAgent]).map { text in
            String(decoding: text.utf8.prefix(200).filter { (0x20...0x7E).contains($0) }, as: UTF8.self)
        }
        return CallContext(
            caller: nil, scope: .everything, requestID: context.requestID, address: address, face: face, agent: agent, call: C.name,
            action: C.audit, logger: context.requestLogger)
    }

    /// The path as Hummingbird's router writes it.
    private static func pattern(of path: String) -> String {
        "/"
            + Route.segments(of: path).map { segment in
                switch segment {
                case .literal(let text): text
                case .parameter(let name): "{\(name)}"
                case .rest: "**"
                }
            }.joined(separator: "/")
    }

    private static func parameters<C: APICall>(_ call: C.Type, _ context: HTTPContext) -> [String: String] {
        var values: [String: String] = [:]
        for segment in Route.segments(of: C.route.path) {
            switch segment {
            case .literal: break
            case .parameter(let name): values[name] = context.parameters.get(name).map { $0.removingPercentEncoding ?? $0 }
            case .rest(let name):
                values[name] = context.parameters.getCatchAll().map { $0.removingPercentEncoding ?? String($0) }.joined(separator: "/")
            }
        }
        return values
    }

    private static func query(_ request: Request) -> [(String, String)] {
        // Forms and many clients write a blank as "+" (URL Standard, application/x-www-form-urlencoded).
        (request.uri.query ?? "").split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { part in
                let text = String(part).replacing("+", with: " ")
                return text.removingPercentEncoding ?? text
            }
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    private static func decode<C: APICall>(
        _ call: C.Type, _ request: Request, _ context: HTTPContext, _ callContext: CallContext, maximumBodySize: Int
    ) async throws -> (C, [String]) {
        var bytes: [UInt8]?
        if C.hasBody {
            do {
                bytes = Array(buffer: try await IncomingBytes(request, context).collect(upTo: maximumBodySize))
            } catch is NIOTooManyBytesError {
                throw CatapultError(
                    status: 413, code: "body_too_large", type: "PayloadTooLargeError",
                    message: "The body is larger than \(maximumBodySize) bytes.", hint: "Send files to /api/v1/versions/{id}/files/{path}.")
            }
        }
        let decoded = try RequestDecoder.decode(C.self, path: parameters(call, context), query: query(request), body: bytes)
        try requireRole(for: decoded.call, callContext)
        return decoded
    }

    /// Holds the flags that a call sets against the caller's role (`APICall.elevations`), before anything that exists is looked at.
    private static func requireRole<C: APICall>(for call: C, _ context: CallContext) throws {
        guard !C.elevations.isEmpty else { return }
        let members = try JSONParser.parse(WireEncoder.encode(call))
        for (field, role) in C.elevations.sorted(by: { $0.key < $1.key }) {
            let name = WireName.snakeCase(field)
            guard members[name] == .bool(true) else { continue }
            guard let caller = context.caller, caller.role >= role else { throw CatapultError.forbidden(flag: name, required: role) }
        }
    }

    private static func json(_ output: some Encodable, status: Int, ignored: [String]) throws -> Response {
        var headers: HTTPFields = [.contentType: "application/json"]
        if !ignored.isEmpty { headers[.ignoredFields] = ignored.joined(separator: ", ") }
        return Response(
            status: .init(code: status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try WireEncoder.encode(output))))
    }

    /// The answer that an error becomes.
    static func response(to error: CatapultError) -> Response {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let seconds = error.retryAfter { headers[.retryAfter] = "\(seconds)" }
        if error.status == 401 { headers[.wwwAuthenticate] = "Bearer realm=\"catapult\"" }
        return Response(
            status: .init(code: error.status), headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: error.body().jsonBytes)))
    }
}

extension HTTPField.Name {
    /// Request ids travel in it, both ways.
    static let requestID = parsed("X-Request-Id")
    /// The face that a request came through.
    static let catapultFace = parsed("X-Catapult-Face")
    /// The program behind a request, where it has more to say than its User-Agent.
    static let catapultAgent = parsed("X-Catapult-Agent")
    /// How many entries there are of which an answer shows some.
    static let totalCount = parsed("X-Total-Count")
    /// "true" where there are more entries than were counted.
    static let truncated = parsed("X-Catapult-Truncated")
    /// Names of fields that the server does not know and left unheeded.
    static let ignoredFields = parsed("X-Catapult-Ignored-Fields")
    /// The header that carries a key.
    static let apiKey = parsed("X-API-Key")

    /// The name of a field that the program itself writes; the text must be an HTTP token.
    static func parsed(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("'\(name)' is not an HTTP token") }
        return name
    }
}
