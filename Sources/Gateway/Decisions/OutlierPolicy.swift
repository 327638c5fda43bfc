import NIOCore

/// For how long a replica that refuses connections is left out: `base`, doubled with each failure in a row, at most `max`.
public struct OutlierPolicy: Sendable, Hashable {
    /// The first ejection. Default 0.5 s.
    public var base: Duration
    /// The longest ejection. Default 30 s.
    public var max: Duration

    /// Makes a policy.
    public init(base: Duration = .milliseconds(500), max: Duration = .seconds(30)) {
        self.base = base
        self.max = max
    }

    func ejection(failures: Int) -> Duration {
        // 2^20 of any base that makes sense is beyond any maximum that does.
        Swift.min(max, base * (1 << Swift.min(failures - 1, 20)))
    }
}

/// Whether one upstream is ejected. A pure value: events in, answers out, time as an argument.
struct OutlierState: Sendable, Hashable {
    private(set) var failures = 0
    private(set) var ejectedUntil: NIODeadline?

    func isEjected(at now: NIODeadline) -> Bool {
        ejectedUntil.map { now < $0 } ?? false
    }

    /// Returns the length of the ejection that this failure began. Failures while ejected are of tries that began before: they count once.
    mutating func connectFailed(at now: NIODeadline, policy: OutlierPolicy) -> Duration? {
        guard !isEjected(at: now) else { return nil }
        failures += 1
        let length = policy.ejection(failures: failures)
        ejectedUntil = now + TimeAmount(length)
        return length
    }

    mutating func connectSucceeded() {
        failures = 0
        ejectedUntil = nil
    }
}
