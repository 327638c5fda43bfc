extension LoadTest {
    /// What to send, how fast, for how long, and what counts as an answer.
    public struct Plan: Hashable, Sendable {
        /// Where the requests go.
        public var target: Target
        /// The request method, an RFC 9110 token such as `GET`.
        public var method = "GET"
        /// Further header fields, sent in this order. `Content-Length`, `Transfer-Encoding` and `Connection` are the client's own.
        public var headers: [Header] = []
        /// The request's content, the same bytes each time.
        public var body: [UInt8] = []
        /// How the sending of requests is driven.
        public var mode: Mode
        /// When to stop sending.
        public var stop: Stop
        /// What is sent first and not counted.
        public var warmUp = WarmUp.none
        /// The longest that one request may take; in open loop it runs from the intended send time. Also the limit for a connect.
        public var requestTimeout = Duration.seconds(60)
        /// How long the requests that are under way at the end of a ``Stop/duration(_:)`` may still take. What is not done by then
        /// counts as ``Report/Counts/unfinished``.
        public var drain = Duration.seconds(30)
        /// Whether the answer is a stream of tokens, to be timed event by event.
        public var streaming = Streaming.none

        /// Makes a plan for plain `GET` requests; set the other properties as needed.
        public init(target: Target, mode: Mode, stop: Stop) {
            self.target = target
            self.mode = mode
            self.stop = stop
        }

        /// A header field of the request.
        public struct Header: Hashable, Sendable {
            /// The field name, an RFC 9110 token.
            public var name: String
            /// The field value; visible ASCII, spaces and tabs.
            public var value: String

            /// Makes a header field; ``Plan/validate()`` checks it.
            public init(_ name: String, _ value: String) {
                self.name = name
                self.value = value
            }
        }
    }

    /// How the sending of requests is driven.
    public enum Mode: Hashable, Sendable, Codable {
        /// A fixed number of connections; each sends its next request when the last answer has ended. Shows the throughput that so many
        /// patient clients get. A slow answer delays the next request, so its latency does not show what independent users would feel.
        case closedLoop(concurrency: Int)
        /// Requests are due at times that do not depend on the answers; latency counts from then.
        /// At most `maximumInFlight` are open at once; what is due beyond that waits in the client, and that wait is part of its latency.
        case openLoop(ratePerSecond: Double, arrivals: Arrivals, maximumInFlight: Int)
    }

    /// How open-loop arrivals are spaced.
    public enum Arrivals: Hashable, Sendable, Codable {
        /// Evenly.
        case constant
        /// As a Poisson process, like independent users; the same seed gives the same times.
        case poisson(seed: UInt64)
    }

    /// When to stop sending.
    public enum Stop: Hashable, Sendable {
        /// After this time, counted from the first request that counts.
        case duration(Duration)
        /// After this many requests that count.
        case requests(Int)
    }

    /// What is sent first, and not counted.
    public enum WarmUp: Hashable, Sendable {
        /// Nothing.
        case none
        /// The first so many requests.
        case requests(Int)
        /// All requests of this first time.
        case duration(Duration)
    }

    /// What the content of an answer is.
    public enum Streaming: String, Hashable, Sendable, Codable {
        /// Any bytes; only their end matters.
        case none
        /// `text/event-stream` with OpenAI chunks: chat completions (`choices[].delta.content`, `.reasoning_content` or `.reasoning`) or
        /// completions (`choices[].text`), ended by `data: [DONE]` or by a chunk with a `finish_reason`.
        case serverSentEvents
    }
}

extension LoadTest.Plan {
    /// The most connections or requests in flight that a plan may ask for.
    public static let maximumConcurrency = 10_000
    /// The highest rate of an open loop, requests per second.
    public static let maximumRate = 200_000.0
    /// The longest of every time in a plan.
    public static let longestDuration = Duration.seconds(24 * 60 * 60)

    /// Checks every field.
    ///
    /// - Throws: ``LoadTest/PlanError`` for the first field that cannot be honoured.
    public func validate() throws(LoadTest.PlanError) {
        try validateLoad()
        try validateRequest()
    }

    private func validateLoad() throws(LoadTest.PlanError) {
        switch mode {
        case .closedLoop(let concurrency):
            try require("concurrency", concurrency, in: 1...Self.maximumConcurrency)
        case .openLoop(let rate, _, let maximumInFlight):
            guard rate >= 0.001, rate <= Self.maximumRate else {
                throw LoadTest.PlanError(field: "ratePerSecond", value: "\(rate)", allowed: "0.001 to \(Self.maximumRate)")
            }
            try require("maximumInFlight", maximumInFlight, in: 1...Self.maximumConcurrency)
        }
        switch stop {
        case .duration(let duration): try require("stop.duration", duration)
        case .requests(let count): try require("stop.requests", count, in: 1...Int(UInt32.max))
        }
        switch warmUp {
        case .none: break
        case .duration(let duration): try require("warmUp.duration", duration)
        case .requests(let count): try require("warmUp.requests", count, in: 1...Int(UInt32.max))
        }
        try require("requestTimeout", requestTimeout)
        guard drain >= .zero, drain <= Self.longestDuration else {
            throw LoadTest.PlanError(field: "drain", value: "\(drain)", allowed: "0 to \(Self.longestDuration)")
        }
    }

    private func validateRequest() throws(LoadTest.PlanError) {
        guard Self.isToken(method), method != "CONNECT" else {
            throw LoadTest.PlanError(field: "method", value: "\"\(method)\"", allowed: "an HTTP method such as GET or POST, not CONNECT")
        }
        for header in headers {
            guard Self.isToken(header.name) else {
                throw LoadTest.PlanError(
                    field: "headers", value: "the name \"\(header.name)\"", allowed: "letters, digits and !#$%&'*+-.^_`|~")
            }
            guard !["content-length", "transfer-encoding", "connection"].contains(header.name.lowercased()) else {
                throw LoadTest.PlanError(field: "headers", value: header.name, allowed: "any header that does not frame the message")
            }
            guard header.value.utf8.allSatisfy({ $0 == 0x09 || (0x20..<0x7F).contains($0) }) else {
                throw LoadTest.PlanError(
                    field: "headers", value: "an unprintable value of \(header.name)", allowed: "visible ASCII, spaces and tabs")
            }
        }
    }

    private func require(_ field: String, _ value: Int, in allowed: ClosedRange<Int>) throws(LoadTest.PlanError) {
        guard allowed.contains(value) else {
            throw LoadTest.PlanError(field: field, value: "\(value)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
        }
    }

    private func require(_ field: String, _ value: Duration) throws(LoadTest.PlanError) {
        guard value > .zero, value <= Self.longestDuration else {
            throw LoadTest.PlanError(field: field, value: "\(value)", allowed: "over 0 to \(Self.longestDuration)")
        }
    }

    private static func isToken(_ text: String) -> Bool {
        let symbols = Set("!#$%&'*+-.^_`|~".utf8)
        return !text.isEmpty && text.utf8.count <= 256
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: symbols.contains(byte)
                }
            }
    }
}
