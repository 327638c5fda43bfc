import NIOCore
import NIOHTTP1

/// Settings of a gateway that do not change while it runs.
public struct GatewayOptions: Sendable {
    /// The largest request or response head, and the largest trailer section, in bytes of names and values. Default 64 KiB.
    public var maxHeaderBytes: Int
    /// The most header fields in one head. Default 128.
    public var maxHeaderFields: Int
    /// How long a client connection may stay without a request. Default 75 s. A request head must arrive within it, too.
    public var clientIdleTimeout: Duration
    /// How long the rest of a request is read and dropped after an early answer, so that the client can read the answer. Default 5 s.
    public var lingerTimeout: Duration
    /// The most unused connections kept per replica and event loop. Default 64.
    public var maxIdleConnectionsPerLoop: Int
    /// Connections that the kernel may queue per listener. Default 1024.
    public var backlog: Int
    /// The kernel's send and receive buffer of each connection, in bytes (`SO_SNDBUF`, `SO_RCVBUF`). By default the system chooses, which is
    /// fastest for one stream; with thousands of slow readers a fixed size bounds the kernel's memory, too.
    public var socketBufferBytes: Int?
    /// When replicas that refuse connections are left out, and for how long.
    public var outlierPolicy: OutlierPolicy

    /// Makes a set of options.
    public init(
        maxHeaderBytes: Int = 64 << 10, maxHeaderFields: Int = 128, clientIdleTimeout: Duration = .seconds(75),
        lingerTimeout: Duration = .seconds(5), maxIdleConnectionsPerLoop: Int = 64, backlog: Int = 1024,
        socketBufferBytes: Int? = nil, outlierPolicy: OutlierPolicy = .init()
    ) {
        self.maxHeaderBytes = maxHeaderBytes
        self.maxHeaderFields = maxHeaderFields
        self.clientIdleTimeout = clientIdleTimeout
        self.lingerTimeout = lingerTimeout
        self.maxIdleConnectionsPerLoop = maxIdleConnectionsPerLoop
        self.backlog = backlog
        self.socketBufferBytes = socketBufferBytes
        self.outlierPolicy = outlierPolicy
    }
}

extension GatewayOptions {
    /// What both ends of an exchange have set on their sockets.
    var socketOptions: [(option: ChannelOptions.Types.SocketOption, value: Int)] {
        var options: [(option: ChannelOptions.Types.SocketOption, value: Int)] = [(.init(level: .tcp, name: .tcp_nodelay), 1)]
        if let socketBufferBytes {
            options.append((.init(level: .socket, name: .so_sndbuf), socketBufferBytes))
            options.append((.init(level: .socket, name: .so_rcvbuf), socketBufferBytes))
        }
        return options
    }

    var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = maxHeaderBytes
        limits.maxHeaderListSize = maxHeaderBytes
        limits.maxHeaderFieldCount = maxHeaderFields
        return limits
    }
}
