/// A fact that is costly to find out: looked for by one task at a time, however many ask, and kept for a while.
actor CachedFact<Value: Sendable> {
    private let lifetime: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let find: @Sendable () async -> Value
    private var known: (value: Value, expiry: ContinuousClock.Instant)?
    private var search: Task<Value, Never>?

    /// A fact that `find` finds out and that stays good for `lifetime`.
    init(
        lifetime: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, find: @escaping @Sendable () async -> Value
    ) {
        self.lifetime = lifetime
        self.now = now
        self.find = find
    }

    /// The fact, at most as old as its lifetime.
    func value() async -> Value {
        if let known, now() < known.expiry { return known.value }
        if let search { return await search.value }
        let search = Task { [find] in await find() }
        self.search = search
        let value = await search.value
        known = (value, now() + lifetime)
        self.search = nil
        return value
    }
}
