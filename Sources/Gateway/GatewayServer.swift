import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// The gateway: listens at the stable endpoints of deployments, and forwards HTTP/1.1 requests to their replicas.
///
/// Bodies are streamed both ways with back-pressure and without buffering. Each event loop has its own connections to the replicas and its own
/// copy of the configuration; a request stays on the loop that accepted its connection. What was applied last keeps serving until something
/// else is applied: the gateway needs nobody to stay up.
///
/// Call ``shutdown(graceDeadline:)`` before the last reference goes.
public actor GatewayServer {
    private struct Listener {
        var channel: any Channel
        /// As configured; the port may be 0.
        var address: EndpointAddress
        var bound: EndpointAddress
    }

    private struct Meters {
        var endpoint = EndpointMeter()
        var upstreams: [String: UpstreamMeter] = [:]
    }

    private typealias Worker = NIOLoopBoundBox<LoopWorker>

    private let options: GatewayOptions
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let workers: [ObjectIdentifier: Worker]
    private var configuration = GatewayConfiguration()
    private var listeners: [String: Listener] = [:]
    private var meters: [String: Meters] = [:]
    private var isShutDown = false
    /// The last change that was asked for; the next one waits for it, so that changes never mix.
    private var lastChange: Task<Void, Never>?

    /// Makes a gateway that serves nothing yet.
    /// - Parameters:
    ///   - options: Settings that do not change while it runs.
    ///   - eventLoopGroup: Where it runs; it stays the caller's, and must outlive the gateway.
    ///   - logger: Gets listeners, ejected replicas and failures; never a request's content.
    public init(
        options: GatewayOptions = .init(), eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) {
        self.options = options
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        var workers: [ObjectIdentifier: Worker] = [:]
        for (index, eventLoop) in eventLoopGroup.makeIterator().enumerated() {
            workers[ObjectIdentifier(eventLoop)] = Worker.makeBoxSendingValue(
                LoopWorker(eventLoop: eventLoop, index: index, options: options, logger: logger), eventLoop: eventLoop
            )
        }
        self.workers = workers
    }

    // MARK: Configuration

    /// Makes the gateway serve exactly this configuration.
    ///
    /// Upstream sets change on each event loop between two events; requests in flight are not touched. New listeners are bound; those of removed
    /// endpoints are closed, and their clients when the request under way is finished. An address that cannot be bound is reported, and
    /// everything else applied; an endpoint whose new address fails goes on at its old one. Applying the same value again tries such an
    /// address again.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``, and nothing has changed; ``GatewayError/shutDown``.
    @discardableResult
    public func apply(_ configuration: GatewayConfiguration) async throws -> ApplyReport {
        try await change { current in current = configuration }
    }

    /// Adds or replaces one endpoint; the same as ``apply(_:)`` with the others as they are.
    @discardableResult
    public func setEndpoint(_ endpoint: EndpointConfiguration) async throws -> ApplyReport {
        try await change { current in
            if let index = current.endpoints.firstIndex(where: { $0.id == endpoint.id }) {
                current.endpoints[index] = endpoint
            } else {
                current.endpoints.append(endpoint)
            }
        }
    }

    /// Removes one endpoint; the same as ``apply(_:)`` with the others as they are. An unknown id changes nothing.
    @discardableResult
    public func removeEndpoint(_ id: String) async throws -> ApplyReport {
        try await change { current in current.endpoints.removeAll { $0.id == id } }
    }

    /// Sends an upstream no new requests, and waits until none is in flight there.
    ///
    /// The upstream counts as ``Upstream/State/draining`` from here on, until a configuration says otherwise. One that was removed from the
    /// configuration is waited for as well; one that is not known has nothing in flight.
    public func drain(endpoint: String, upstream: String, deadline: ContinuousClock.Instant) async -> DrainOutcome {
        // Fails only after shutdown, when nothing can be in flight that could be waited for.
        _ = try? await change { current in
            guard let index = current.endpoints.firstIndex(where: { $0.id == endpoint }),
                let replica = current.endpoints[index].upstreams.firstIndex(where: { $0.id == upstream })
            else { return }
            current.endpoints[index].upstreams[replica].state = .draining
        }
        let limit = NIODeadline(deadline)
        let remaining = await onEachLoop { $0.drained(endpoint: endpoint, upstream: upstream, by: limit) }.reduce(0, +)
        return remaining == 0 ? .drained : .deadlineExceeded(inFlight: remaining)
    }

    /// Closes all listeners, lets each client finish the request that it has under way, and returns when all are gone.
    /// - Parameter graceDeadline: When the rest is cut off.
    /// - Returns: How many client connections were cut off.
    @discardableResult
    public func shutdown(graceDeadline: ContinuousClock.Instant) async -> Int {
        // A second shutdown changes nothing, and waits like the first.
        _ = try? await change(isFinal: true) { current in current = GatewayConfiguration() }
        let limit = NIODeadline(graceDeadline)
        let remaining = await onEachLoop { $0.clientsGone(by: limit) }.reduce(0, +)
        if remaining > 0 {
            logger.warning("Gateway cuts off clients at the end of the grace period", metadata: ["connections": "\(remaining)"])
            _ = await onEachLoop { worker in
                worker.closeClients()
                return worker.clientsGone(by: .distantFuture)
            }
        }
        return remaining
    }

    /// Counters of all configured endpoints and upstreams.
    public func statistics() -> GatewayStatistics {
        GatewayStatistics(
            endpoints: meters.mapValues { meters in
                EndpointStatistics(
                    requests: meters.endpoint.requests.value, refused: meters.endpoint.refused.value,
                    noReadyReplica: meters.endpoint.noReadyReplica.value, connections: meters.endpoint.connections.value,
                    upstreams: meters.upstreams.mapValues(\.statistics)
                )
            }
        )
    }

    // MARK: Changing

    /// Edits the configuration and puts the result into effect, after all changes that were asked for before.
    private func change(
        isFinal: Bool = false, _ edit: @escaping @Sendable (inout GatewayConfiguration) -> Void
    ) async throws -> ApplyReport {
        let previous = lastChange
        let task = Task {
            await previous?.value
            var next = configuration
            edit(&next)
            let report = try await install(next)
            isShutDown = isShutDown || isFinal
            return report
        }
        lastChange = Task { _ = await task.result }
        return try await task.value
    }

    private func install(_ next: GatewayConfiguration) async throws -> ApplyReport {
        guard !isShutDown else { throw GatewayError.shutDown }
        try next.validate()
        let removed = Set(configuration.endpoints.map(\.id)).subtracting(next.endpoints.map(\.id)).sorted()
        let plan = ListenerPlan(
            current: listeners.mapValues(\.address),
            desired: Dictionary(uniqueKeysWithValues: next.endpoints.map { ($0.id, $0.address) }), order: next.endpoints.map(\.id)
        )
        configuration = next

        let plans = endpointPlans()
        _ = await onEachLoop { worker in
            worker.update(plans)
            return worker.done
        }
        for id in plan.closeFirst { await closeListener(id) }
        if !removed.isEmpty {
            _ = await onEachLoop { worker in
                worker.retire(removed)
                return worker.done
            }
        }
        var failures: [String: GatewayError] = [:]
        for endpoint in next.endpoints where plan.bind.contains(endpoint.id) {
            do throws(GatewayError) {
                let listener = try await bind(endpoint)
                await closeListener(endpoint.id)
                listeners[endpoint.id] = listener
                logger.info("Endpoint listens", metadata: ["endpoint": "\(endpoint.id)", "address": "\(listener.bound)"])
            } catch {
                failures[endpoint.id] = error
                logger.error("Endpoint cannot listen", metadata: ["endpoint": "\(endpoint.id)", "error": "\(error)"])
            }
        }
        return ApplyReport(bound: listeners.mapValues(\.bound), removed: removed, failures: failures)
    }

    /// The configuration with the counters of each endpoint and upstream, new ones where needed; counters of what is gone are dropped.
    private func endpointPlans() -> [EndpointPlan] {
        var kept: [String: Meters] = [:]
        let plans = configuration.endpoints.map { endpoint in
            let former = meters[endpoint.id] ?? Meters()
            var next = Meters(endpoint: former.endpoint)
            let upstreams = endpoint.upstreams.map { upstream in
                let meter = former.upstreams[upstream.id] ?? UpstreamMeter()
                next.upstreams[upstream.id] = meter
                return (upstream, meter)
            }
            kept[endpoint.id] = next
            return EndpointPlan(configuration: endpoint, meter: next.endpoint, upstreams: upstreams)
        }
        meters = kept
        return plans
    }

    private func onEachLoop<T: Sendable>(_ body: @escaping @Sendable (LoopWorker) -> EventLoopFuture<T>) async -> [T] {
        // All loops begin before the first is waited for. A future of these fails only when its loop was shut down, and nothing runs there.
        let futures = workers.values.map { worker in worker.eventLoop.flatSubmit { body(worker.value) } }
        var values: [T] = []
        for future in futures {
            if let value = try? await future.get() { values.append(value) }
        }
        return values
    }

    // MARK: Listeners

    private func bind(_ endpoint: EndpointConfiguration) async throws(GatewayError) -> Listener {
        let id = endpoint.id
        let (host, port) = (endpoint.address.host, endpoint.address.port)
        var bootstrap = ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: CInt(clamping: options.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [workers, options] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let endpoint = workers[ObjectIdentifier(channel.eventLoop)]?.value.endpoint(id) else {
                        throw ChannelError.ioOnClosedChannel
                    }
                    try channel.pipeline.syncOperations.addHandlers(
                        Self.clientHandlers(endpoint: endpoint, channel: channel, options: options))
                }
            }
        for (option, value) in options.socketOptions { bootstrap = bootstrap.childChannelOption(option, value: value) }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            let bound = EndpointAddress(host: host, port: channel.localAddress?.port ?? port)
            return Listener(channel: channel, address: endpoint.address, bound: bound)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .addressInUse(host: host, port: port)
        } catch {
            throw .cannotBind(host: host, port: port, reason: String(describing: error))
        }
    }

    private static func clientHandlers(endpoint: EndpointRuntime, channel: any Channel, options: GatewayOptions) -> [any ChannelHandler] {
        var encoding = HTTPResponseEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        let decoder = HTTPRequestDecoder(limitConfiguration: options.decoderLimits)
        return [
            HTTPResponseEncoder(configuration: encoding), ByteToMessageHandler(decoder),
            ClientConnection(endpoint: endpoint, channel: channel),
        ]
    }

    private func closeListener(_ id: String) async {
        guard let listener = listeners.removeValue(forKey: id) else { return }
        // Fails only where it is closed already.
        try? await listener.channel.close().get()
        logger.info("Endpoint stops listening", metadata: ["endpoint": "\(id)", "address": "\(listener.bound)"])
    }
}

extension NIODeadline {
    /// The same moment on NIO's clock.
    fileprivate init(_ instant: ContinuousClock.Instant) {
        self = .now() + TimeAmount(ContinuousClock.now.duration(to: instant))
    }
}
