import NIOCore
import Testing

@testable import LoadTesting

@Suite struct ConnectionMachineTests {
    private struct Unexpected: Error { let action: ConnectionMachine.Action }

    private static let ticket = Ticket(due: time(0), isCounted: true)

    private static func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds) }
    private func time(_ milliseconds: Int64) -> NIODeadline { Self.time(milliseconds) }

    /// A machine with a request under way that is due at 0 ms and was sent at 5 ms.
    private func begun(_ streaming: LoadTest.Streaming = .none) -> ConnectionMachine {
        var machine = ConnectionMachine(timeout: .milliseconds(1_000), streaming: streaming)
        #expect(armed(machine.begin(Self.ticket, at: time(5))) == time(1_000))
        return machine
    }

    private func receive(_ text: String, at milliseconds: Int64, _ machine: inout ConnectionMachine) -> ConnectionMachine.Action {
        Array(text.utf8).withUnsafeBytes { machine.receivedBody($0, at: time(milliseconds)) }
    }

    private func finish(_ action: ConnectionMachine.Action) throws -> (outcome: Outcome, reusable: Bool) {
        guard case .finish(let outcome, let reusable) = action else {
            throw Unexpected(action: action)
        }
        return (outcome, reusable)
    }

    private func isNothing(_ action: ConnectionMachine.Action) -> Bool { if case .none = action { true } else { false } }

    private func armed(_ action: ConnectionMachine.Action) -> NIODeadline? { if case .arm(let time) = action { time } else { nil } }

    private func failure(_ action: ConnectionMachine.Action) throws -> LoadTest.Failure? {
        let end = try finish(action)
        #expect(!end.reusable || end.outcome.ticket == Self.ticket)
        guard case .failure(let failure, _) = end.outcome.result else { return nil }
        return failure
    }

    private func detail(of outcome: Outcome, _ expected: LoadTest.Failure) -> String? {
        if case .failure(expected, let detail) = outcome.result { detail } else { nil }
    }

    private func meter(_ action: ConnectionMachine.Action) throws -> StreamMeter {
        guard case .success(let meter?) = try finish(action).outcome.result else {
            throw Unexpected(action: action)
        }
        return meter
    }

    @Test(arguments: [true, false])
    func anAnswerSucceedsAtItsEnd(_ keepsAlive: Bool) throws {
        var machine = begun()
        machine.receivedHead(status: 204, keepsAlive: keepsAlive, contentType: nil)
        #expect(isNothing(receive("body", at: 20, &machine)))
        let end = try finish(machine.receivedEnd(at: time(30)))
        #expect(end.reusable == keepsAlive)
        #expect(end.outcome.sent == time(5))
        #expect(end.outcome.ended == time(30))
        #expect(try failure(.finish(end.outcome, reusable: false)) == nil)
        #expect(machine.ticket == nil)
        #expect(isNothing(machine.closed(at: time(40))))
    }

    @Test func anotherStatusFailsAndKeepsTheConnection() throws {
        var machine = begun(.serverSentEvents)
        machine.receivedHead(status: 503, keepsAlive: true, contentType: "text/event-stream")
        _ = receive("over\r\nloaded" + String(repeating: "x", count: 1_000), at: 1, &machine)
        _ = receive("more", at: 1, &machine)
        let end = try finish(machine.receivedEnd(at: time(2)))
        #expect(end.reusable)
        let detail = self.detail(of: end.outcome, .status(503))
        #expect(detail?.hasPrefix("over  loadedxxx") == true)
        #expect(detail?.count == Excerpt.limit)
    }

    @Test func aClosedConnectionCutsTheAnswer() throws {
        var before = begun()
        #expect(try failure(before.closed(at: time(1))) == .cutStream)
        var within = begun()
        within.receivedHead(status: 200, keepsAlive: true, contentType: nil)
        #expect(try failure(within.closed(at: time(1))) == .cutStream)
        #expect(isNothing(within.receivedEnd(at: time(2))))
    }

    @Test func theTimerWaitsForTheRequestThatIsUnderWay() throws {
        var machine = begun()
        machine.receivedHead(status: 200, keepsAlive: true, contentType: nil)
        _ = machine.receivedEnd(at: time(900))
        #expect(isNothing(machine.begin(Ticket(due: time(950), isCounted: true), at: time(950))))
        #expect(armed(machine.timerFired(at: time(1_000))) == time(1_950))
        #expect(try failure(machine.timerFired(at: time(1_950))) == .timeout)
    }

    @Test func theTimerRestsWhileNothingIsUnderWay() throws {
        var machine = begun()
        machine.receivedHead(status: 200, keepsAlive: true, contentType: nil)
        _ = machine.receivedEnd(at: time(900))
        #expect(isNothing(machine.timerFired(at: time(1_000))))
        #expect(armed(machine.begin(Ticket(due: time(2_000), isCounted: true), at: time(2_000))) == time(3_000))
    }

    @Test func aStreamIsTimedEventByEvent() throws {
        var machine = begun(.serverSentEvents)
        machine.receivedHead(status: 200, keepsAlive: true, contentType: "Text/Event-Stream; charset=utf-8")
        _ = receive(#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"# + "\n\n", at: 10, &machine)
        _ = receive(#"data: {"choices":[{"delta":{"content":"a"}}]}"# + "\n\n", at: 40, &machine)
        _ = receive(#"data: {"choices":[{"delta":{"cont"#, at: 50, &machine)
        _ = receive(#"ent":"b"}}]}"# + "\n\n", at: 60, &machine)
        _ = receive(#"data: {"choices":[{"delta":{"content":"c"},"finish_reason":"stop"}]}"# + "\n\n", at: 100, &machine)
        _ = receive(#"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}"# + "\n\ndata: [DONE]\n\n", at: 110, &machine)
        let meter = try meter(machine.receivedEnd(at: time(120)))
        #expect(meter.firstContent == time(40))
        #expect(meter.lastContent == time(100))
        #expect(meter.gaps == [20_000_000, 40_000_000])
        #expect(meter.contentEvents == 3)
        #expect(meter.outputTokens == 7)
        #expect(meter.promptTokens == 9)
        #expect(meter.timePerOutputToken == .milliseconds(10))
    }

    @Test func withoutUsageEventsWithContentAreTheTokens() throws {
        var machine = begun(.serverSentEvents)
        machine.receivedHead(status: 200, keepsAlive: false, contentType: "text/event-stream")
        for time in [10, 20, 30] as [Int64] { _ = receive(#"data: {"choices":[{"text":"a"}]}"# + "\n\n", at: time, &machine) }
        _ = receive("data: [DONE]\n\n", at: 40, &machine)
        let meter = try meter(machine.receivedEnd(at: time(40)))
        #expect(meter.completionTokens == nil)
        #expect(meter.outputTokens == 3)
        #expect(meter.timePerOutputToken == .milliseconds(10))
    }

    @Test func aStreamMustSayThatItIsComplete() throws {
        var cut = begun(.serverSentEvents)
        cut.receivedHead(status: 200, keepsAlive: true, contentType: "text/event-stream")
        _ = receive(#"data: {"choices":[{"delta":{"content":"a"}}]}"# + "\n\n", at: 1, &cut)
        #expect(try failure(cut.receivedEnd(at: time(2))) == .cutStream)

        var finished = begun(.serverSentEvents)
        finished.receivedHead(status: 200, keepsAlive: true, contentType: "text/event-stream")
        _ = receive(#"data: {"choices":[{"delta":{},"finish_reason":"length"}]}"# + "\n\n", at: 1, &finished)
        #expect(try meter(finished.receivedEnd(at: time(2))).firstContent == nil)
    }

    @Test func aStreamMayFailInItsOwnWays() throws {
        var noStream = begun(.serverSentEvents)
        noStream.receivedHead(status: 200, keepsAlive: true, contentType: "application/json")
        _ = receive("{}", at: 1, &noStream)
        #expect(try failure(noStream.receivedEnd(at: time(2))) == .protocolViolation)

        var noJSON = begun(.serverSentEvents)
        noJSON.receivedHead(status: 200, keepsAlive: true, contentType: "text/event-stream")
        #expect(try failure(receive("data: hello\n\n", at: 1, &noJSON)) == .protocolViolation)
        #expect(isNothing(receive("data: more\n\n", at: 2, &noJSON)))

        var error = begun(.serverSentEvents)
        error.receivedHead(status: 200, keepsAlive: true, contentType: "text/event-stream")
        _ = receive("data: {\"error\":{\"message\":\"out of memory\"}}\n\ndata: [DONE]\n\n", at: 1, &error)
        let end = try finish(error.receivedEnd(at: time(2)))
        let detail = self.detail(of: end.outcome, .streamError)
        #expect(detail?.contains("out of memory") == true)
    }
}
