/// When to try again to reach a server that does not answer.
///
/// A short outage, as the restart of a server, is waited out. In a long one calls fail at once, except for one now and then that tries
/// anew, so that a server that comes back is found within ``longestPause``.
struct ReconnectSchedule {
    /// What a call that needs a connection does.
    enum Decision: Equatable {
        case connect
        case wait(Duration)
        case giveUp
    }

    private static let firstPause = Duration.milliseconds(50)
    static let longestPause = Duration.seconds(1)
    /// How long after its beginning an outage is waited out.
    static let patience = Duration.seconds(3)

    private struct Outage {
        var began: ContinuousClock.Instant
        var pause: Duration
        var next: ContinuousClock.Instant
    }

    private var outage: Outage?

    /// What to do at a time.
    func decision(at now: ContinuousClock.Instant) -> Decision {
        guard let outage, now < outage.next else { return .connect }
        return now < outage.began.advanced(by: Self.patience) ? .wait(outage.next - now) : .giveUp
    }

    /// The server answered.
    mutating func succeeded() {
        outage = nil
    }

    /// The server did not answer.
    ///
    /// - Parameter jitter: from 0 to 1. Pauses vary by a quarter, so that many servers do not come back in step.
    mutating func failed(at now: ContinuousClock.Instant, jitter: Double) {
        let pause = outage.map { min($0.pause * 2, Self.longestPause) } ?? Self.firstPause
        outage = Outage(began: outage?.began ?? now, pause: pause, next: now.advanced(by: pause * (0.75 + 0.25 * jitter)))
    }
}
