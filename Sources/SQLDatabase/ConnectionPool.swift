import Synchronization

/// Lends a fixed number of connections. Who finds none idle waits its turn, without holding a thread.
final class ConnectionPool<Connection: Sendable>: Sendable {
    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<Connection, any Error>
    }

    private struct State {
        var idle: [Connection]
        var lent = 0
        var waiting: [Waiter] = []
        var nextWaiter: UInt64 = 0
        var isClosed = false
        /// Who closes the pool, until the last lent connection is back.
        var closer: CheckedContinuation<[Connection], Never>?

        mutating func lend() -> Connection? {
            guard let connection = idle.popLast() else { return nil }
            lent += 1
            return connection
        }
    }

    private let state: Mutex<State>

    init(_ connections: [Connection]) {
        state = Mutex(State(idle: connections))
    }

    /// Lends a connection to `body`.
    ///
    /// Throws `CancellationError` when the task is cancelled while it waits, ``DatabaseError/closed`` when the pool is closed.
    func withConnection<T>(_ body: (Connection) async throws -> T) async throws -> T {
        let connection = try await acquire()
        defer { release(connection) }
        return try await body(connection)
    }

    /// Refuses further work, waits for the lent connections and hands all of them over, to be closed. Called once.
    func close() async -> [Connection] {
        await withCheckedContinuation { continuation in
            let (waiting, connections) = state.withLock { state -> ([Waiter], [Connection]?) in
                state.isClosed = true
                defer { state.waiting = [] }
                if state.lent == 0 { return (state.waiting, state.idle) }
                state.closer = continuation
                return (state.waiting, nil)
            }
            for waiter in waiting { waiter.continuation.resume(throwing: DatabaseError.closed) }
            if let connections { continuation.resume(returning: connections) }
        }
    }

    private func acquire() async throws -> Connection {
        let (ready, id) = try state.withLock { state in
            if state.isClosed { throw DatabaseError.closed }
            state.nextWaiter += 1
            return (state.lend(), state.nextWaiter)
        }
        if let ready { return ready }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let resumption: Result<Connection, any Error>? = state.withLock { state in
                    if state.isClosed { return .failure(DatabaseError.closed) }
                    // Under the lock that the handler below takes: the handler has run before this, or it will find the waiter.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if let connection = state.lend() { return .success(connection) }
                    state.waiting.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let resumption { continuation.resume(with: resumption) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private func release(_ connection: Connection) {
        let action: (() -> Void)? = state.withLock { state in
            if !state.waiting.isEmpty {
                let next = state.waiting.removeFirst()
                return { next.continuation.resume(returning: connection) }
            }
            state.idle.append(connection)
            state.lent -= 1
            guard state.lent == 0, let closer = state.closer else { return nil }
            state.closer = nil
            let connections = state.idle
            return { closer.resume(returning: connections) }
        }
        action?()
    }
}
