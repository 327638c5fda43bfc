import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import LoadTesting

@Suite struct LoadTestRunTests {
    // MARK: Closed loop

    @Test(arguments: ["127.0.0.1", "localhost"])
    func closedLoopSendsExactlyWhatWasAskedOnKeptConnections(_ host: String) async throws {
        try await TestServer.with({ _ in [.answer()] }) { server in
            var plan = try server.plan(.closedLoop(concurrency: 3), .requests(200), host: host)
            plan.warmUp = .requests(10)
            let report = try await LoadTest.run(plan)
            #expect(report.counts.sent == 200)
            #expect(report.counts.succeeded == 200)
            #expect(report.counts.warmUp == 10)
            #expect(report.counts.failures == [])
            #expect(report.latency.count == 200)
            #expect(report.connect.count == 3)
            #expect(report.requestsPerSecond > 0)
            #expect(report.bytesSent == 210 * RequestBytes(plan).bytes.readableBytes)
            #expect(report.bytesReceived > 210 * 2)
            #expect(report.stream == nil)
            #expect(report.setup.stopAfterRequests == 200)
            // A name may stand for several addresses, which are tried at once.
            if host == "127.0.0.1" { #expect(try await server.accepted() == 3) }
            try await server.allClosed()
        }
    }

    @Test func aDurationEndsTheSending() async throws {
        try await TestServer.with({ _ in [.answer()] }) { server in
            let report = try await LoadTest.run(try server.plan(.closedLoop(concurrency: 2), .duration(.milliseconds(300))))
            #expect(report.counts.succeeded > 0)
            #expect(report.counts.sent == report.counts.succeeded)
            #expect(report.windowSeconds == 0.3)
            #expect(report.setup.stopAfterSeconds == 0.3)
        }
    }

    @Test func theWorkIsSpreadOverTheEventLoops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        try await TestServer.with({ _ in [.answer()] }) { server in
            let report = try await LoadTest.run(try server.plan(.closedLoop(concurrency: 5), .requests(100)), on: group)
            #expect(report.client.eventLoops == 2)
            #expect(report.counts.succeeded == 100)
            #expect(report.connect.count == 5)
            let single = try await LoadTest.run(try server.plan(.closedLoop(concurrency: 1), .requests(1)), on: group)
            #expect(single.client.eventLoops == 1)
        }
        try await group.shutdownGracefully()
    }

    @Test func connectionsThatCloseAreOpenedAnew() async throws {
        try await TestServer.with({ _ in [.answer(headers: "Connection: close\r\n"), .close] }) { server in
            let report = try await LoadTest.run(try server.plan(.closedLoop(concurrency: 2), .requests(20)))
            #expect(report.counts.succeeded == 20)
            #expect(report.connect.count >= 20)
        }
    }

