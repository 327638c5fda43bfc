import NIOCore
import NIOHTTP1
import NIOPosix

/// What one event loop of a run found.
struct WorkerResult: Sendable {
    var recorder: Recorder
    var lag: LatencyHistogram
    var peakBacklog: Int
    var bytesSent: Int
    var bytesReceived: Int
    /// The share of its time for which the event loop's thread used a processor.
    var busy: Double
}

/// One event loop's part of a run: owns its connections, and carries out what its driver says. Used on its event loop only.
final class Worker {
    /// The closed loop's own clock ticks this often, to see how late the event loop is.
    static let lagTick = TimeAmount.milliseconds(10)

    private let eventLoop: any EventLoop
    private let plan: LoadTest.Plan
    private let request: RequestBytes
    private let course: SharedCourse
    private let finished: EventLoopPromise<WorkerResult>
    private let counter = WireCounter()
    private var driver: any LoadDriver
    private var recorder = Recorder()
    private var tickLag = LatencyHistogram()
    private var connections: [Int: ConnectionHandler] = [:]
    /// All that are not closed yet, those that are being opened included.
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var nextNumber = 0
    private var windowEnd: NIODeadline?
    private var drainEnd: Scheduled<Void>?
    private var started: (wall: NIODeadline, cpu: Duration) = (.now(), .zero)
    private var state = State.running

    private enum State {
        case running
        /// Everything is being closed; the error is for who waits for the result.
        case stopping((any Error)?)
        case done

        var isRunning: Bool { if case .running = self { true } else { false } }
    }

    init(
        eventLoop: any EventLoop, plan: LoadTest.Plan, driver: any LoadDriver, course: SharedCourse,
        finished: EventLoopPromise<WorkerResult>
    ) {
        self.eventLoop = eventLoop
        self.plan = plan
        request = RequestBytes(plan)
        self.driver = driver
        self.course = course
        self.finished = finished
    }

    /// Begins to send.
    func start() {
        guard state.isRunning else { return }
        started = (.now(), CPUTime.thread)
        if driver.scheduleLag == nil { tick(at: started.wall + Self.lagTick) }
        perform(driver.start(at: started.wall))
    }

    /// Gives up at once: what is under way counts as unfinished, and all connections are closed.
    ///
    /// - Parameter error: for who waits for the result; nil where the result so far is wanted.
    func stop(_ error: (any Error)? = nil) {
        guard state.isRunning else { return }
        state = .stopping(error)
        for ticket in driver.abandon() + connections.values.compactMap(\.ticket) { recorder.recordUnfinished(ticket) }
        for channel in channels.values { channel.close(promise: nil) }
        finishIfDone()
    }

    /// What happened so far, and how many requests are under way.
    var progress: (succeeded: Int, failed: Int, inFlight: Int) {
        (recorder.counts.succeeded, recorder.failed, connections.values.count { $0.ticket != nil })
    }

    // MARK: What connections report

    func record(_ outcome: Outcome) {
        // What the stop itself cuts off is unfinished, and counted already.
        guard state.isRunning else { return }
        recorder.record(outcome, windowEnd: windowEnd)
    }

    func connectionReleased(_ number: Int) {
        guard state.isRunning else { return }
        perform(driver.released(number, at: .now()))
    }

    func connectionClosed(_ number: Int) {
        connections[number] = nil
        guard state.isRunning else { return }
        perform(driver.closed(number, at: .now()))
    }

    // MARK: What the driver wants

    private func perform(_ actions: [DriverAction]) {
        for action in actions {
            switch action {
            case .connect(let pause):
                if pause == .zero { connect() } else { schedule(at: .now() + pause) { $0.connect() } }
            case .send(let ticket, let number):
                if ticket.isCounted, windowEnd == nil { learnWindowEnd() }
                connections[number]?.send(ticket, at: .now())
            case .fail(let ticket, let failure, let detail):
                record(Outcome(ticket: ticket, sent: nil, ended: .now(), result: .failure(failure, detail: detail)))
            case .close(let number):
                connections[number]?.close()
            case .wake(let time):
                schedule(at: time) { $0.perform($0.driver.woken(at: .now())) }
            }
        }
        finishIfDone()
    }

