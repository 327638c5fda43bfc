/// Counters of a gateway since each endpoint or upstream was first configured.
public struct GatewayStatistics: Sendable, Hashable {
    /// By endpoint id.
    public var endpoints: [String: EndpointStatistics]
}

/// Counters of one endpoint.
public struct EndpointStatistics: Sendable, Hashable {
    /// Requests whose head was read, refused ones included.
    public var requests: Int
    /// Requests refused for their own sake: malformed, too large, or asking for what is not supported.
    public var refused: Int
    /// Requests answered with 503 since no replica was ready.
    public var noReadyReplica: Int
    /// Open client connections.
    public var connections: Int
    /// By upstream id.
    public var upstreams: [String: UpstreamStatistics]
}

/// Counters of one upstream.
public struct UpstreamStatistics: Sendable, Hashable {
    /// Requests that are there now, those whose connection is still being opened included.
    public var inFlight: Int
    /// Requests sent there, each try counted: those repeated there or elsewhere are in it more than once.
    public var requests: Int
    /// Requests tried again: elsewhere after a failed connect, here on a fresh connection after a stale one.
    public var retries: Int
    /// Failures by class.
    public var errors: UpstreamErrors
    /// Request body bytes sent to it.
    public var requestBytes: Int
    /// Response body bytes received from it.
    public var responseBytes: Int
    /// How often reading from it was paused for a slower client (back-pressure).
    public var pauses: Int
}

/// Failures of one upstream by class.
public struct UpstreamErrors: Sendable, Hashable {
    /// The connection could not be opened.
    public var connect: Int
    /// No response head, or no progress of a body, in time.
    public var timeout: Int
    /// It answered with a 5xx status, which was passed on.
    public var status5xx: Int
    /// It closed the connection, or sent what is not HTTP, before its response was complete.
    public var aborted: Int
    /// The client went away, or stopped reading, before the response was complete.
    public var clientGone: Int
}
