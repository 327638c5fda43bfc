import CatapultAPI
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

@Suite("Deadlines", .timeLimit(.minutes(1)))
struct DeadlineTests {
    struct Trouble: Error {}

    @Test("Results and errors pass through")
    func inTime() async throws {
        #expect(try await Deadline.run(.seconds(60)) { 7 } == 7)
        await #expect(throws: Trouble.self) { try await Deadline.run(.seconds(60)) { throw Trouble() } }
    }

    @Test("Work that cannot be stopped is no longer waited for")
    func late() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        await #expect(throws: Deadline.Exceeded(limit: .milliseconds(10))) {
            try await Deadline.run(.milliseconds(10)) {
                // Deaf to cancellation, as a call that hangs in the kernel is.
                await Task.detached { for await _ in gate { break } }.value
            }
        }
        opener.finish()
    }

    @Test("Cancelling the caller ends the wait")
    func cancelled() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await Deadline.run(.seconds(3_600)) {
                start.yield()
                try await Task.sleep(for: .seconds(3_600))
            }
        }
        for await _ in started { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

@Suite("Cached facts")
struct CachedFactTests {
    @Test("A fact is kept for its lifetime, and then found out again")
    func lifetime() async {
        let clock = NIOLockedValueBox(ContinuousClock.now)
        let count = NIOLockedValueBox(0)
        let fact = CachedFact(lifetime: .seconds(5), limit: .seconds(60), late: -1, now: { clock.withLockedValue { $0 } }) {
            count.withLockedValue { count in
                count += 1
                return count
            }
        }
        #expect(await fact.value() == 1)
        clock.withLockedValue { $0 += .seconds(4.9) }
        #expect(await fact.value() == 1)
        clock.withLockedValue { $0 += .seconds(0.2) }
        #expect(await fact.value() == 2)
    }

    @Test("However many ask, one looks")
    func together() async {
        let count = NIOLockedValueBox(0)
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let fact = CachedFact(lifetime: .seconds(3_600), limit: .seconds(60), late: -1) {
            for await _ in gate {}
            return count.withLockedValue { count in
                count += 1
                return count
            }
        }
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { await fact.value() } }
            opener.finish()
            for await value in group { #expect(value == 1) }
        }
    }
}

@Suite("Facts that are late", .timeLimit(.minutes(1)))
struct LateFactTests {
    @Test("A search that hangs is answered for, cancelled, and no second one begins beside it")
    func hanging() async throws {
        let searches = NIOLockedValueBox(0)
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let (cancellations, cancelled) = AsyncStream.makeStream(of: Void.self)
        let fact = CachedFact(lifetime: .zero, limit: .milliseconds(10), late: -1) {
            let number = searches.withLockedValue { count in
                count += 1
                return count
            }
            guard number == 1 else { return number }
            // Deaf to cancellation, as a call that hangs in the kernel is.
            await withTaskCancellationHandler {
                await Task.detached { for await _ in gate {} }.value
            } onCancel: {
                cancelled.yield()
            }
            return number
        }
        for _ in 0..<3 { #expect(await fact.value() == -1) }
        for await _ in cancellations { break }
        #expect(searches.withLockedValue { $0 } == 1)
        opener.finish()
        while await fact.value() != 2 { await Task.yield() }
    }
}

@Suite("Change signals", .timeLimit(.minutes(1)))
struct ChangeSignalsTests {
    @Test("A wait that ran out of time does not end the subscription")
    func afterTimeout() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        for _ in 0..<3 { #expect(try await !ChangeSignals.next(changes, within: .milliseconds(5))) }
        signals.notify("a")
        #expect(try await ChangeSignals.next(changes, within: .seconds(60)))
        #expect(try await !ChangeSignals.next(changes, within: .milliseconds(5)))
    }

    @Test("A change between looking and waiting is not lost, and wakes every subscriber of its name only")
    func early() async throws {
        let signals = ChangeSignals()
        let (first, second, other) = (signals.subscribe("a"), signals.subscribe("a"), signals.subscribe("b"))
        signals.notify("a")
        signals.notify("a")
        #expect(try await ChangeSignals.next(first, within: .seconds(60)))
        #expect(try await ChangeSignals.next(second, within: .seconds(60)))
        #expect(try await !ChangeSignals.next(first, within: .milliseconds(5)))
        #expect(try await !ChangeSignals.next(other, within: .milliseconds(5)))
    }

    @Test("A wait ends with a change that comes later, and a reader ends with its task")
    func later() async throws {
        let signals = ChangeSignals()
        let changes = signals.subscribe("a")
        let (woken, wake) = AsyncStream.makeStream(of: Void.self)
        let reader = Task {
            for await _ in changes { wake.yield() }
            wake.finish()
        }
        var iterator = woken.makeAsyncIterator()
        for _ in 0..<3 {
            signals.notify("a")
            await iterator.next()
        }
        reader.cancel()
        #expect(await iterator.next() == nil)
    }
}
