import CatapultAPI
import NIOConcurrencyHelpers

/// One token bucket for each key, address or the like. It counts within this process: several servers on one database each grant the limit.
final class RateLimiter: Sendable {
    private struct State {
        var buckets: [String: TokenBucket] = [:]
        /// Refusals of each name since somebody last asked for them.
        var refusals: [String: Int] = [:]
    }

    /// Names that are remembered at most. Beyond that full buckets go first, then any: a flood of names must not fill the memory.
    private let capacity: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = NIOLockedValueBox(State())

    init(capacity: Int = 10_000, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.capacity = capacity
        self.now = now
    }

    /// Takes a token of a name's bucket. A limit that has changed begins with a full bucket.
    func take(_ name: String, _ limit: RateLimit) -> TokenBucket.Decision {
        let now = now()
        return state.withLockedValue { state in
            var bucket = Self.bucket(name, limit, in: state, at: now)
            let decision = bucket.take(at: now)
            if decision.isAllowed { state.refusals[name] = nil } else { state.refusals[name, default: 0] += 1 }
            remember(bucket, name, in: &state, at: now)
            return decision
        }
    }

    /// Whether a name's bucket has a token, without taking it.
    func look(_ name: String, _ limit: RateLimit) -> TokenBucket.Decision {
        let now = now()
        return state.withLockedValue { state in
            var bucket = Self.bucket(name, limit, in: state, at: now)
            return bucket.look(at: now)
        }
    }

    /// How often a name was refused since it last got a token.
    func refusals(of name: String) -> Int { state.withLockedValue { $0.refusals[name] ?? 0 } }

    private static func bucket(_ name: String, _ limit: RateLimit, in state: State, at now: ContinuousClock.Instant) -> TokenBucket {
        let (rate, size) = (limit.requestsPerSecond, limit.bucketSize)
        if let known = state.buckets[name], known.rate == rate, known.size == size { return known }
        return TokenBucket(rate: rate, size: size, at: now)
    }

    private func remember(_ bucket: TokenBucket, _ name: String, in state: inout State, at now: ContinuousClock.Instant) {
        if state.buckets.count >= capacity, state.buckets[name] == nil {
            state.buckets = state.buckets.filter { !$0.value.isFull(at: now) }
            if state.buckets.count >= capacity { state.buckets = [:] }
            state.refusals = state.refusals.filter { state.buckets[$0.key] != nil }
        }
        state.buckets[name] = bucket
    }
}