    /// The first request that counts sets the end of counting; the drain ends some time after it.
    private func learnWindowEnd() {
        guard case .duration = plan.stop, let end = course.snapshot.windowEnd else { return }
        windowEnd = end
        drainEnd = schedule(at: end + TimeAmount(plan.drain)) { $0.stop() }
    }

    private func connect() {
        let number = nextNumber
        nextNumber += 1
        let begun = NIODeadline.now()
        let worker = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(plan.requestTimeout))
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try worker.value.configure(channel) } }
        let target = plan.target
        let channel: EventLoopFuture<any Channel>
        if let address = try? SocketAddress(ipAddress: target.host, port: target.port) {
            channel = bootstrap.connect(to: address)
        } else {
            channel = bootstrap.connect(host: target.host, port: target.port)
        }
        channel.assumeIsolated().whenComplete { self.connectEnded($0, number: number, begun: begun) }
    }

    private func configure(_ channel: any Channel) throws {
        guard state.isRunning else { throw ChannelError.ioOnClosedChannel }
        let machine = ConnectionMachine(timeout: TimeAmount(plan.requestTimeout), streaming: plan.streaming)
        try channel.pipeline.syncOperations.addHandlers([
            WireHandler(request: request.bytes, counter: counter),
            ByteToMessageHandler(HTTPResponseDecoder()),
            ConnectionHandler(head: request.head, machine: machine, worker: self),
        ])
        let id = ObjectIdentifier(channel)
        channels[id] = channel
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.channels[id] = nil
            self.finishIfDone()
        }
    }

    private func connectEnded(_ result: Result<any Channel, any Error>, number: Int, begun: NIODeadline) {
        guard state.isRunning else { return }
        let now = NIODeadline.now()
        do {
            let channel = try result.get()
            let handler = try channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)
            guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
            handler.number = number
            connections[number] = handler
            recorder.connect.record(nanoseconds: (now - begun).nanoseconds)
            perform(driver.connected(number, at: now))
        } catch {
            perform(driver.connectFailed(Self.reason(error), at: now))
        }
    }

    /// The cause in a connect error, without the attempts around it.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        if let failure = error.connectionErrors.first { return "\(failure.error)" }
        return (error.dnsAError ?? error.dnsAAAAError).map { "\($0)" } ?? "\(error)"
    }

    // MARK: Time

    /// Does something later, unless the run has ended by then.
    @discardableResult
    private func schedule(at time: NIODeadline, _ work: @escaping (Worker) -> Void) -> Scheduled<Void> {
        eventLoop.assumeIsolated().scheduleTask(deadline: time) { [weak self] in
            guard let self, self.state.isRunning else { return }
            work(self)
        }
    }

    /// Measures how late the event loop is. A loop that was held up for long is charged for each tick it missed.
    private func tick(at due: NIODeadline) {
        schedule(at: due) { worker in
            worker.tickLag.record(nanoseconds: (NIODeadline.now() - due).nanoseconds)
            worker.tick(at: due + Self.lagTick)
        }
    }

    // MARK: The end

    private func finishIfDone() {
        switch state {
        case .running:
            guard driver.isFinished, channels.isEmpty else { return }
            succeed()
        case .stopping(let error):
            guard channels.isEmpty else { return }
            if let error {
                finished.fail(error)
            } else {
                succeed()
            }
        case .done:
            return
        }
        state = .done
        drainEnd?.cancel()
    }

    private func succeed() {
        let wall = Duration(NIODeadline.now() - started.wall).inSeconds
        let cpu = (CPUTime.thread - started.cpu).inSeconds
        finished.succeed(
            WorkerResult(
                recorder: recorder, lag: driver.scheduleLag ?? tickLag, peakBacklog: driver.peakBacklog,
                bytesSent: counter.sent, bytesReceived: counter.received, busy: wall > 0 ? cpu / wall : 0))
    }
}

extension Duration {
    /// As a number of seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
