import Testing

@testable import CatapultServer

@Suite struct ChangeSignalsTests {
    @Test func wakesThoseWhoWaitForTheName() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        signals.notify("a")
        #expect(try await ChangeSignals.next(changes, within: .seconds(30)))
    }

    @Test func leavesOthersAsleep() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        signals.notify("b")
        #expect(try await !ChangeSignals.next(changes, within: .milliseconds(20)))
    }

    @Test func aSignalBeforeWaitingIsNotLost() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        for _ in 0..<5 { signals.notify("a") }
        #expect(try await ChangeSignals.next(changes, within: .seconds(30)))
    }

    @Test func oneStreamServesSeveralWaits() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        for _ in 0..<3 {
            signals.notify("a")
            #expect(try await ChangeSignals.next(changes, within: .seconds(30)))
        }
        #expect(try await !ChangeSignals.next(changes, within: .milliseconds(20)))
        signals.notify("a")
        #expect(try await ChangeSignals.next(changes, within: .seconds(30)))
    }
}
