import NIOCore
import Testing

@testable import LoadTesting

@Suite struct RecorderTests {
    private func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds) }

    private func outcome(
        _ result: Outcome.Result, due: Int64 = 0, sent: Int64? = 10, ended: Int64 = 20, isCounted: Bool = true
    ) -> Outcome {
        Outcome(ticket: Ticket(due: time(due), isCounted: isCounted), sent: sent.map { time($0) }, ended: time(ended), result: result)
    }

    private func meter(_ lines: [(text: String, at: Int64)]) throws -> StreamMeter {
        var meter = StreamMeter()
        for line in lines { try Array("data: \(line.text)\n\n".utf8).withUnsafeBytes { try meter.receive($0, at: time(line.at)) } }
        return meter
    }

    @Test func failuresAndWarmUpStayOutOfTheHistograms() {
        var recorder = Recorder()
        recorder.record(outcome(.success(nil)), windowEnd: nil)
        recorder.record(outcome(.success(nil), isCounted: false), windowEnd: nil)
        recorder.record(outcome(.failure(.timeout, detail: "late"), sent: nil, ended: 60_000), windowEnd: nil)
        recorder.record(outcome(.failure(.status(500), detail: "a")), windowEnd: nil)
        recorder.record(outcome(.failure(.status(500), detail: "b")), windowEnd: nil)
        recorder.recordUnfinished(Ticket(due: time(0), isCounted: true))
        recorder.recordUnfinished(Ticket(due: time(0), isCounted: false))
        let counts = recorder.finalCounts
        #expect(counts.sent == 5)
        #expect(counts.succeeded == 1)
        #expect(counts.failed == 3)
        #expect(counts.unfinished == 1)
        #expect(counts.warmUp == 2)
        #expect(
            counts.failures == [
                .init(failure: .status(500), count: 2, example: "a"), .init(failure: .timeout, count: 1, example: "late"),
            ])
        // From the due time, not from the send.
        #expect(recorder.latency.count == 1)
        #expect(recorder.latency.summary.maximum == 20)
    }

    @Test func ratesCountTheShareWithinTheWindow() {
        #expect(Recorder.share(from: time(0), to: time(10), until: nil) == 1)
        #expect(Recorder.share(from: time(0), to: time(10), until: time(10)) == 1)
        #expect(Recorder.share(from: time(0), to: time(10), until: time(4)) == 0.4)
        #expect(Recorder.share(from: time(5), to: time(10), until: time(4)) == 0)
        #expect(Recorder.share(from: time(5), to: time(5), until: time(4)) == 1)
    }

    @Test func twoRecordersMergeIntoOne() throws {
        let usage = try meter([
            (#"{"choices":[{"text":"a"}]}"#, 5), (#"{"choices":[{"text":"b"}]}"#, 15),
            (#"{"usage":{"completion_tokens":6,"prompt_tokens":2}}"#, 16),
        ])
        let events = try meter([(#"{"choices":[{"text":"a"}]}"#, 7), (#"{"choices":[{"text":"b"}]}"#, 9)])
        let empty = try meter([(#"{"choices":[{"finish_reason":"stop"}]}"#, 7)])
        let outcomes = [
            outcome(.success(usage), ended: 30), outcome(.success(events)), outcome(.success(empty)),
            outcome(.failure(.cutStream, detail: "x")),
        ]
        var one = Recorder()
        var left = Recorder()
        var right = Recorder()
        for (index, outcome) in outcomes.enumerated() {
            one.record(outcome, windowEnd: time(20))
            if index.isMultiple(of: 2) { left.record(outcome, windowEnd: time(20)) } else { right.record(outcome, windowEnd: time(20)) }
        }
        left.merge(right)
        #expect(left.stream == one.stream)
        #expect(left.latency == one.latency)
        #expect(left.finalCounts == one.finalCounts)
        #expect(left.lastEnd == time(30))
        #expect(left.requestsInWindow == 2.5)
        #expect(left.tokensInWindow == 5)
        let stream = left.stream
        #expect(stream.outputTokens == 8)
        #expect(stream.promptTokens == 2)
        #expect(stream.contentEvents == 4)
        #expect(stream.answersWithoutContent == 1)
        #expect(stream.answersCountedByUsage == 1)
        #expect(stream.answersCountedByEvents == 2)
        #expect(stream.tokenSource == .mixed)
        #expect(stream.timeToFirstToken.count == 2)
        #expect(stream.interTokenLatency.count == 2)
        #expect(stream.timePerOutputToken.count == 2)
    }

    @Test func tokenCountsSaturate() throws {
        var recorder = Recorder()
        for _ in 0..<3 {
            let meter = try meter([("{\"usage\":{\"completion_tokens\":\(Int.max)}}", 1)])
            recorder.record(outcome(.success(meter)), windowEnd: nil)
        }
        #expect(recorder.stream.outputTokens == .max)
    }

    @Test func classesOfFailuresAreLimited() {
        var recorder = Recorder()
        for status in 300..<600 { recorder.record(outcome(.failure(.status(status), detail: "")), windowEnd: nil) }
        #expect(recorder.finalCounts.failures.count == Recorder.maximumFailureClasses + 1)
        #expect(recorder.finalCounts.failed == 300)
    }

    @Test func theVerdictOnTheClientHasItsReason() {
        typealias Client = LoadTest.Report.Client
        let calm = LatencyHistogram.Summary(count: 9, p99: 1)
        let late = LatencyHistogram.Summary(count: 9, p99: 30)
        #expect(Client.bottleneck(busiest: 0.5, lag: calm, latency: .init(p50: 1)) == nil)
        #expect(Client.bottleneck(busiest: 0.95, lag: calm, latency: .init(p50: 1))?.contains("95 %") == true)
        #expect(Client.bottleneck(busiest: 0.1, lag: late, latency: .init(p50: 100))?.contains("30.0 ms") == true)
        #expect(Client.bottleneck(busiest: 0.1, lag: late, latency: .init(p50: 400)) == nil)
    }
}
