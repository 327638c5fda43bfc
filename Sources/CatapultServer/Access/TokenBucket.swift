import CatapultAPI

/// A bucket of tokens that fills at a steady rate up to its size; each request takes one. A pure value: the time is brought to it.
struct TokenBucket: Sendable, Equatable {
    /// What became of a wish for a token.
    struct Decision: Sendable, Equatable {
        /// Whether there was one.
        var isAllowed: Bool
        /// Whole tokens that are left.
        var remaining: Int
        /// Seconds until the next token, rounded up; 0 where there is one.
        var retryAfter: Int
        /// Seconds until the bucket is full again, rounded up.
        var reset: Int
    }

    /// Tokens per second.
    let rate: Double
    /// Tokens that fit in.
    let size: Int
    private var tokens: Double
    private var filledAt: ContinuousClock.Instant

    /// A full bucket.
    init(rate: Double, size: Int, at now: ContinuousClock.Instant) {
        self.rate = rate
        self.size = size
        tokens = Double(size)
        filledAt = now
    }

    /// Takes a token, if there is one.
    mutating func take(at now: ContinuousClock.Instant) -> Decision {
        fill(at: now)
        let isAllowed = tokens >= 1
        if isAllowed { tokens -= 1 }
        return decision(isAllowed)
    }

    /// Whether there is a token, without taking it.
    mutating func look(at now: ContinuousClock.Instant) -> Decision {
        fill(at: now)
        return decision(tokens >= 1)
    }

    /// Whether nothing has been taken that has not flowed in again: such a bucket need not be remembered.
    func isFull(at now: ContinuousClock.Instant) -> Bool { tokens + seconds(to: now) * rate >= Double(size) }

    private func decision(_ isAllowed: Bool) -> Decision {
        Decision(
            isAllowed: isAllowed, remaining: Int(tokens), retryAfter: tokens >= 1 ? 0 : max(1, Int(((1 - tokens) / rate).rounded(.up))),
            reset: Int(((Double(size) - tokens) / rate).rounded(.up)))
    }

    private mutating func fill(at now: ContinuousClock.Instant) {
        tokens = min(Double(size), tokens + seconds(to: now) * rate)
        filledAt = max(filledAt, now)
    }

    private func seconds(to now: ContinuousClock.Instant) -> Double { max(0, (now - filledAt) / .seconds(1)) }
}

extension RateLimit {
    /// Requests that may come at once.
    var bucketSize: Int { burst ?? max(1, Int(requestsPerSecond.rounded(.up))) }
}
