import NIOCore
import NIOPosix

extension LoadTest {
    /// Where a run is.
    public struct Progress: Hashable, Sendable {
        /// What a run is doing.
        public enum Phase: String, Hashable, Sendable {
            /// Sending what does not count.
            case warmUp
            /// Sending what counts.
            case measuring
            /// Waiting for the last answers.
            case draining
            /// The report is about to come.
            case finished
        }

        /// What the run is doing.
        public var phase: Phase
        /// How much of the sending that counts is done, 0–1.
        public var fraction: Double
        /// The successes that count, so far.
        public var succeeded: Int
        /// The failures that count, so far.
        public var failed: Int
        /// The requests under way.
        public var inFlight: Int
    }

    /// Runs a plan to its end.
    ///
    /// Cancelling the task stops the sending at once and closes all connections before this throws `CancellationError`.
    /// An unreachable target is no error here: the report then holds failures of the class ``Failure/connect``.
    ///
    /// - Parameters:
    ///   - plan: what to run.
    ///   - group: whose event loops carry the load, as many as there are connections for. Each takes its share of the connections and,
    ///     in open loop, every so-manieth arrival.
    ///   - progress: called about five times a second, one call at a time, and once at the end.
    /// - Throws: ``PlanError`` where the plan cannot be honoured, before anything is sent; `CancellationError`.
    public static func run(
        _ plan: Plan, on group: MultiThreadedEventLoopGroup = .singleton, progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> Report {
        try plan.validate()
        let run = try await Run(plan, on: group)
        return try await withTaskCancellationHandler {
            try await run.report(progress: progress)
        } onCancel: {
            run.cancel()
        }
    }
}

/// The workers of a run, and what is common to them.
private struct Run: Sendable {
    private static let progressInterval = Duration.milliseconds(200)

    private let plan: LoadTest.Plan
    private let course: SharedCourse
    private let workers: [RunningWorker]

    private struct RunningWorker: Sendable {
        let worker: NIOLoopBound<Worker>
        let result: EventLoopFuture<WorkerResult>
    }

    init(_ plan: LoadTest.Plan, on group: MultiThreadedEventLoopGroup) async throws {
        let course = SharedCourse(Course(warmUp: plan.warmUp, stop: plan.stop))
        let connections =
            switch plan.mode {
            case .closedLoop(let concurrency): concurrency
            case .openLoop(_, _, let maximumInFlight): maximumInFlight
            }
        let eventLoops = Array(group.makeIterator().prefix(connections))
        // A moment ahead, so that no event loop begins late.
        let origin = NIODeadline.now() + .milliseconds(10)
        var workers: [RunningWorker] = []
        for (index, eventLoop) in eventLoops.enumerated() {
            let share = connections / eventLoops.count + (index < connections % eventLoops.count ? 1 : 0)
            let driver: any LoadDriver =
                switch plan.mode {
                case .closedLoop:
                    ClosedLoopDriver(connections: share, course: course)
                case .openLoop(let rate, let arrivals, _):
                    OpenLoopDriver(
                        schedule: ArrivalSchedule(ratePerSecond: rate, arrivals: arrivals, stripe: index, of: eventLoops.count),
                        origin: origin, maximumConnections: share, timeout: TimeAmount(plan.requestTimeout), course: course)
                }
            let finished = eventLoop.makePromise(of: WorkerResult.self)
            let worker = try await eventLoop.submit {
                let worker = Worker(eventLoop: eventLoop, plan: plan, driver: driver, course: course, finished: finished)
                return NIOLoopBound(worker, eventLoop: eventLoop)
            }.get()
            workers.append(RunningWorker(worker: worker, result: finished.futureResult))
        }
        self.plan = plan
        self.course = course
        self.workers = workers
    }

    func cancel() {
        for worker in workers { worker.result.eventLoop.execute { worker.worker.value.stop(CancellationError()) } }
    }

