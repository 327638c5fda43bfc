import NIOConcurrencyHelpers
import ServiceLifecycle

/// Wakes those who wait for a change of something with a name: an operation, a log, a deployment.
///
/// A signal carries no data: the one who wakes looks at the truth (row, file) again. So a signal that comes twice, or early, does no harm,
/// and none is lost between looking and waiting as long as one subscribes first and looks then.
final class ChangeSignals: Sendable {
    fileprivate typealias Subscribers = NIOLockedValueBox<[String: [ObjectIdentifier: Signal]]>
    private let subscribers = Subscribers([:])
    private let forward: @Sendable (String) -> Void

    /// Signals of this server; `forward` takes each to the others.
    init(forward: @escaping @Sendable (String) -> Void = { _ in }) { self.forward = forward }

    /// Tells everybody who waits for this name, on every server.
    func notify(_ name: String) {
        notifyHere(name)
        forward(name)
    }

    /// Tells everybody on this server who waits for any name: signals may have been lost, so all look again.
    func notifyAllHere() {
        let waiting = subscribers.withLockedValue { $0.values.flatMap(\.values) }
        for signal in waiting { signal.raise() }
    }

    /// Tells those on this server who wait for this name.
    func notifyHere(_ name: String) {
        let waiting = subscribers.withLockedValue { $0[name].map { Array($0.values) } ?? [] }
        for signal in waiting { signal.raise() }
    }

    /// Changes from now on, one element each (several changes in a row may be one). The subscription lasts as long as the value is kept.
    func subscribe(_ name: String) -> Subscription {
        let signal = Signal()
        subscribers.withLockedValue { $0[name, default: [:]][ObjectIdentifier(signal)] = signal }
        return Subscription(name: name, signal: signal, subscribers: subscribers)
    }

    /// Waits for the next change, at most so long. False when the time ran out; look again then too.
    ///
    /// A server that was told to stop waits for nobody: the wait ends with `CancellationError`, so that followers do not hold the server up.
    static func next(_ changes: Subscription, within limit: Duration) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await changes.signal.wait()
                try Task.checkCancellation()
                return true
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return false
            }
            group.addTask {
                try await gracefulShutdown()
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    /// Waits for the next change of any, as ``next(_:within:)`` does for one.
    static func next(anyOf all: [Subscription], within limit: Duration) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for changes in all { group.addTask { try await next(changes, within: limit) } }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    /// What one reader waits on. Not an `AsyncStream`: that ends for good when one wait for it is cancelled, and every wait with a limit is.
    final class Subscription: AsyncSequence, Sendable {
        fileprivate let signal: Signal
        private let name: String
        private let subscribers: Subscribers

        fileprivate init(name: String, signal: Signal, subscribers: Subscribers) {
            self.name = name
            self.signal = signal
            self.subscribers = subscribers
        }

        deinit {
            subscribers.withLockedValue { all in
                all[name]?[ObjectIdentifier(signal)] = nil
                if all[name]?.isEmpty == true { all[name] = nil }
            }
        }

        func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

        /// Ends when its reader's task is cancelled.
        struct Iterator: AsyncIteratorProtocol {
            fileprivate let subscription: Subscription

            mutating func next() async -> Void? {
                await subscription.signal.wait()
                return Task.isCancelled ? nil : ()
            }
        }
    }

    /// A flag that one task at a time can wait for.
    fileprivate final class Signal: Sendable {
        private struct State {
            var isRaised = false
            var waiter: CheckedContinuation<Void, Never>?
        }

        private let state = NIOLockedValueBox(State())

        func raise() {
            let waiter = state.withLockedValue { state in
                defer { state.waiter = nil }
                if state.waiter == nil { state.isRaised = true }
                return state.waiter
            }
            waiter?.resume()
        }

        /// Returns once the flag is raised, and lowers it; or when the task is cancelled.
        func wait() async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isOver = state.withLockedValue { state in
                        if state.isRaised || Task.isCancelled {
                            state.isRaised = false
                            return true
                        }
                        state.waiter = continuation
                        return false
                    }
                    if isOver { continuation.resume() }
                }
            } onCancel: {
                let waiter = state.withLockedValue { state in
                    defer { state.waiter = nil }
                    return state.waiter
                }
                waiter?.resume()
            }
        }
    }
}
