import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Turns statuses, the engine's messages and failures of the connection into ``ContainerEngineError``.
///
/// The engine tells many causes only in words (a port that is taken is a status 500), so the words are looked at too.
enum ErrorMapping {
    /// The error that an answer of `status` means.
    static func error(status: Int, message: String, subject: EngineCall.Subject) -> ContainerEngineError {
        if let known = knownCause(of: message) { return known }
        switch status {
        case 400: return .badRequest(message: message)
        case 404: return .notFound(kind: missingKind(in: message) ?? subject.kind, id: subject.id, message: message)
        case 409: return .conflict(message: message)
        default: return .serverError(status: status, message: message)
        }
    }

    /// The cause that a message names whatever its status, or nil.
    static func knownCause(of message: String) -> ContainerEngineError? {
        let text = message.lowercased()
        if text.contains("no space left on device") { return .noSpace(message: message) }
        if text.contains("port is already allocated") || text.contains("address already in use") {
            return .portAlreadyAllocated(port: port(in: message), message: message)
        }
        if text.contains("could not select device driver") || text.contains("nvidia-container-cli")
            || text.contains("unresolvable cdi device")
        {
            return .gpuUnavailable(message: message)
        }
        return nil
    }

    /// The port in `Bind for 127.0.0.1:9000 failed: …` or `listen tcp4 127.0.0.1:9000: bind: …`: digits behind the last colon that ends an address.
    static func port(in message: String) -> Int? {
        for marker in ["Bind for ", "listen tcp4 ", "listen tcp6 ", "listen tcp ", "listen udp4 ", "listen udp6 ", "listen udp "] {
            guard let start = message.range(of: marker) else { continue }
            let address = message[start.upperBound...].prefix { $0 != " " }
            let trimmed = address.hasSuffix(":") ? address.dropLast() : address
            guard let colon = trimmed.lastIndex(of: ":") else { continue }
            if let port = Int(trimmed[trimmed.index(after: colon)...]), (1...65_535).contains(port) { return port }
        }
        return nil
    }

    private static func missingKind(in message: String) -> ContainerEngineError.ObjectKind? {
        let text = message.lowercased()
        if text.contains("no such container") { return .container }
        if text.contains("no such image") { return .image }
        if text.contains("no such volume") { return .volume }
        if text.hasPrefix("network ") || text.contains("no such network") { return .network }
        return nil
    }

    /// The error that a failure of the connection means. What is not one (an error of the caller's own body, a cancellation) stays as it is.
    static func translate(_ error: any Error, host: EngineHost) -> any Error {
        switch error {
        case is CancellationError, is ContainerEngineError:
            return error
        case let error as HTTPClientError:
            return translate(error, host: host)
        case let error as IOError:
            return unavailable(errorNumber: error.errnoCode, host: host)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return translate(first.error, host: host) }
            return ContainerEngineError.engineUnavailable(reason: .other, host: host, detail: "the host's name cannot be resolved")
        case is HTTPParserError:
            return ContainerEngineError.engineUnavailable(
                reason: .connectionClosed, host: host, detail: "the answer is incomplete or not HTTP")
        case let error as ChannelError:
            if case .connectTimeout = error {
                return ContainerEngineError.engineUnavailable(reason: .connectTimeout, host: host, detail: "")
            }
            return ContainerEngineError.engineUnavailable(reason: .connectionClosed, host: host, detail: "")
        default:
            return error
        }
    }

    private static func translate(_ error: HTTPClientError, host: EngineHost) -> any Error {
        switch error {
        case .cancelled:
            return CancellationError()
        case .remoteConnectionClosed:
            return ContainerEngineError.engineUnavailable(reason: .connectionClosed, host: host, detail: "")
        case .connectTimeout, .getConnectionFromPoolTimeout:
            return ContainerEngineError.engineUnavailable(reason: .connectTimeout, host: host, detail: "")
        default:
            return ContainerEngineError.engineUnavailable(reason: .other, host: host, detail: error.description)
        }
    }

    private static func unavailable(errorNumber: CInt, host: EngineHost) -> ContainerEngineError {
        switch errorNumber {
        case ENOENT: .engineUnavailable(reason: .socketMissing, host: host, detail: "")
        case EACCES, EPERM: .engineUnavailable(reason: .permissionDenied, host: host, detail: "")
        case ECONNREFUSED: .engineUnavailable(reason: .connectionRefused, host: host, detail: "")
        case ECONNRESET, EPIPE, ENOTCONN: .engineUnavailable(reason: .connectionClosed, host: host, detail: "")
        case ETIMEDOUT: .engineUnavailable(reason: .connectTimeout, host: host, detail: "")
        default: .engineUnavailable(reason: .other, host: host, detail: String(cString: strerror(errorNumber)))
        }
    }
}
