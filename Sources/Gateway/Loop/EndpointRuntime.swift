import Logging
import NIOCore

/// One endpoint on one event loop: its upstreams and its client connections. Confined to the loop.
final class EndpointRuntime {
    /// What to use for a request.
    enum Acquisition {
        case pooled(UpstreamConnection)
        case connect(UpstreamRuntime)
        case none
    }

    private(set) var configuration: EndpointConfiguration
    let meter: EndpointMeter
    let eventLoop: any EventLoop
    let options: GatewayOptions
    private let logger: Logger
    private let clientCount: DrainWaiters
    private var requestIDs = RequestIDs()
    private var balancer: Balancer
    private var upstreams: [UpstreamRuntime] = []
    /// Upstreams that are no longer configured but have requests in flight.
    private var retired: [UpstreamRuntime] = []
    private var clients: [ObjectIdentifier: ClientConnection] = [:]
    private(set) var isQuiescing = false

    private(set) var responseHeadTimeout = TimeAmount.zero
    private(set) var bodyIdleTimeout = TimeAmount.zero
    let clientIdleTimeout: TimeAmount
    let lingerTimeout: TimeAmount

    init(
        _ plan: EndpointPlan, options: GatewayOptions, eventLoop: any EventLoop, rotation: Int, clientCount: DrainWaiters, logger: Logger
    ) {
        configuration = plan.configuration
        meter = plan.meter
        self.options = options
        self.eventLoop = eventLoop
        self.clientCount = clientCount
        self.logger = logger
        balancer = Balancer(rotation: rotation)
        clientIdleTimeout = TimeAmount(options.clientIdleTimeout)
        lingerTimeout = TimeAmount(options.lingerTimeout)
        update(plan)
    }

    /// Replaces the set of upstreams; those that stay keep their connections and their health.
    func update(_ plan: EndpointPlan) {
        configuration = plan.configuration
        let timeouts = configuration.timeouts
        responseHeadTimeout = TimeAmount(timeouts.responseHead)
        bodyIdleTimeout = TimeAmount(timeouts.bodyIdle)
        var former = upstreams
        upstreams = plan.upstreams.map { upstream, meter in
            if let index = former.firstIndex(where: { $0.isServing(upstream) }) {
                let kept = former.remove(at: index)
                kept.update(isReady: upstream.state == .ready, timeouts: timeouts)
                return kept
            }
            return UpstreamRuntime(upstream, meter: meter, timeouts: timeouts, options: options, eventLoop: eventLoop, logger: logger)
        }
        for upstream in former { upstream.retire() }
        retired = (retired + former).filter { $0.inFlightCount > 0 }
    }

    func nextRequestID() -> String {
        requestIDs.next()
    }

    /// Chooses an upstream and counts the request as in flight there. `fresh`: no pooled connection.
    func acquire(excluding tried: [UpstreamRuntime], fresh: Bool) -> Acquisition {
        let now = NIODeadline.now()
        let choice = balancer.choose(among: upstreams.count) { index in
            let upstream = upstreams[index]
            return Balancer.Candidate(
                isEligible: upstream.isReady && !tried.contains { $0 === upstream }, isEjected: upstream.isEjected(at: now),
                outstanding: upstream.meter.inFlight.value
            )
        }
        guard let choice else { return .none }
        let upstream = upstreams[choice]
        upstream.begin()
        if !fresh, let connection = upstream.takeIdle() { return .pooled(connection) }
        return .connect(upstream)
    }

    /// Futures of how many requests remain in flight on an upstream at the deadline, one for each address that it had.
    func drained(upstream id: String, by deadline: NIODeadline) -> [EventLoopFuture<Int>] {
        (upstreams + retired).filter { $0.id == id }.map { $0.drained(by: deadline) }
    }

    /// Out of service, and nobody is left who uses it.
    var hasEnded: Bool { isQuiescing && clients.isEmpty }

    // MARK: Clients

    func add(_ client: ClientConnection) {
        clients[ObjectIdentifier(client)] = client
        clientCount.enter()
        meter.connections.add(1)
    }

    func remove(_ client: ClientConnection) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        meter.connections.add(-1)
        clientCount.leave()
        if isQuiescing, clients.isEmpty { retireUpstreams() }
    }

    /// Each client finishes the request that it has under way, and is then closed.
    func quiesce() {
        isQuiescing = true
        for client in Array(clients.values) { client.quiesce() }
        if clients.isEmpty { retireUpstreams() }
    }

    func closeClients() {
        for client in Array(clients.values) { client.closeNow() }
    }

    private func retireUpstreams() {
        for upstream in upstreams { upstream.retire() }
    }
}
