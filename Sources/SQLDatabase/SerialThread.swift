@preconcurrency import Dispatch

/// Runs synchronous work one after the other on a dispatch queue, away from Swift's cooperative pool.
///
/// An actor with an executor of its own, rather than a queue and a continuation, so that closures need not escape and
/// `Task.isCancelled` tells the truth inside them.
actor SerialThread {
    private let executor: DispatchQueueExecutor

    init(label: String) {
        executor = DispatchQueueExecutor(label: label)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func run<T: Sendable>(_ work: () throws -> T) rethrows -> T {
        try work()
    }
}

/// Runs an actor's work on a dispatch queue of its own.
final class DispatchQueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
