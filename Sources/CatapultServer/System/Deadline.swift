/// Work that must be answered in time, whether it ends or not.
enum Deadline {
    /// The work took longer than it may.
    struct Exceeded: Error, Equatable {
        let limit: Duration
    }

    /// Gives the result of `work`, or throws ``Exceeded``. Work that is late is cancelled and no longer waited for: a process or a file system
    /// that hangs in the kernel does not come back when it is told to.
    static func run<T: Sendable>(_ limit: Duration, _ work: @escaping @Sendable () async throws -> T) async throws -> T {
        let (results, outcome) = AsyncThrowingStream.makeStream(of: T.self, bufferingPolicy: .bufferingOldest(1))
        let task = Task {
            do {
                outcome.yield(try await work())
                outcome.finish()
            } catch {
                outcome.finish(throwing: error)
            }
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            outcome.finish(throwing: Exceeded(limit: limit))
        }
        defer {
            task.cancel()
            timer.cancel()
        }
        for try await result in results { return result }
        // Without a value the stream ends only when the task of the caller is cancelled.
        throw CancellationError()
    }
}
