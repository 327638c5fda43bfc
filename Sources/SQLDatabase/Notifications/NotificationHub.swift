import Synchronization

/// Hands notifications to the listeners of this process.
final class NotificationHub: Sendable {
    private struct State {
        var channels: [String: [ObjectIdentifier: NotificationQueue]] = [:]
        var isFinished = false
    }

    private let state = Mutex(State())

    /// A new listener. It hears `resumed` when whoever delivers has begun to.
    func subscribe(_ channel: String) -> (queue: NotificationQueue, notifications: DatabaseNotifications) {
        let queue = NotificationQueue()
        let isFinished = state.withLock { state in
            if !state.isFinished { state.channels[channel, default: [:]][ObjectIdentifier(queue)] = queue }
            return state.isFinished
        }
        if isFinished { queue.finish() }
        let notifications = DatabaseNotifications(queue) { [weak self] in
            self?.state.withLock { state in
                state.channels[channel]?[ObjectIdentifier(queue)] = nil
                if state.channels[channel]?.isEmpty == true { state.channels[channel] = nil }
            }
        }
        return (queue, notifications)
    }

    /// The channels that somebody listens to.
    var channels: Set<String> { state.withLock { Set($0.channels.keys) } }

    func post(_ notification: DatabaseNotification, to channel: String) {
        let queues = state.withLock { Array(($0.channels[channel] ?? [:]).values) }
        for queue in queues { queue.add(notification) }
    }

    /// Ends all sequences.
    func finish() {
        let queues = state.withLock { state in
            state.isFinished = true
            defer { state.channels = [:] }
            return state.channels.values.flatMap(\.values)
        }
        for queue in queues { queue.finish() }
    }
}
