import Foundation
import Synchronization

/// What all connections to one PostgreSQL database share: where it is, and when to try again to reach it.
final class PostgreSQLLink: Sendable {
    let url: PostgreSQLURL
    let library: LibPQ
    private let schedule = Mutex(ReconnectSchedule())

    init(url: PostgreSQLURL, library: LibPQ) {
        self.url = url
        self.library = library
    }

    /// Connects a session; waits out a short outage. Called on the session's thread.
    func connect(_ session: PostgreSQLSession) throws {
        while !session.isConnected {
            try Task.checkCancellation()
            switch schedule.withLock({ $0.decision(at: .now) }) {
            case .giveUp: throw DatabaseError.connectionLost(message: "\(url.location) does not answer; it is tried again every second")
            case .wait(let pause): Thread.sleep(forTimeInterval: min(pause, .milliseconds(100)) / .seconds(1))
            case .connect:
                do {
                    try session.connect()
                    schedule.withLock { $0.succeeded() }
                } catch {
                    schedule.withLock { $0.failed(at: .now, jitter: .random(in: 0...1)) }
                    guard case .giveUp = schedule.withLock({ $0.decision(at: .now) }) else { continue }
                    if case .cannotOpen(_, let message) = error { throw DatabaseError.connectionLost(message: message) }
                    throw error
                }
            }
        }
    }
}
