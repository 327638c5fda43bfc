import NIOCore

/// All that a gateway should serve, as one value. It is applied as a whole by ``GatewayServer/apply(_:)``.
public struct GatewayConfiguration: Sendable, Hashable {
    /// The stable endpoints, in any order. Ids and addresses must be unique.
    public var endpoints: [EndpointConfiguration]

    /// Makes a configuration; without endpoints it serves nothing.
    public init(endpoints: [EndpointConfiguration] = []) {
        self.endpoints = endpoints
    }
}

/// The stable endpoint of one deployment: where it listens, and the replicas that answer.
public struct EndpointConfiguration: Sendable, Hashable, Identifiable {
    /// The deployment's id; names the endpoint in reports and statistics.
    public var id: String
    /// The deployment's name; used in messages for people only.
    public var name: String
    /// Where clients connect.
    public var address: EndpointAddress
    /// The replicas; an empty list answers every request with 503.
    public var upstreams: [Upstream]
    /// How long each phase of a request may take.
    public var timeouts: EndpointTimeouts

    /// Makes an endpoint.
    public init(id: String, name: String, address: EndpointAddress, upstreams: [Upstream] = [], timeouts: EndpointTimeouts = .init()) {
        self.id = id
        self.name = name
        self.address = address
        self.upstreams = upstreams
        self.timeouts = timeouts
    }
}

/// A host and TCP port.
public struct EndpointAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IP address or a host name.
    public var host: String
    /// The port, 0...65535; 0 lets the system choose one, which ``ApplyReport/bound`` then names.
    public var port: Int

    /// Makes an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, an IPv6 host in brackets.
    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// One replica as the gateway sees it.
public struct Upstream: Sendable, Hashable, Identifiable {
    /// Whether an upstream takes new requests.
    public enum State: Sendable, Hashable {
        /// New requests may go there.
        case ready
        /// It finishes what it has, and gets nothing new.
        case draining
    }

    /// The replica's id; sent to clients as `X-Catapult-Replica`, so only visible ASCII is allowed.
    public var id: String
    /// An IP address or a host name.
    public var host: String
    /// The port, 1...65535.
    public var port: Int
    /// Whether new requests may go there.
    public var state: State

    /// Makes an upstream.
    public init(id: String, host: String, port: Int, state: State = .ready) {
        self.id = id
        self.host = host
        self.port = port
        self.state = state
    }
}

/// Limits for the phases of a request. Each is for one phase, none for the whole: a stream may last for days.
public struct EndpointTimeouts: Sendable, Hashable {
    /// To open a connection to a replica. Default 5 s.
    public var connect: Duration
    /// From the end of the request to the head of the response. Default 600 s: language models think.
    public var responseHead: Duration
    /// Without any progress of either body once it began. Default 600 s.
    public var bodyIdle: Duration
    /// How long an unused connection to a replica is kept. Default 4 s: uvicorn and llama.cpp drop theirs after 5 s, and the gateway must be first.
    public var upstreamIdle: Duration

    /// Makes a set of limits; all must be positive.
    public init(
        connect: Duration = .seconds(5), responseHead: Duration = .seconds(600), bodyIdle: Duration = .seconds(600),
        upstreamIdle: Duration = .seconds(4)
    ) {
        self.connect = connect
        self.responseHead = responseHead
        self.bodyIdle = bodyIdle
        self.upstreamIdle = upstreamIdle
    }
}
