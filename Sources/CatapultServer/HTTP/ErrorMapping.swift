import CatapultAPI
import ContainerEngine
import Hummingbird
import SQLDatabase

/// What the errors of the floors below mean to a client.
enum ErrorMapping {
    /// The contract's error for any error. What is not foreseen becomes a 500 that names only the request id.
    static func catapultError(for error: any Error, requestID: String) -> CatapultError {
        switch error {
        case let error as CatapultError: error
        case let error as FieldProblem: .unprocessable([error])
        case let error as DatabaseError: databaseError(error, requestID: requestID)
        case let error as ContainerEngineError: engineError(error)
        case let error as HTTPError: httpError(error)
        case is CancellationError: .unavailable("The server", "it is shutting down", hint: "Try again in a moment.")
        default: .internalError(requestID: requestID)
        }
    }

    private static func httpError(_ error: HTTPError) -> CatapultError {
        let status = error.status.code
        return CatapultError(
            status: status, code: "http_\(status)", type: status == 404 ? "NotFoundError" : "HTTPError",
            message: error.body ?? error.status.reasonPhrase, hint: status == 404 ? "GET /api/openapi.json lists all routes." : nil)
    }
}
