import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// One upstream on one event loop: its unused connections, its health as seen from here, and what is in flight. Confined to the loop.
final class UpstreamRuntime: RearmableTimerOwner {
    let id: String
    let host: String
    let port: Int
    let meter: UpstreamMeter
    private(set) var isReady: Bool

    private let eventLoop: any EventLoop
    private let options: GatewayOptions
    private let logger: Logger
    private var connectTimeout: TimeAmount
    private var pool: IdlePool<UpstreamConnection>
    private var outlier = OutlierState()
    private let inFlight: DrainWaiters
    private let reaper: RearmableTimer

    init(
        _ upstream: Upstream, meter: UpstreamMeter, timeouts: EndpointTimeouts, options: GatewayOptions, eventLoop: any EventLoop,
        logger: Logger
    ) {
        id = upstream.id
        host = upstream.host
        port = upstream.port
        isReady = upstream.state == .ready
        self.meter = meter
        self.eventLoop = eventLoop
        self.options = options
        self.logger = logger
        connectTimeout = TimeAmount(timeouts.connect)
        pool = IdlePool(limit: options.maxIdleConnectionsPerLoop, idleTimeout: TimeAmount(timeouts.upstreamIdle))
        inFlight = DrainWaiters(eventLoop: eventLoop)
        reaper = RearmableTimer(eventLoop: eventLoop)
    }

    func update(isReady: Bool, timeouts: EndpointTimeouts) {
        self.isReady = isReady
        connectTimeout = TimeAmount(timeouts.connect)
        pool.idleTimeout = TimeAmount(timeouts.upstreamIdle)
        if !isReady { closeIdle() }
    }

    /// Takes no more requests; those in flight finish.
    func retire() {
        isReady = false
        closeIdle()
    }

    func isServing(_ upstream: Upstream) -> Bool {
        id == upstream.id && host == upstream.host && port == upstream.port
    }

    func isEjected(at now: NIODeadline) -> Bool {
        outlier.isEjected(at: now)
    }

    // MARK: Requests in flight

    var inFlightCount: Int { inFlight.count }

    func begin() {
        inFlight.enter()
        meter.inFlight.add(1)
        meter.requests.add()
    }

    /// A request that is in flight here already is sent once more.
    func noteRepetition() {
        meter.retries.add()
        meter.requests.add()
    }

    func end() {
        meter.inFlight.add(-1)
        inFlight.leave()
    }

    func drained(by deadline: NIODeadline) -> EventLoopFuture<Int> {
        inFlight.drained(by: deadline)
    }

    // MARK: Connections

    func takeIdle() -> UpstreamConnection? {
        let now = NIODeadline.now()
        while let connection = pool.take(now: now) {
            if connection.isActive { return connection }
        }
        return nil
    }

    /// Keeps a connection for the next request, or closes it.
    func park(_ connection: UpstreamConnection) {
        guard isReady, connection.isActive, pool.park(connection, terms: connection.terms, now: .now()) else {
            connection.close()
            return
        }
        reaper.set(pool.nextExpiry, for: self)
    }

    func forget(_ connection: UpstreamConnection) {
        pool.remove(connection)
    }

    func connect(_ completion: @escaping (Result<UpstreamConnection, any Error>) -> Void) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let limits = options.decoderLimits
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var encoding = HTTPRequestEncoder.Configuration()
                    encoding.automaticallySetFramingHeaders = false
                    let decoder = HTTPResponseDecoder(limitConfiguration: limits)
                    let connection = UpstreamConnection(upstream: bound.value)
                    try channel.pipeline.syncOperations.addHandlers([
                        UpstreamByteWatch(connection), HTTPRequestEncoder(configuration: encoding), ByteToMessageHandler(decoder),
                        connection,
                    ])
                }
            }
        for (option, value) in options.socketOptions { bootstrap = bootstrap.channelOption(option, value: value) }
        let channel =
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                bootstrap.connect(to: address)
            } else {
                bootstrap.connect(host: host, port: port)
            }
        channel.assumeIsolated()
            .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: UpstreamConnection.self) }
            .whenComplete { result in
                self.noteConnect(result)
                completion(result)
            }
    }

    private func noteConnect(_ result: Result<UpstreamConnection, any Error>) {
        switch result {
        case .success:
            if outlier.failures > 0 { logger.info("Replica accepts connections again", metadata: ["replica": "\(id)"]) }
            outlier.connectSucceeded()
        case .failure(let error):
            meter.connectErrors.add()
            guard let length = outlier.connectFailed(at: .now(), policy: options.outlierPolicy) else { return }
            logger.warning(
                "Replica refuses connections and is left out",
                metadata: ["replica": "\(id)", "address": "\(host):\(port)", "for": "\(length)", "error": "\(error)"]
            )
        }
    }

    /// Closes connections that were not used for too long.
    func timerExpired() {
        for connection in pool.expire(now: .now()) { connection.close() }
        reaper.set(pool.nextExpiry, for: self)
    }

    func closeIdle() {
        for connection in pool.removeAll() { connection.close() }
        reaper.invalidate()
    }
}
