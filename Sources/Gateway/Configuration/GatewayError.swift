/// What can go wrong when a gateway is configured.
public enum GatewayError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The configuration contradicts itself or holds an illegal value; nothing was applied.
    case invalidConfiguration(String)
    /// Another process, or another endpoint, listens there.
    case addressInUse(host: String, port: Int)
    /// The system refused the address for another reason, named in `reason`.
    case cannotBind(host: String, port: Int, reason: String)
    /// The gateway was shut down and cannot be used again.
    case shutDown

    /// One sentence for people.
    public var description: String {
        switch self {
        case .invalidConfiguration(let reason): "Invalid gateway configuration: \(reason)."
        case .addressInUse(let host, let port): "Port \(port) on \(host) is in use."
        case .cannotBind(let host, let port, let reason): "Cannot listen on port \(port) of \(host): \(reason)."
        case .shutDown: "The gateway is shut down."
        }
    }
}

/// What ``GatewayServer/apply(_:)`` did.
public struct ApplyReport: Sendable, Hashable {
    /// Where each endpoint listens now, by endpoint id. An endpoint whose new address failed is here with its old one, if it had one.
    public var bound: [String: EndpointAddress]
    /// Endpoints that were removed; requests in flight on them still finish.
    public var removed: [String]
    /// Endpoints whose address could not be bound, by endpoint id; everything else was applied.
    public var failures: [String: GatewayError]
}

/// How ``GatewayServer/drain(endpoint:upstream:deadline:)`` ended.
public enum DrainOutcome: Sendable, Hashable {
    /// Nothing is in flight on the upstream any more.
    case drained
    /// The deadline passed with this many requests still in flight.
    case deadlineExceeded(inFlight: Int)
}
