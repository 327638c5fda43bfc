import CatapultAPI
import ContainerEngine
import SQLDatabase

extension ErrorMapping {
    /// What a failure of the database means to a client. Rules foresee what a client can cause; the rest is ours.
    static func databaseError(_ error: DatabaseError, requestID: String) -> CatapultError {
        switch error {
        case .diskFull: .storageFull("writing to the database")
        case .busy, .connectionLost, .timedOut, .closed:
            .unavailable("The database", "it did not take the request in time", hint: "Try again; if it stays, look at the server's log.")
        case .commitUnknown:
            .unavailable(
                "The database", "the connection broke while the change was stored, so that it may be stored or not",
                hint: "Look whether it is there before you try again.")
        default: .internalError(requestID: requestID)
        }
    }

    /// What a failure of the container engine means to a client.
    static func engineError(_ error: ContainerEngineError) -> CatapultError {
        switch error {
        case .engineUnavailable, .timedOut, .unsupportedEngine:
            var unavailable = CatapultError.unavailable(
                "The container engine", Self.sentence(error),
                hint: "Start it (for example `systemctl start docker`), or set DOCKER_HOST; then try again. Nothing is lost.")
            // The sentence names the engine itself.
            unavailable.message = Self.sentence(error)
            return unavailable
        case .notFound(let kind, let id, let message):
            let (code, type) =
                kind == .image ? ("image_not_found", "DockerImageNotFoundError") : ("container_not_found", "ContainerNotFoundError")
            return CatapultError(
                status: 404, code: code, type: type, message: message,
                hint: kind == .image ? "Build it with `mcp build create`." : "Restart the deployment to get a new one.",
                details: kind == .image ? ["image_tag": .string(id)] : ["container_id": .string(id)])
        case .portAlreadyAllocated(let port, _):
            return .conflict(
                "port_taken", type: "PortAllocationError", "\(port.map { "Port \($0)" } ?? "A port") is already in use on the host.",
                hint: "End the program that uses it, or try again: another port is chosen.")
        case .noSpace:
            return .storageFull("the container engine worked")
        case .gpuUnavailable(let message):
            return .conflict(
                "gpu_unavailable", type: "InsufficientResourcesError", "The container engine cannot give GPUs to a container: \(message)",
                hint: "Install the NVIDIA container toolkit, or deploy to an environment of type cpu.")
        case .invalidArgument(let name, let reason):
            return .invalid(field: name, reason)
        case .conflict, .buildFailed, .badRequest, .serverError, .unexpectedResponse, .invalidHost:
            return CatapultError(
                status: 502, code: "engine_error", type: "ContainerEngineError", message: Self.sentence(error),
                hint: "Look at the container engine's log.")
        }
    }

    private static func sentence(_ error: ContainerEngineError) -> String {
        let text = error.description
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}
