import Dispatch

/// Calls that wait for a disk or a file server, away from the threads of Swift's concurrency.
enum BlockingCall {
    /// Gives what `body` returns or throws. The call itself cannot be cancelled.
    static func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .utility).async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
