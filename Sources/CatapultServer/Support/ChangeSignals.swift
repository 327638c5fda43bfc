import NIOConcurrencyHelpers

/// Wakes those who wait for a change of something with a name: an operation, a log, a deployment.
///
/// A signal carries no data: the one who wakes looks at the truth (row, file) again. So a signal that comes twice, or early, does no harm,
/// and none is lost between looking and waiting as long as one subscribes first and looks then.
final class ChangeSignals: Sendable {
    private let subscribers = NIOLockedValueBox<[String: [Int: AsyncStream<Void>.Continuation]]>([:])
    private let nextNumber = NIOLockedValueBox(0)

    /// Tells everybody who waits for this name.
    func notify(_ name: String) {
        let waiting = subscribers.withLockedValue { $0[name].map { Array($0.values) } ?? [] }
        for continuation in waiting { continuation.yield() }
    }

    /// A stream with one element per change (several changes in a row may be one). It ends when its reader's task is cancelled.
    func subscribe(_ name: String) -> AsyncStream<Void> {
        let number = nextNumber.withLockedValue { number in
            number += 1
            return number
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        subscribers.withLockedValue { $0[name, default: [:]][number] = continuation }
        continuation.onTermination = { [subscribers] _ in
            subscribers.withLockedValue { all in
                all[name]?[number] = nil
                if all[name]?.isEmpty == true { all[name] = nil }
            }
        }
        return stream
    }

    /// Waits for the next change of a stream, at most so long. False when the time ran out.
    static func next(_ stream: AsyncStream<Void>, within limit: Duration) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in stream { return true }
                try Task.checkCancellation()
                return true
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
