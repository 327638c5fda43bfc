import CatapultAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// Binds the calls of the contract to HTTP: path, access check, decoding, encoding and errors are the same for all of them, so a feature
/// says only which rule answers which call.
final class CallRoutes {
    let router: Router<HTTPContext>
    private let authenticator: Authenticator
    private let maximumBodySize: Int
    private var methods: [String: Set<HTTPRequest.Method>] = [:]
    /// The names of the calls that have a handler; a test compares them with the catalogue.
    private(set) var handled: Set<String> = []

    init(router: Router<HTTPContext>, authenticator: Authenticator, maximumBodySize: Int) {
        self.router = router
        self.authenticator = authenticator
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

    /// A call whose request body is a stream of bytes.
    func receive<C: APICall>(_ call: C.Type, _ handler: @escaping @Sendable (C, RequestBody, CallContext) async throws -> C.Output) {
        bind(call) { request, context, callContext in
            let (call, ignored) = try RequestDecoder.decode(
                C.self, path: Self.parameters(C.self, context), query: Self.query(request), body: nil)
            return try Self.json(try await handler(call, request.body, callContext), status: C.success, ignored: ignored)
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
        let authenticator = authenticator
        let method = HTTPRequest.Method(rawValue: C.route.method.rawValue) ?? .get
        for path in [C.route.path, C.route.alias].compactMap({ $0 }) {
            let pattern = Self.pattern(of: path)
            methods[pattern, default: []].insert(method)
            router.on(RouterPath(pattern), method: method) { request, context -> Response in
                var callContext = CallContext(
                    caller: nil, scope: .everything, requestID: context.requestID, address: context.remoteAddress?.ipAddress,
                    face: request.headers[.catapultFace] ?? "rest", action: C.audit, logger: context.requestLogger)
                if case .role(let role) = C.access {
                    let caller = try await authenticator.caller(of: request.headers)
                    guard caller.role >= role else { throw CatapultError.forbidden(required: role) }
                    guard !C.needsWholeScope || caller.scope.isEverything else { throw CatapultError.wholeScopeRequired() }
                    callContext.caller = caller
                    callContext.scope = caller.scope
                }
                return try await respond(request, context, callContext)
            }
        }
        handled.insert(C.name)
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
        request.uri.query == nil ? [] : request.uri.queryParameters.map { (String($0.key), String($0.value)) }
    }

    private static func decode<C: APICall>(
        _ call: C.Type, _ request: Request, _ context: HTTPContext, _ callContext: CallContext, maximumBodySize: Int
    ) async throws -> (C, [String]) {
        var bytes: [UInt8]?
        if C.hasBody {
            do {
                bytes = Array(buffer: try await request.body.collect(upTo: maximumBodySize))
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
    /// Names of fields that the server does not know and left unheeded.
    static let ignoredFields = parsed("X-Catapult-Ignored-Fields")
    /// The header that carries a key.
    static let apiKey = parsed("X-API-Key")

    private static func parsed(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("'\(name)' is not an HTTP token") }
        return name
    }
}
