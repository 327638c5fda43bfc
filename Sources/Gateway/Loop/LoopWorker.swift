import Logging
import NIOCore

/// One endpoint as every event loop gets it: the configuration with the counters that the loops share.
struct EndpointPlan: Sendable {
    var configuration: EndpointConfiguration
    var meter: EndpointMeter
    var upstreams: [(upstream: Upstream, meter: UpstreamMeter)]
}

/// All that one event loop knows. Confined to the loop, so that no request ever takes a lock or changes threads.
final class LoopWorker {
    private let eventLoop: any EventLoop
    private let index: Int
    private let options: GatewayOptions
    private let logger: Logger
    private let clients: DrainWaiters
    private var endpoints: [String: EndpointRuntime] = [:]
    /// Endpoints that are no longer configured, until their last client is gone.
    private var retired: [EndpointRuntime] = []

    init(eventLoop: any EventLoop, index: Int, options: GatewayOptions, logger: Logger) {
        self.eventLoop = eventLoop
        self.index = index
        self.options = options
        self.logger = logger
        clients = DrainWaiters(eventLoop: eventLoop)
    }

    var done: EventLoopFuture<Void> { eventLoop.makeSucceededVoidFuture() }

    func endpoint(_ id: String) -> EndpointRuntime? {
        endpoints[id]
    }

    /// Adds or updates endpoints, all between two events of this loop.
    func update(_ plans: [EndpointPlan]) {
        retired.removeAll { $0.hasEnded }
        for plan in plans {
            if let endpoint = endpoints[plan.configuration.id] {
                endpoint.update(plan)
                continue
            }
            var logger = logger
            logger[metadataKey: "endpoint"] = "\(plan.configuration.id)"
            endpoints[plan.configuration.id] = EndpointRuntime(
                plan, options: options, eventLoop: eventLoop, rotation: index, clientCount: clients, logger: logger
            )
        }
    }

    /// Takes endpoints out of service; what is under way finishes.
    func retire(_ ids: some Sequence<String>) {
        for id in ids {
            guard let endpoint = endpoints.removeValue(forKey: id) else { continue }
            endpoint.quiesce()
            retired.append(endpoint)
        }
    }

    /// Succeeds with the number of requests still in flight at the deadline, 0 as soon as there are none.
    func drained(endpoint id: String, upstream: String, by deadline: NIODeadline) -> EventLoopFuture<Int> {
        let concerned = retired.filter { $0.configuration.id == id } + [endpoints[id]].compactMap(\.self)
        let futures = concerned.flatMap { $0.drained(upstream: upstream, by: deadline) }
        return EventLoopFuture.reduce(0, futures, on: eventLoop, +)
    }

    /// Succeeds with the number of client connections still open at the deadline, 0 as soon as there are none.
    func clientsGone(by deadline: NIODeadline) -> EventLoopFuture<Int> {
        clients.drained(by: deadline)
    }

    /// Closes every client connection, whatever is under way.
    func closeClients() {
        for endpoint in retired + endpoints.values { endpoint.closeClients() }
    }
}
