import Dispatch
import Synchronization

/// Stops the statement that a connection runs, from another thread.
///
/// A cancel request goes over a connection of its own and hits whatever the server runs for the cancelled one: nothing, if it comes before
/// the statement does, and the wrong statement, if it comes late. It is therefore repeated until the statement has ended, and the
/// statement's end waits until no request is under way.
final class PostgreSQLCanceller: Sendable {
    private static let queue = DispatchQueue(label: "catapult.database.cancel", attributes: .concurrent)
    private static let repetition = DispatchTimeInterval.milliseconds(100)

    private struct State {
        /// The address of libpq's cancel handle; nil while no statement runs.
        var running: UInt?
        var isRequested = false
        var isSending = false
    }

    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)
    private let quiet = DispatchSemaphore(value: 0)
    private let library: LibPQ

    init(library: LibPQ) {
        self.library = library
    }

    /// Forgets what was asked for earlier.
    func reset() {
        state.withLock { $0.isRequested = false }
    }

    /// Runs a statement that ``cancel()`` can stop.
    func whileRunning<T>(_ handle: OpaquePointer?, _ body: () throws -> T) throws -> T {
        try state.withLock { state in
            if state.isRequested { throw CancellationError() }
            state.running = handle.map { UInt(bitPattern: $0) }
        }
        defer { end() }
        return try body()
    }

    /// Stops the statement that runs, if one does, without waiting for its end. May be called from everywhere.
    func cancel() {
        let handle: UInt? = state.withLock { state in
            state.isRequested = true
            guard let running = state.running, !state.isSending else { return nil }
            state.isSending = true
            return running
        }
        guard let handle else { return }
        Self.queue.async { self.send(handle) }
    }

    private func send(_ handle: UInt) {
        // libpq gives a reason of up to 256 bytes, of no use here: if the request fails, it is repeated.
        var reason = [CChar](repeating: 0, count: 256)
        repeat {
            if let handle = OpaquePointer(bitPattern: handle) { _ = library.cancel(handle, &reason, Int32(reason.count)) }
        } while ended.wait(timeout: .now() + Self.repetition) == .timedOut
        quiet.signal()
    }

    private func end() {
        let isSending = state.withLock { state in
            state.running = nil
            return state.isSending
        }
        guard isSending else { return }
        ended.signal()
        quiet.wait()
        state.withLock { $0.isSending = false }
    }
}
