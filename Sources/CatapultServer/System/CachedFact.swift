/// A fact that is costly to find out: looked for by one task at a time, however many ask, and kept for a while.
///
/// A search that is late is cancelled, and no other begins before it has ended: a file system or a driver that hangs must not gather threads and
/// processes, one for every question.
actor CachedFact<Value: Sendable> {
    private let lifetime: Duration
    private let limit: Duration
    private let late: Value
    private let now: @Sendable () -> ContinuousClock.Instant
    private let find: @Sendable () async -> Value
    private var known: (value: Value, expiry: ContinuousClock.Instant)?
    private var search: Task<Value, Never>?

    /// - Parameters:
    ///   - lifetime: how long an answer is good.
    ///   - limit: how long somebody who asks waits.
    ///   - late: the answer after that.
    ///   - find: finds the fact out.
    init(
        lifetime: Duration, limit: Duration, late: Value, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        find: @escaping @Sendable () async -> Value
    ) {
        self.lifetime = lifetime
        self.limit = limit
        self.late = late
        self.now = now
        self.find = find
    }

    /// The fact, at most as old as its lifetime.
    func value() async -> Value {
        if let known, now() < known.expiry { return known.value }
        let search = self.search ?? begin()
        do {
            return try await Deadline.run(limit) { await search.value }
        } catch is Deadline.Exceeded {
            search.cancel()
            known = (late, now() + lifetime)
            return late
        } catch {
            return late
        }
    }

    private func begin() -> Task<Value, Never> {
        let search = Task {
            let value = await find()
            end(with: value)
            return value
        }
        self.search = search
        return search
    }

    private func end(with value: Value) {
        search = nil
        known = (value, now() + lifetime)
    }
}
