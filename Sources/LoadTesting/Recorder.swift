import NIOCore

/// Gathers what one event loop saw.
struct Recorder: Sendable {
    private(set) var counts = LoadTest.Report.Counts()
    private(set) var latency = LatencyHistogram()
    private(set) var stream = LoadTest.Report.Stream()
    /// Successes and their tokens, by the share of each request's time that lay in the window.
    private(set) var requestsInWindow = 0.0
    private(set) var tokensInWindow = 0.0
    private(set) var lastEnd: NIODeadline?
    private var failures: [LoadTest.Failure: LoadTest.Report.FailureCount] = [:]
    /// Distinct classes are few; a server that answers with a thousand statuses must not fill the report.
    static let maximumFailureClasses = 64

    /// The times to open a connection.
    var connect = LatencyHistogram()

    /// The counts with the failures put in order.
    var finalCounts: LoadTest.Report.Counts {
        var counts = counts
        counts.failures = failures.values.sorted { ($0.count, $1.failure.rawValue) > ($1.count, $0.failure.rawValue) }
        return counts
    }

    var failed: Int { failures.values.reduce(0) { $0 + $1.count } }

    /// Records the end of a request.
    ///
    /// - Parameter windowEnd: when counting ends, where a duration ends it.
    mutating func record(_ outcome: Outcome, windowEnd: NIODeadline?) {
        guard outcome.ticket.isCounted else {
            counts.warmUp += 1
            return
        }
        counts.sent += 1
        lastEnd = max(lastEnd ?? outcome.ended, outcome.ended)
        switch outcome.result {
        case .failure(let failure, let detail):
            countFailure(failure, 1, example: detail)
        case .success(let meter):
            counts.succeeded += 1
            latency.record(nanoseconds: (outcome.ended - outcome.ticket.due).nanoseconds)
            let share = Self.share(from: outcome.sent ?? outcome.ticket.due, to: outcome.ended, until: windowEnd)
            requestsInWindow += share
            if let meter { record(meter, due: outcome.ticket.due, share: share) }
        }
    }

    /// Counts a request that the end of the run cut off.
    mutating func recordUnfinished(_ ticket: Ticket) {
        guard ticket.isCounted else {
            counts.warmUp += 1
            return
        }
        counts.sent += 1
        counts.unfinished += 1
    }

    /// Adds what another event loop saw.
    mutating func merge(_ other: Recorder) {
        counts.sent += other.counts.sent
        counts.succeeded += other.counts.succeeded
        counts.unfinished += other.counts.unfinished
        counts.warmUp += other.counts.warmUp
        for failure in other.failures.values { countFailure(failure.failure, failure.count, example: failure.example) }
        latency.merge(other.latency)
        connect.merge(other.connect)
        stream.timeToFirstToken.merge(other.stream.timeToFirstToken)
        stream.interTokenLatency.merge(other.stream.interTokenLatency)
        stream.timePerOutputToken.merge(other.stream.timePerOutputToken)
        stream.outputTokens = Self.sum(stream.outputTokens, other.stream.outputTokens)
        stream.promptTokens = Self.sum(stream.promptTokens, other.stream.promptTokens)
        stream.contentEvents += other.stream.contentEvents
        stream.answersCountedByUsage += other.stream.answersCountedByUsage
        stream.answersCountedByEvents += other.stream.answersCountedByEvents
        stream.answersWithoutContent += other.stream.answersWithoutContent
        requestsInWindow += other.requestsInWindow
        tokensInWindow += other.tokensInWindow
        if let end = other.lastEnd { lastEnd = max(lastEnd ?? end, end) }
    }

    /// The share of a request's time that lay before the window's end: what a rate over the window may count of it.
    static func share(from sent: NIODeadline, to ended: NIODeadline, until windowEnd: NIODeadline?) -> Double {
        guard let windowEnd, ended > windowEnd, ended > sent else { return 1 }
        return max(0, Double((windowEnd - sent).nanoseconds) / Double((ended - sent).nanoseconds))
    }

    private mutating func record(_ meter: StreamMeter, due: NIODeadline, share: Double) {
        if let first = meter.firstContent {
            stream.timeToFirstToken.record(nanoseconds: (first - due).nanoseconds)
        } else {
            stream.answersWithoutContent += 1
        }
        for gap in meter.gaps { stream.interTokenLatency.record(nanoseconds: gap) }
        if let time = meter.timePerOutputToken { stream.timePerOutputToken.record(nanoseconds: time.nanoseconds) }
        stream.contentEvents += meter.contentEvents
        stream.outputTokens = Self.sum(stream.outputTokens, meter.outputTokens)
        stream.promptTokens = Self.sum(stream.promptTokens, meter.promptTokens ?? 0)
        tokensInWindow += Double(meter.outputTokens) * share
        if meter.completionTokens == nil { stream.answersCountedByEvents += 1 } else { stream.answersCountedByUsage += 1 }
    }

    /// Token counts are foreign numbers: they saturate.
    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    private mutating func countFailure(_ failure: LoadTest.Failure, _ count: Int, example: String) {
        let isKnown = failures[failure] != nil
        let failure = isKnown || failures.count < Self.maximumFailureClasses ? failure : .protocolViolation
        failures[failure, default: .init(failure: failure, count: 0, example: String(example.prefix(Excerpt.limit)))].count += count
    }
}