    func report(progress: @escaping @Sendable (LoadTest.Progress) -> Void) async throws -> LoadTest.Report {
        let started = (wall: NIODeadline.now(), cpu: CPUTime.process)
        let results = try await withThrowingTaskGroup(of: [WorkerResult]?.self) { group in
            group.addTask { try await self.results() }
            group.addTask {
                while true {
                    do { try await Task.sleep(for: Self.progressInterval) } catch { return nil }
                    progress(try await self.progress())
                }
            }
            var results: [WorkerResult] = []
            for try await found in group {
                guard let found else { continue }
                results = found
                group.cancelAll()
            }
            return results
        }
        let cpu = (CPUTime.process - started.cpu).inSeconds
        let wall = Duration(NIODeadline.now() - started.wall).inSeconds
        let report = report(results, cpu: cpu, wall: wall)
        progress(
            LoadTest.Progress(
                phase: .finished, fraction: 1, succeeded: report.counts.succeeded, failed: report.counts.failed, inFlight: 0))
        return report
    }

    private func results() async throws -> [WorkerResult] {
        for worker in workers { worker.result.eventLoop.execute { worker.worker.value.start() } }
        // All are waited for, whatever becomes of one: no connection may outlive the run.
        return try await EventLoopFuture.whenAllComplete(workers.map(\.result), on: workers[0].result.eventLoop).get().map { try $0.get() }
    }

    private func progress() async throws -> LoadTest.Progress {
        var succeeded = 0
        var failed = 0
        var inFlight = 0
        for worker in workers {
            let found = try await worker.result.eventLoop.submit { worker.worker.value.progress }.get()
            succeeded += found.succeeded
            failed += found.failed
            inFlight += found.inFlight
        }
        let course = course.snapshot
        let now = NIODeadline.now()
        let fraction: Double =
            switch plan.stop {
            case .requests(let count): Double(course.counted) / Double(count)
            case .duration(let duration): course.windowStart.map { Duration(now - $0) / duration } ?? 0
            }
        let phase: LoadTest.Progress.Phase =
            course.isOver(at: now) ? .draining : course.windowStart == nil && plan.warmUp != .none ? .warmUp : .measuring
        return LoadTest.Progress(
            phase: phase, fraction: min(1, max(0, fraction)), succeeded: succeeded, failed: failed, inFlight: inFlight)
    }

    private func report(_ results: [WorkerResult], cpu: Double, wall: Double) -> LoadTest.Report {
        var recorder = Recorder()
        var lag = LatencyHistogram()
        for result in results {
            recorder.merge(result.recorder)
            lag.merge(result.lag)
        }
        let course = course.snapshot
        let window: Double
        if case .duration(let duration) = plan.stop {
            window = duration.inSeconds
        } else if let start = course.windowStart, let end = recorder.lastEnd {
            window = max(Duration(end - start).inSeconds, 1e-9)
        } else {
            window = 0
        }
        func rate(_ amount: Double) -> Double { window > 0 ? amount / window : 0 }
        var stream = recorder.stream
        stream.outputTokensPerSecond = rate(recorder.tokensInWindow)
        let busiest = results.map(\.busy).max() ?? 0
        return LoadTest.Report(
            setup: .init(plan),
            counts: recorder.finalCounts,
            windowSeconds: window,
            requestsPerSecond: rate(recorder.requestsInWindow),
            bytesSent: results.reduce(0) { $0 + $1.bytesSent },
            bytesReceived: results.reduce(0) { $0 + $1.bytesReceived },
            latency: recorder.latency,
            connect: recorder.connect,
            stream: plan.streaming == .none ? nil : stream,
            client: .init(
                cpuSeconds: cpu, wallSeconds: wall, eventLoops: results.count, busiestEventLoop: busiest, lag: lag,
                peakBacklog: results.reduce(0) { $0 + $1.peakBacklog },
                bottleneck: LoadTest.Report.Client.bottleneck(busiest: busiest, lag: lag.summary, latency: recorder.latency.summary)))
    }
}
