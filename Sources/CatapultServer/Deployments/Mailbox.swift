import CatapultAPI
import NIOConcurrencyHelpers

/// What has happened that a reconciler must look at. Written by anybody, read by one.
final class Mailbox: Sendable {
    enum Event: Sendable, Equatable {
        /// It is time to look, though nothing has happened.
        case look
        /// A client has changed what it wishes.
        case wishChanged
        /// Something happened to a container.
        case containerChanged(String)
        /// The engine can be asked again; what happened meanwhile is not known.
        case engineBack
        case probed(String, ProbeAnswer, run: Timestamp?)
        case finished(String, ReplicaAction, ActionOutcome)
        case orphanRemoved(String)
    }

    private let events = NIOLockedValueBox<[Event]>([])
    private let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    func post(_ event: Event) {
        events.withLockedValue { $0.append(event) }
        arrived.yield()
    }

    /// Waits for events and takes all there are, in order. Empty when the reader's task is cancelled.
    func next() async -> [Event] {
        for await _ in arrivals {
            let taken = events.withLockedValue { events in
                defer { events = [] }
                return events
            }
            if !taken.isEmpty { return taken }
        }
        return []
    }
}
