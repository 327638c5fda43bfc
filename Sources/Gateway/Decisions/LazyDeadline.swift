import NIOCore

/// A deadline that moves often and is rarely reached: a scheduled wake-up is left alone when the deadline moves later, and set again only when it comes.
struct LazyDeadline: Sendable, Hashable {
    /// What to do when a wake-up came.
    enum Outcome: Equatable {
        case expired
        case wakeAgain(NIODeadline)
        case nothing
    }

    private(set) var deadline: NIODeadline?
    private(set) var wakeUp: NIODeadline?

    /// Moves the deadline. Returns when to wake up, if an earlier wake-up than the present one is needed.
    mutating func move(to deadline: NIODeadline?) -> NIODeadline? {
        self.deadline = deadline
        guard let deadline, wakeUp.map({ deadline < $0 }) ?? true else { return nil }
        wakeUp = deadline
        return deadline
    }

    mutating func wokeUp(at now: NIODeadline) -> Outcome {
        wakeUp = nil
        guard let deadline else { return .nothing }
        guard now < deadline else {
            self.deadline = nil
            return .expired
        }
        wakeUp = deadline
        return .wakeAgain(deadline)
    }
}
