import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// No answer came: the server could not be reached, or the connection broke.
public struct ConnectionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    public enum Reason: Sendable, Equatable {
        /// Nothing listens there, or the host cannot be found or reached. Nothing was sent.
        case unreachable
        /// The connection could not be opened in time. Nothing was sent.
        case connectTimeout
        /// The encrypted connection could not be agreed on. Nothing was sent.
        case tls
        /// No answer in time. The server may have acted.
        case timeout
        /// The connection broke. The server may have acted.
        case broken
    }

    /// The address that was tried.
    public let url: String
    /// What went wrong.
    public let reason: Reason
    /// What the network said.
    public let detail: String

    /// An error for an address.
    public init(url: String, reason: Reason, detail: String) {
        self.url = url
        self.reason = reason
        self.detail = detail
    }

    /// True where the server cannot have acted, so that even a write may be sent again.
    public var nothingWasSent: Bool {
        switch reason {
        case .unreachable, .connectTimeout, .tls: true
        case .timeout, .broken: false
        }
    }

    public var description: String {
        switch reason {
        case .unreachable, .connectTimeout: "cannot connect to \(url): \(detail)"
        case .tls: "cannot agree on encryption with \(url): \(detail)"
        case .timeout: "\(url) did not answer in time"
        case .broken: "the connection to \(url) broke: \(detail)"
        }
    }

    /// What to do.
    public var hint: String {
        switch reason {
        case .unreachable, .connectTimeout:
            "Check that the server runs there (start it with `catapult-server`), or name another one in REGISTRY_URL."
        case .tls: "Check the address and the server's certificate; a server without TLS is reached with http://."
        case .timeout: "Look at the server's load and log, then try again."
        case .broken: "Look at the server's log; what was asked for may have happened."
        }
    }
}

extension ConnectionError {
    /// The error that a failed exchange means, or nil for an error that is not about the connection.
    init?(_ error: any Error, url: String) {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout:
            self.init(url: url, reason: .connectTimeout, detail: "no answer to the connection attempt in time")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout || error == .writeTimeout:
            self.init(url: url, reason: .timeout, detail: "no answer in time")
        case let error as HTTPClientError where error == .tlsHandshakeTimeout:
            self.init(url: url, reason: .tls, detail: "the handshake took too long")
        case is HTTPClientError, is HTTPParserError:
            self.init(url: url, reason: .broken, detail: "\(error)")
        case let error as NIOConnectionError:
            self.init(url: url, reason: .unreachable, detail: Self.detail(of: error))
        case let error as IOError:
            let refused = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, ENOENT].contains(error.errnoCode)
            self.init(url: url, reason: refused ? .unreachable : .broken, detail: Self.words(error.errnoCode))
        case let error as ChannelError:
            switch error {
            case .connectTimeout: self.init(url: url, reason: .connectTimeout, detail: "no answer to the connection attempt in time")
            default: self.init(url: url, reason: .broken, detail: "closed early")
            }
        default:
            guard "\(type(of: error))".contains("SSL") else { return nil }
            self.init(url: url, reason: .tls, detail: "\(error)")
        }
    }

    private static func detail(of error: NIOConnectionError) -> String {
        if let failure = error.connectionErrors.first {
            guard let system = failure.error as? IOError else { return "\(failure.error)" }
            return words(system.errnoCode)
        }
        return "the host \(error.host) cannot be found"
    }

    private static func words(_ code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case EHOSTUNREACH: "no route to the host"
        case ENETUNREACH: "the network is unreachable"
        case ECONNRESET: "reset by the server"
        case EPIPE: "closed by the server"
        default: String(cString: strerror(code))
        }
    }
}
