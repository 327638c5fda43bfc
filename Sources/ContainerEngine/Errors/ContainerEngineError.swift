/// What can go wrong when talking to an engine.
///
/// Cancelling the task of a call is not in here: that throws `CancellationError`.
public enum ContainerEngineError: Error, Sendable, Hashable {
    /// The engine does not answer. The same client works again once it does.
    case engineUnavailable(reason: UnavailableReason, host: EngineHost, detail: String)
    /// The object of the call does not exist.
    case notFound(kind: ObjectKind, id: String, message: String)
    /// The object is in a state, or has a name or a user, that forbids the call.
    case conflict(message: String)
    /// A port that the container publishes is in use on the host. `port` is nil where the engine's message names none.
    case portAlreadyAllocated(port: Int?, message: String)
    /// A file system of the engine is full.
    case noSpace(message: String)
    /// The engine has no driver for the GPUs that the container asks for, or not those GPUs.
    case gpuUnavailable(message: String)
    /// A step of an image build failed. `exitCode` is that of the failed command, where a command failed.
    case buildFailed(message: String, exitCode: Int?)
    /// The engine refuses the request as malformed (status 400).
    case badRequest(message: String)
    /// The engine answered with another error status.
    case serverError(status: Int, message: String)
    /// The call took longer than ``ContainerEngine/Configuration`` allows. What it asked for may still happen.
    case timedOut(call: String, limit: Duration)
    /// The engine's answer is not what its API promises.
    case unexpectedResponse(message: String)
    /// An argument that no engine would take; nothing was sent.
    case invalidArgument(name: String, reason: String)
    /// `DOCKER_HOST` has a form that is not supported. See ``EngineHost/allowedForms``.
    case invalidHost(value: String, reason: String)
    /// The engine is too old for this client.
    case unsupportedEngine(version: APIVersion, needed: APIVersion)

    /// Why an engine does not answer.
    public enum UnavailableReason: String, Sendable, Hashable, CaseIterable {
        /// There is no socket at the path.
        case socketMissing
        /// The socket exists, but this process may not open it.
        case permissionDenied
        /// Nobody listens on the socket.
        case connectionRefused
        /// The engine closed the connection before the answer was complete.
        case connectionClosed
        /// No connection came about in the time allowed.
        case connectTimeout
        /// Any other failure of the connection; the detail says which.
        case other
    }

    /// The kinds of objects that an engine knows.
    public enum ObjectKind: String, Sendable, Hashable, CaseIterable {
        /// A container.
        case container
        /// An image.
        case image
        /// A network.
        case network
        /// A volume.
        case volume
        /// Something of the engine itself, such as a route that it does not have.
        case engine
    }

    /// Whether the engine itself is away, so that trying again later makes sense.
    public var isUnavailable: Bool {
        if case .engineUnavailable = self { true } else { false }
    }

    /// Whether the object of the call does not exist.
    public var isNotFound: Bool {
        if case .notFound = self { true } else { false }
    }
}

extension ContainerEngineError: CustomStringConvertible {
    /// One sentence for people.
    public var description: String {
        switch self {
        case .engineUnavailable(let reason, let host, let detail):
            "The container engine at \(host) is not available: \(reason.phrase)\(detail.isEmpty ? "" : " (\(detail))")."
        case .notFound(let kind, let id, let message):
            message.isEmpty ? "There is no \(kind.rawValue) '\(id)'." : message
        case .conflict(let message), .noSpace(let message), .gpuUnavailable(let message), .badRequest(let message),
            .unexpectedResponse(let message):
            message
        case .portAlreadyAllocated(let port, let message):
            port.map { "Port \($0) is already in use on the engine's host." } ?? message
        case .buildFailed(let message, _):
            "The image build failed: \(message)"
        case .serverError(let status, let message):
            "The engine answered with status \(status): \(message)"
        case .timedOut(let call, let limit):
            "The engine did not answer \(call) within \(limit)."
        case .invalidArgument(let name, let reason):
            "The argument '\(name)' is not valid: \(reason)."
        case .invalidHost(let value, let reason):
            "'\(value)' names no engine: \(reason). Allowed: \(EngineHost.allowedForms)."
        case .unsupportedEngine(let version, let needed):
            "The engine speaks API version \(version); \(needed) or newer is needed."
        }
    }
}

extension ContainerEngineError.UnavailableReason {
    fileprivate var phrase: String {
        switch self {
        case .socketMissing: "its socket does not exist"
        case .permissionDenied: "permission to open its socket is denied"
        case .connectionRefused: "it refuses connections"
        case .connectionClosed: "it closed the connection"
        case .connectTimeout: "it did not accept a connection in time"
        case .other: "the connection failed"
        }
    }
}