    @Test func everyFramingOfAnAnswerEndsIt() async throws {
        let answers: [[TestServer.Step]] = [
            [.answer(200, "length")],
            [.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), .write("0\r\n\r\n")],
            [.write("HTTP/1.1 204 No Content\r\n\r\n")],
            [.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), .answer()],
            [.write("HTTP/1.1 200 OK\r\n\r\nuntil the end"), .close],
        ]
        try await TestServer.with({ answers[$0 % answers.count] }) { server in
            let report = try await LoadTest.run(try server.plan(.closedLoop(concurrency: 1), .requests(10)))
            #expect(report.counts.succeeded == 10)
            #expect(report.counts.failures == [])
        }
        try await TestServer.with({ _ in [.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")] }) { server in
            var plan = try server.plan(.closedLoop(concurrency: 1), .requests(3))
            plan.method = "HEAD"
            #expect(try await LoadTest.run(plan).counts.succeeded == 3)
        }
    }

    // MARK: Failures

    @Test func failuresAreCountedByClassAndStayOutOfTheLatencies() async throws {
        let answers: [[TestServer.Step]] = [
            [.answer()],
            [.answer(503, "busy")],
            [.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), .close],
            [.close],
            [.write("SSH-2.0-OpenSSH\r\n\r\n")],
            [.answer()],
        ]
        try await TestServer.with({ answers[$0] }) { server in
            let report = try await LoadTest.run(try server.plan(.closedLoop(concurrency: 1), .requests(answers.count)))
            let counts = Dictionary(uniqueKeysWithValues: report.counts.failures.map { ($0.failure, $0.count) })
            #expect(counts == [.status(503): 1, .cutStream: 2, .protocolViolation: 1], "\(report.counts)")
            #expect(report.counts.failures.first?.failure == .cutStream)
            #expect(report.counts.failures.first { $0.failure == .status(503) }?.example == "busy")
            #expect(report.counts.sent == answers.count)
            #expect(report.counts.succeeded == 2)
            #expect(report.counts.failed == 4)
            #expect(report.latency.count == 2)
        }
    }

    @Test func anAnswerThatDoesNotComeTimesOut() async throws {
        try await TestServer.with({ _ in [.hold] }) { server in
            var plan = try server.plan(.closedLoop(concurrency: 2), .requests(4))
            plan.requestTimeout = .milliseconds(500)
            let report = try await LoadTest.run(plan)
            #expect(report.counts.failed == 4)
            #expect(report.latency.count == 0)
            // The limit holds for a connect too, which a starved machine may not manage in time.
            #expect(report.counts.failures.contains { $0.failure == .timeout })
            #expect(report.counts.failures.allSatisfy { [.timeout, .connect].contains($0.failure) })
        }
    }

    @Test(arguments: [
        LoadTest.Mode.closedLoop(concurrency: 2), .openLoop(ratePerSecond: 200, arrivals: .constant, maximumInFlight: 2),
    ])
    func anUnreachableServerIsAReportOfFailedConnects(_ mode: LoadTest.Mode) async throws {
        let port = try await TestServer.with({ _ in [] }) { $0.port }
        let plan = LoadTest.Plan(target: try LoadTest.Target("http://127.0.0.1:\(port)/"), mode: mode, stop: .requests(5))
        let report = try await LoadTest.run(plan)
        #expect(report.counts.sent == 5)
        #expect(report.counts.failures.map(\.failure) == [.connect])
        #expect(report.counts.failed == 5)
        #expect(report.latency.count == 0)
        #expect(report.requestsPerSecond == 0)
        #expect(report.counts.failures.first?.example.contains("refused") == true)
    }

    @Test func anImpossiblePlanIsRefusedBeforeAnythingIsSent() async throws {
        try await TestServer.with({ _ in [.answer()] }) { server in
            let plan = try server.plan(.closedLoop(concurrency: 0), .requests(1))
            await #expect(throws: LoadTest.PlanError.self) { try await LoadTest.run(plan) }
            #expect(try await server.accepted() == 0)
        }
    }

    // MARK: Open loop

    @Test func openLoopChargesAStallToEveryRequestThatItHeldUp() async throws {
        let stalled = 10
        try await TestServer.with({ $0 == stalled ? [.wait(.milliseconds(200)), .answer()] : [.answer()] }) { server in
            let mode = LoadTest.Mode.openLoop(ratePerSecond: 200, arrivals: .constant, maximumInFlight: 1)
            let report = try await LoadTest.run(try server.plan(mode, .requests(80)))
            #expect(report.counts.succeeded == 80)
            #expect(report.latency.count == 80)
            #expect(report.client.peakBacklog >= 20)
            #expect(report.client.lag.count == 80)
            // One request comes every 5 ms. Those that were due in the first half of the stall waited for at least its second half;
            // a client that starts its clock at the send would show one slow request.
            let slow = report.latency.pairs.filter { $0.nanoseconds >= 100_000_000 }.reduce(0) { $0 + $1.count }
            #expect(slow >= 20)
        }
    }

    @Test func openLoopUsesFurtherConnectionsWhileOneIsStalled() async throws {
        try await TestServer.with({ $0 == 0 ? [.wait(.milliseconds(100)), .answer()] : [.answer()] }) { server in
            let mode = LoadTest.Mode.openLoop(ratePerSecond: 500, arrivals: .poisson(seed: 1), maximumInFlight: 8)
            var plan = try server.plan(mode, .duration(.milliseconds(200)))
            plan.warmUp = .duration(.milliseconds(20))
            let report = try await LoadTest.run(plan)
            #expect(report.counts.succeeded == report.counts.sent)
            #expect(report.counts.succeeded > 20)
            #expect(report.counts.warmUp > 0)
            #expect(report.latency.count == report.counts.succeeded)
        }
    }

    @Test func openLoopLivesWithAServerThatDropsIdleConnections() async throws {
        try await TestServer.with({ _ in [.answer(), .close] }) { server in
            let mode = LoadTest.Mode.openLoop(ratePerSecond: 50, arrivals: .constant, maximumInFlight: 2)
            let report = try await LoadTest.run(try server.plan(mode, .requests(10)))
            #expect(report.counts.sent == 10)
            #expect(report.counts.succeeded > 0)
            // A request may cross with the close; nothing else may go wrong.
            #expect(report.counts.failures.allSatisfy { $0.failure == .cutStream })
        }
    }

    @Test(arguments: [
        LoadTest.Mode.closedLoop(concurrency: 2), .openLoop(ratePerSecond: 100, arrivals: .constant, maximumInFlight: 2),
    ])
    func whatTheDrainCutsOffIsUnfinished(_ mode: LoadTest.Mode) async throws {
        try await TestServer.with({ _ in [.hold] }) { server in
            var plan = try server.plan(mode, .duration(.milliseconds(100)))
            plan.drain = .milliseconds(50)
            let report = try await LoadTest.run(plan)
            #expect(report.counts.sent >= 1)
            #expect(report.counts.unfinished == report.counts.sent)
            #expect(report.counts.failed == 0)
            #expect(report.latency.count == 0)
            try await server.allClosed()
        }
    }

    // MARK: Streams

    @Test func streamsAreTimedFromTheFirstContentToTheEnd() async throws {
        let answer: [TestServer.Step] = [
            .streamHead, .content(""), .wait(.milliseconds(20)), .content("a"), .wait(.milliseconds(30)), .content("b"),
            .wait(.milliseconds(30)), .content("c"), .wait(.milliseconds(10)),
            .event(#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
            .event(#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4}}"#), .event("[DONE]"), .streamEnd,
        ]
        try await TestServer.with({ _ in answer }) { server in
            var plan = try server.plan(.closedLoop(concurrency: 1), .requests(1))
            plan.streaming = .serverSentEvents
            let report = try await LoadTest.run(plan)
            let stream = try #require(report.stream)
            #expect(report.counts.succeeded == 1)
            #expect(stream.outputTokens == 4)
            #expect(stream.promptTokens == 5)
            #expect(stream.contentEvents == 3)
            #expect(stream.tokenSource == .usage)
            #expect(stream.outputTokensPerSecond > 0)
            #expect(stream.interTokenLatency.count == 2)
            #expect(stream.timePerOutputToken.count == 1)
            // The server's pauses are lower bounds; what follows one another adds up to the whole (three digits are kept).
            let first = stream.timeToFirstToken.summary.maximum
            let gaps = stream.interTokenLatency.summary.minimum + stream.interTokenLatency.summary.maximum
            #expect(first >= 20)
            #expect(report.latency.summary.maximum >= 90)
            #expect(first + gaps <= report.latency.summary.maximum + 0.001)
            #expect(stream.timePerOutputToken.summary.maximum * 3 <= gaps * 1.001)
        }
    }

    @Test func manyStreamsKeepTheirConnection() async throws {
        let answer: [TestServer.Step] = [.streamHead, .content("a"), .content("b"), .event("[DONE]"), .streamEnd]
        try await TestServer.with({ _ in answer }) { server in
            var plan = try server.plan(.closedLoop(concurrency: 2), .requests(50))
            plan.streaming = .serverSentEvents
            let report = try await LoadTest.run(plan)
            let stream = try #require(report.stream)
            #expect(report.counts.succeeded == 50)
            #expect(stream.outputTokens == 100)
            #expect(stream.tokenSource == .contentEvents)
            #expect(stream.timeToFirstToken.count == 50)
            #expect(stream.timeToFirstToken.summary.maximum <= report.latency.summary.maximum)
            #expect(report.connect.count == 2)
        }
    }

    @Test func streamsFailInTheirOwnWays() async throws {
        let answers: [[TestServer.Step]] = [
            [.streamHead, .content("a"), .close],
            [.streamHead, .content("a"), .streamEnd],
            [.streamHead, .content("a"), .event(#"{"error":{"message":"no memory"}}"#), .event("[DONE]"), .streamEnd],
            [.answer(200, "{}", headers: "Content-Type: application/json\r\n")],
            [.streamHead, .event("nonsense"), .hold],
            [.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: [DONE]\n\n"), .close],
        ]
        try await TestServer.with({ answers[$0] }) { server in
            var plan = try server.plan(.closedLoop(concurrency: 1), .requests(answers.count))
            plan.streaming = .serverSentEvents
            let report = try await LoadTest.run(plan)
            let counts = Dictionary(uniqueKeysWithValues: report.counts.failures.map { ($0.failure, $0.count) })
            #expect(counts == [.cutStream: 2, .streamError: 1, .protocolViolation: 2])
            #expect(report.counts.succeeded == 1)
            #expect(report.stream?.timeToFirstToken.count == 0)
            #expect(report.stream?.answersWithoutContent == 1)
        }
    }

    // MARK: The run itself

    @Test func cancellingStopsAtOnceAndClosesTheConnections() async throws {
        try await TestServer.with({ _ in [.hold] }) { server in
            let plan = try server.plan(.closedLoop(concurrency: 4), .duration(.seconds(600)))
            let run = Task { try await LoadTest.run(plan) }
            for await number in server.requests where number == 3 { break }
            run.cancel()
            await #expect(throws: CancellationError.self) { try await run.value }
            try await server.allClosed()
        }
    }

    @Test func aRunThatIsCancelledBeforehandSendsNothing() async throws {
        try await TestServer.with({ _ in [.hold] }) { server in
            let plan = try server.plan(.closedLoop(concurrency: 4), .duration(.seconds(600)))
            let run = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await LoadTest.run(plan)
            }
            await #expect(throws: CancellationError.self) { try await run.value }
            #expect(try await server.accepted() == 0)
        }
    }

    @Test func progressEndsWithTheFinalCounts() async throws {
        let seen = Mutex<[LoadTest.Progress]>([])
        let report = try await TestServer.with({ _ in [.wait(.milliseconds(5)), .answer()] }) { server in
            try await LoadTest.run(try server.plan(.closedLoop(concurrency: 1), .duration(.milliseconds(700)))) { progress in
                seen.withLock { $0.append(progress) }
            }
        }
        let progress = seen.withLock { $0 }
        #expect(progress.count >= 2)
        #expect(progress.first?.phase != .finished)
        #expect(
            progress.last
                == LoadTest.Progress(phase: .finished, fraction: 1, succeeded: report.counts.succeeded, failed: 0, inFlight: 0))
        #expect(zip(progress, progress.dropFirst()).allSatisfy { $0.fraction <= $1.fraction && $0.succeeded <= $1.succeeded })
    }

    @Test func reportsSurviveEncoding() async throws {
        let answer: [TestServer.Step] = [.streamHead, .content("a"), .content("b"), .event("[DONE]"), .streamEnd]
        try await TestServer.with({ $0 == 2 ? [.answer(500)] : answer }) { server in
            var plan = try server.plan(.openLoop(ratePerSecond: 500, arrivals: .poisson(seed: 2), maximumInFlight: 4), .requests(20))
            plan.streaming = .serverSentEvents
            plan.headers = [.init("Authorization", "Bearer secret")]
            let report = try await LoadTest.run(plan)
            let data = try JSONEncoder().encode(report)
            #expect(try JSONDecoder().decode(LoadTest.Report.self, from: data) == report)
            #expect(!String(decoding: data, as: UTF8.self).contains("secret"))
            #expect(report.counts.failed == 1)
        }
    }
}
