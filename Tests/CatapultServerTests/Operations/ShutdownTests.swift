import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import CatapultServer

@Suite struct ShutdownTests {
    @Test func aServerThatStopsWaitsForNobody() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        await testGracefulShutdown { trigger in
            let waiting = Task { try await ChangeSignals.next(changes, within: .seconds(600)) }
            trigger.triggerGracefulShutdown()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }
}
