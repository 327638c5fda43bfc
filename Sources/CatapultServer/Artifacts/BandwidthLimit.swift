/// Says how long to wait so that work does not go faster than so many units per second. A value: the time is given.
struct BandwidthLimit: Sendable {
    private let perSecond: Double?
    private var start: ContinuousClock.Instant?
    private var done = 0.0

    /// - Parameter perSecond: nil for no limit.
    init(perSecond: Int64?) { self.perSecond = perSecond.map(Double.init) }

    /// Counts work that was done, and gives the time before which none should follow.
    mutating func count(_ units: Int64, at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        guard let perSecond else { return now }
        let start = self.start ?? now
        self.start = start
        done += Double(units)
        return start + .seconds(done / perSecond)
    }
}
