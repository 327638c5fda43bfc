import CatapultAPI
import Hummingbird
import Logging
import SQLDatabase

/// Outermost: gives the request its id, turns whatever is thrown into the contract's JSON, and writes the access log.
struct RequestMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: HTTPContext, next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let given = request.headers[.requestID]
        let requestID = given.flatMap { Self.isSafe($0) ? $0 : nil } ?? Identifier.make()
        context.requestID = requestID
        context.requestLogger[metadataKey: "request_id"] = .string(requestID)
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await next(request, context)
        } catch let thrown {
            let refusal = thrown as? RequestGate.Refusal
            let error = refusal?.error ?? thrown
            let mapped = ErrorMapping.catapultError(for: error, requestID: requestID)
            if mapped.status >= 500, mapped.status != 503 {
                context.requestLogger.error("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            }
            response = CallRoutes.response(to: mapped)
            for field in refusal?.fields ?? [:] { response.headers[field.name] = field.value }
            if context.bodyState.leavesMuch(of: request) { response = EarlyRefusal.closing(response, context.channel) }
        }
        response.headers[.requestID] = requestID
        // An answer to HEAD has no body (RFC 9110, section 9.3.2); a client would read it as the beginning of the next answer.
        if request.method == .head { response = response.createHeadResponse() }
        let level: Logger.Level = request.method == .get && response.status.code < 400 ? .debug : .info
        context.requestLogger.log(
            level: level, "request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)", "status": "\(response.status.code)",
                "duration_ms": "\((ContinuousClock.now - start).milliseconds)",
            ])
        return response
    }

    /// An id from outside goes into logs and headers: short, printable, no white space.
    private static func isSafe(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}

extension Duration {
    /// Whole and fractional milliseconds.
    var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1_000 + Double(attoseconds / 1_000_000_000_000) / 1_000
    }
}
