import Foundation
import Synchronization

/// What all connections to one PostgreSQL database share: where it is, and when to try again to reach it.
final class PostgreSQLLink: Sendable {
    let url: PostgreSQLURL
    let library: LibPQ
    private let schedule = Mutex(ReconnectSchedule())
    /// Why the last attempt failed.
    private let reason = Mutex("")

    init(url: PostgreSQLURL, library: LibPQ) {
        self.url = url
        self.library = library
    }

    /// Connects a session; waits out a short outage. Called on the session's thread.
    func connect(_ session: PostgreSQLSession) throws {
        while !session.isConnected {
            try Task.checkCancellation()
            switch schedule.withLock({ $0.decision(at: .now) }) {
            case .giveUp: throw DatabaseError.connectionLost(message: reason.withLock { $0 })
            case .wait(let pause): Thread.sleep(forTimeInterval: min(pause, .milliseconds(100)) / .seconds(1))
            case .connect:
                do {
                    try session.connect()
                    schedule.withLock { $0.succeeded() }
                } catch {
                    let message = if case .cannotOpen(_, let message) = error { message } else { "\(error)" }
                    reason.withLock { $0 = message }
                    schedule.withLock { $0.failed(at: .now, jitter: .random(in: 0...1)) }
                }
            }
        }
    }
}
