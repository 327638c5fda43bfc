import Foundation

/// Where an engine listens: a unix socket of this host, or a plain TCP address.
///
/// The textual form is that of the `DOCKER_HOST` environment variable.
public enum EngineHost: Sendable, Hashable, CustomStringConvertible {
    /// A unix domain socket, by its absolute path.
    case unixSocket(path: String)
    /// A TCP address that speaks HTTP without TLS. `host` is a name, an IPv4 address, or an IPv6 address without brackets.
    case tcp(host: String, port: Int)

    /// The socket that an engine listens on unless told otherwise.
    public static let standard = EngineHost.unixSocket(path: "/var/run/docker.sock")

    /// The forms that ``init(parsing:)`` takes, for messages.
    public static let allowedForms = "unix:///absolute/path.sock or tcp://host[:port]"

    /// The port of a `tcp://` address that names none.
    static let standardPort = 2375

    /// The longest path that fits into `sockaddr_un.sun_path` with its terminating zero.
    static let longestSocketPath = 107

    /// Reads the form that `DOCKER_HOST` has.
    ///
    /// - Throws: ``ContainerEngineError/invalidHost(value:reason:)`` for any other scheme, a relative or over-long socket path, a port
    ///   outside 1 to 65535, or an address with a path behind it.
    public init(parsing text: String) throws(ContainerEngineError) {
        if let path = text.removing(prefix: "unix://") {
            guard path.hasPrefix("/"), !path.contains("\0") else {
                throw .invalidHost(value: text, reason: "the socket's path must be absolute")
            }
            guard path.utf8.count <= Self.longestSocketPath else {
                throw .invalidHost(value: text, reason: "the socket's path is longer than \(Self.longestSocketPath) bytes")
            }
            self = .unixSocket(path: path)
        } else if let address = text.removing(prefix: "tcp://") {
            self = try Self.parseAddress(address, text: text)
        } else {
            throw .invalidHost(value: text, reason: "its scheme is not supported")
        }
    }

    /// Reads `DOCKER_HOST` from `environment`; ``standard`` where it is absent or empty.
    ///
    /// - Throws: ``ContainerEngineError/invalidHost(value:reason:)`` for a value of another form, and where `DOCKER_TLS_VERIFY` asks for TLS, which
    ///   this client does not speak: falling back to plain TCP in silence would be worse.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(ContainerEngineError) {
        guard let text = environment["DOCKER_HOST"], !text.isEmpty else {
            self = .standard
            return
        }
        try self.init(parsing: text)
        if case .tcp = self, let verify = environment["DOCKER_TLS_VERIFY"], !verify.isEmpty {
            throw .invalidHost(value: text, reason: "DOCKER_TLS_VERIFY asks for TLS, which is not supported")
        }
    }

    private static func parseAddress(_ address: String, text: String) throws(ContainerEngineError) -> EngineHost {
        let trimmed = address.hasSuffix("/") ? address.dropLast() : address[...]
        var name = trimmed
        var portText: Substring?
        if trimmed.hasPrefix("[") {
            guard let end = trimmed.firstIndex(of: "]") else {
                throw .invalidHost(value: text, reason: "the bracket of the IPv6 address is not closed")
            }
            name = trimmed[trimmed.index(after: trimmed.startIndex)..<end]
            let rest = trimmed[trimmed.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw .invalidHost(value: text, reason: "only a port may follow the IPv6 address")
            }
            portText = rest.isEmpty ? nil : rest.dropFirst()
            guard !name.isEmpty, name.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw .invalidHost(value: text, reason: "the IPv6 address is malformed")
            }
        } else {
            if let colon = trimmed.lastIndex(of: ":") {
                name = trimmed[..<colon]
                portText = trimmed[trimmed.index(after: colon)...]
            }
            let isName = name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
            guard !name.isEmpty, isName else {
                throw .invalidHost(value: text, reason: "the host's name is malformed")
            }
        }
        guard let portText else { return .tcp(host: String(name), port: standardPort) }
        guard portText.allSatisfy(\.isNumber), let port = Int(portText), (1...65_535).contains(port) else {
            throw .invalidHost(value: text, reason: "the port must be a number from 1 to 65535")
        }
        return .tcp(host: String(name), port: port)
    }

    /// The form that `DOCKER_HOST` has.
    public var description: String {
        switch self {
        case .unixSocket(let path): "unix://\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        }
    }

    /// What a request's URL begins with, in the spelling of async-http-client.
    var baseURL: String {
        switch self {
        case .unixSocket(let path): "http+unix://\(PercentEncoding.strict(path))"
        case .tcp(let host, let port): host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
        }
    }
}

extension String {
    fileprivate func removing(prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
