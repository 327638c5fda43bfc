import CatapultAPI
import HTTPTypes
import Hummingbird

/// Answers what browsers ask before they let a page of another origin send a request, and marks the answers that it may read, errors too.
struct CORSMiddleware: RouterMiddleware {
    let policy: CORSPolicy

    func handle(
        _ request: Request, context: HTTPContext, next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin]
        if request.method == .options, let origin, request.headers[.accessControlRequestMethod] != nil {
            guard let fields = policy.preflight(for: origin) else {
                let error = CatapultError(
                    status: 403, code: "origin_not_allowed", type: "AuthorizationError",
                    message: "Pages of this origin may not use this server.", hint: "Add it to CORS_ORIGINS of the server.")
                return varied(CallRoutes.response(to: error))
            }
            return varied(Response(status: .noContent, headers: fields))
        }
        var response = try await next(request, context)
        for field in policy.fields(for: origin) { response.headers[field.name] = field.value }
        return varied(response)
    }

    private func varied(_ response: Response) -> Response {
        guard policy.varies else { return response }
        var response = response
        response.headers.append(HTTPField(name: .vary, value: "Origin"))
        return response
    }
}
