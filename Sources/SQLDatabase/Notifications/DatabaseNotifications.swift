import Synchronization

/// What a listener hears.
public enum DatabaseNotification: Sendable, Equatable {
    /// From here on every notification is delivered, as long as no other `resumed` comes; those before may have been missed. A listener
    /// looks at the truth when it hears this: when it begins to listen, after the connection to the server broke, and when it was so slow
    /// that notifications had to be dropped.
    case resumed
    /// A write that committed carried this.
    case payload(String)
}

/// The notifications of one channel, in the order of the commits: an endless sequence that ends when the database closes.
///
/// A wait that is cancelled gives nil; the sequence can be asked again.
public struct DatabaseNotifications: AsyncSequence, Sendable {
    /// Waits for the next notification.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let subscription: Subscription

        /// The next notification; nil when the database is closed or the task is cancelled.
        public mutating func next() async -> DatabaseNotification? {
            await subscription.queue.next()
        }

        /// The next notification; nil when the database is closed or the task is cancelled.
        public mutating func next(isolation: isolated (any Actor)?) async -> DatabaseNotification? {
            await subscription.queue.next()
        }
    }

    /// Ends the subscription when nobody listens any more.
    fileprivate final class Subscription: Sendable {
        let queue: NotificationQueue
        private let end: @Sendable () -> Void

        init(_ queue: NotificationQueue, end: @escaping @Sendable () -> Void) {
            self.queue = queue
            self.end = end
        }

        deinit { end() }
    }

    private let subscription: Subscription

    init(_ queue: NotificationQueue, end: @escaping @Sendable () -> Void) {
        subscription = Subscription(queue, end: end)
    }

    /// An iterator. Several share the notifications between them.
    public func makeAsyncIterator() -> Iterator { Iterator(subscription: subscription) }
}

/// What waits for one listener.
final class NotificationQueue: Sendable {
    /// More notifications than this are not kept for a listener; it is told to look for itself.
    static let limit = 1000

    private struct State {
        var waiting: [DatabaseNotification] = []
        var listener: CheckedContinuation<DatabaseNotification?, Never>?
        var isFinished = false
    }

    private let state = Mutex(State())

    func add(_ notification: DatabaseNotification) {
        let listener: CheckedContinuation<DatabaseNotification?, Never>? = state.withLock { state in
            if let listener = state.listener {
                state.listener = nil
                return listener
            }
            // What was heard before `resumed` is contained in looking at the truth.
            if notification == .resumed || state.waiting.count >= Self.limit {
                state.waiting = [.resumed]
            } else {
                state.waiting.append(notification)
            }
            return nil
        }
        listener?.resume(returning: notification)
    }

    func finish() {
        let listener = state.withLock { state in
            state.isFinished = true
            defer { state.listener = nil }
            return state.listener
        }
        listener?.resume(returning: nil)
    }

    func next() async -> DatabaseNotification? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready: DatabaseNotification?? = state.withLock { state in
                    if !state.waiting.isEmpty { return .some(state.waiting.removeFirst()) }
                    // One listener at a time: a second one hears nothing.
                    if state.isFinished || Task.isCancelled || state.listener != nil { return .some(nil) }
                    state.listener = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let listener = state.withLock { state in
                defer { state.listener = nil }
                return state.listener
            }
            listener?.resume(returning: nil)
        }
    }
}
