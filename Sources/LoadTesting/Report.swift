extension LoadTest {
    /// What a run measured.
    ///
    /// Percentiles hold successes only. Reports of repeated runs are combined by merging their histograms.
    public struct Report: Hashable, Sendable, Codable {
        /// What was run.
        public var setup: Setup
        /// How many requests ended in which way.
        public var counts: Counts
        /// The time over which the rates are taken, in seconds: the duration asked for, or from the first request that counts to the last end.
        public var windowSeconds: Double
        /// Successes per second. Where a duration was asked for, a request that ended after it counts by the share of its time that lay within.
        public var requestsPerSecond: Double
        /// All bytes written to the sockets, warm-up included.
        public var bytesSent: Int
        /// All bytes read from the sockets, warm-up included.
        public var bytesReceived: Int
        /// From the send (closed loop) or the intended send (open loop) to the end of the answer.
        public var latency: LatencyHistogram
        /// The time to open each connection that came about, warm-up included. In closed loop no part of ``latency``.
        public var connect: LatencyHistogram
        /// The figures of streamed answers; nil where the plan asked for none.
        public var stream: Stream?
        /// The client's check of itself.
        public var client: Client

        /// Whether the client, not the server, limited the result: then do not compare it. ``Client/bottleneck`` has the reason.
        public var clientWasBottleneck: Bool { client.bottleneck != nil }

        /// What was run. Headers and body are left out: they may hold secrets.
        public struct Setup: Hashable, Sendable, Codable {
            /// The target's URL.
            public var url: String
            /// The request method.
            public var method: String
            /// How the sending was driven.
            public var mode: Mode
            /// The duration after which sending stopped, in seconds; nil where a number of requests ended it.
            public var stopAfterSeconds: Double?
            /// The number of requests after which sending stopped; nil where a duration ended it.
            public var stopAfterRequests: Int?
            /// The duration of the warm-up, in seconds, if it had one.
            public var warmUpSeconds: Double?
            /// The requests of the warm-up, if it was a number.
            public var warmUpRequests: Int?
            /// What the content of an answer was.
            public var streaming: Streaming
            /// The limit of one request, in seconds.
            public var requestTimeoutSeconds: Double

            /// Takes over what a report says of a plan.
            init(_ plan: Plan) {
                url = plan.target.description
                method = plan.method
                mode = plan.mode
                streaming = plan.streaming
                requestTimeoutSeconds = plan.requestTimeout.inSeconds
                switch plan.stop {
                case .duration(let duration): stopAfterSeconds = duration.inSeconds
                case .requests(let count): stopAfterRequests = count
                }
                switch plan.warmUp {
                case .none: break
                case .duration(let duration): warmUpSeconds = duration.inSeconds
                case .requests(let count): warmUpRequests = count
                }
            }
        }

        /// How many requests ended in which way. `sent` = `succeeded` + `failed` + `unfinished`.
        public struct Counts: Hashable, Sendable, Codable {
            /// The requests that were due and count.
            public var sent = 0
            /// A 2xx status and a clean end.
            public var succeeded = 0
            /// The failures by class, most frequent first.
            public var failures: [FailureCount] = []
            /// Those still under way, or waiting, when ``Plan/drain`` ran out.
            public var unfinished = 0
            /// The requests of the warm-up, which count nowhere else.
            public var warmUp = 0
            /// All failures.
            public var failed: Int { failures.reduce(0) { $0 + $1.count } }
        }

        /// How often requests failed in one way.
        public struct FailureCount: Hashable, Sendable, Codable {
            /// The class.
            public var failure: Failure
            /// How many.
            public var count: Int
            /// The detail of the first: an error, or the start of the server's answer as printable ASCII (foreign text). At most 200 characters.
            public var example: String
        }

        /// The figures of streamed answers, successes only.
        public struct Stream: Hashable, Sendable, Codable {
            /// From the (intended) send to the first event with content.
            public var timeToFirstToken = LatencyHistogram()
            /// Between one event with content and the next. Events that come in one read are zero apart.
            public var interTokenLatency = LatencyHistogram()
            /// For each answer of two tokens or more: from the first to the last event with content, divided by its tokens less one.
            public var timePerOutputToken = LatencyHistogram()
            /// The output tokens of all successes.
            public var outputTokens = 0
            /// The prompt tokens that servers reported.
            public var promptTokens = 0
            /// The events with content.
            public var contentEvents = 0
            /// The answers whose tokens the server counted (`usage`).
            public var answersCountedByUsage = 0
            /// The answers whose tokens are their events with content, as there was no `usage`.
            public var answersCountedByEvents = 0
            /// The successes without any content: they have no time to first token.
            public var answersWithoutContent = 0
            /// Output tokens per second, over ``Report/windowSeconds`` and by the same shares as the requests.
            public var outputTokensPerSecond = 0.0

            /// What ``outputTokens`` is made of.
            public var tokenSource: TokenSource {
                switch (answersCountedByUsage, answersCountedByEvents) {
                case (_, 0): .usage
                case (0, _): .contentEvents
                default: .mixed
                }
            }
        }

        /// How tokens were counted.
        public enum TokenSource: String, Hashable, Sendable, Codable {
            /// By the server, in `usage.completion_tokens`.
            case usage
            /// By the client, one per event with content: an engine may put several tokens into one event.
            case contentEvents
            /// Some answers this way, some that.
            case mixed
        }

        /// The client's check of itself.
        public struct Client: Hashable, Sendable, Codable {
            /// Processor time of this process during the run, in seconds.
            public var cpuSeconds: Double
            /// The time that the run took, in seconds; warm-up and drain included.
            public var wallSeconds: Double
            /// The event loops that carried the load.
            public var eventLoops: Int
            /// The share of the wall time for which the busiest of them used a processor, 0–1. Other work on the same loop is in it.
            public var busiestEventLoop: Double
            /// Open loop: how late requests were taken up. Closed loop: how late a timer of every 10 ms fired on the event loops.
            public var lag: LatencyHistogram
            /// Open loop: the most requests that waited for one of ``Mode/openLoop(ratePerSecond:arrivals:maximumInFlight:)``'s connections.
            public var peakBacklog: Int
            /// Why the client was the bottleneck, in words; nil where it was not.
            public var bottleneck: String?
        }
    }
}

extension LoadTest.Report.Client {
    /// An event loop busier than this has no reserve to be on time.
    static let busyLimit = 0.9
    /// Lateness below this is ordinary scheduling.
    static let toleratedLag = 2.0

    /// Judges whether the client was the bottleneck.
    ///
    /// - Parameters:
    ///   - busiest: the busiest event loop's share of the wall time, 0–1.
    ///   - lag: the summary of the client's lateness, in milliseconds.
    ///   - latency: the summary of the measured latencies, in milliseconds.
    /// - Returns: the reason in words, or nil.
    static func bottleneck(busiest: Double, lag: LatencyHistogram.Summary, latency: LatencyHistogram.Summary) -> String? {
        if busiest >= busyLimit {
            return "an event loop of the client was busy for \(Int((busiest * 100).rounded())) % of the time: "
                + "use more event loops, less load or a faster machine"
        }
        let tolerated = max(toleratedLag, latency.p50 / 10)
        guard lag.p99 > tolerated else { return nil }
        func shown(_ milliseconds: Double) -> String { "\((milliseconds * 100).rounded() / 100) ms" }
        return
            "the client was late by \(shown(lag.p99)) at the 99th percentile, more than the \(shown(tolerated)) that can be told from the "
            + "server's latency: run it on a machine with processor time to spare"
    }
}
