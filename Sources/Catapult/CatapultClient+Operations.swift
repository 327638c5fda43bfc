import CatapultAPI

/// An operation that ended in another way than success.
public struct OperationFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The operation as it ended.
    public let operation: Operation

    /// A failure out of an operation that failed or was cancelled.
    public init(operation: Operation) { self.operation = operation }

    /// What to do, where the server says it.
    public var hint: String? { operation.error?["hint"]?.stringValue }

    public var description: String {
        if operation.state == .cancelled { return "the \(operation.kind.rawValue) was cancelled" }
        return operation.error?["detail"]?.stringValue ?? "the \(operation.kind.rawValue) failed: \(operation.message)"
    }
}

extension CatapultClient {
    /// Seconds that one long poll lasts at most.
    private static let longPoll = 30

    /// Follows an operation to its end. Each request waits at the server for a change, so nothing is asked in vain.
    ///
    /// Cancelling the task stops the following, not the operation; `CancelOperation` stops that.
    ///
    /// - Parameters:
    ///   - id: UUID of the operation.
    ///   - progress: called with the operation as it is at first and after each change; an error of it ends the following.
    /// - Returns: the operation, succeeded.
    /// - Throws: ``OperationFailure`` where it failed or was cancelled; else as ``send(_:timeout:)``.
    @discardableResult
    public func waitForOperation(_ id: String, progress: (Operation) async throws -> Void = { _ in }) async throws -> Operation {
        var known: Operation?
        while true {
            let wait = known == nil ? nil : Self.longPoll
            let (operation, elapsed) = try await clock.timed {
                try await send(GetOperation(operationID: id, wait: wait), timeout: options.timeout + .seconds(wait ?? 0))
            }
            if operation != known { try await progress(operation) }
            guard !operation.state.isTerminal else {
                guard operation.state == .succeeded else { throw OperationFailure(operation: operation) }
                return operation
            }
            // A server that answers early without news is asked again at a walking pace.
            if operation == known, elapsed < .seconds(1) { try await clock.sleep(for: .seconds(1)) }
            known = operation
        }
    }
}

extension Clock where Duration == Swift.Duration {
    /// What some work gives, and the time that it took.
    fileprivate func timed<Result>(_ work: () async throws -> Result) async rethrows -> (Result, Duration) {
        let start = now
        let result = try await work()
        return (result, start.duration(to: now))
    }
}
