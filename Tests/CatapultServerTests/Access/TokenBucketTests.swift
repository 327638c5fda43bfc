import CatapultAPI
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

@Suite struct TokenBucketTests {
    private let start = ContinuousClock.now

    @Test func aFullBucketGivesItsSizeAndThenWaits() {
        var bucket = TokenBucket(rate: 2, size: 3, at: start)
        #expect((0..<3).map { _ in bucket.take(at: start).remaining } == [2, 1, 0])
        let refused = bucket.take(at: start)
        #expect(!refused.isAllowed && refused.retryAfter == 1 && refused.reset == 2)
        #expect(bucket.take(at: start + .milliseconds(500)).isAllowed)
        #expect(!bucket.take(at: start + .milliseconds(600)).isAllowed)
    }

    @Test func itNeverHoldsMoreThanItsSize() {
        var bucket = TokenBucket(rate: 1_000, size: 2, at: start)
        let later = start + .seconds(3_600)
        #expect((0..<3).map { _ in bucket.take(at: later).isAllowed } == [true, true, false])
    }

    @Test func aClockThatStandsStillOrGoesBackGivesNothing() {
        var bucket = TokenBucket(rate: 1, size: 1, at: start)
        #expect(bucket.take(at: start).isAllowed)
        #expect(!bucket.take(at: start - .seconds(60)).isAllowed)
        #expect(!bucket.take(at: start).isAllowed)
    }

    @Test func slowRatesSayHowLong() {
        var bucket = TokenBucket(rate: 0.01, size: 1, at: start)
        _ = bucket.take(at: start)
        #expect(bucket.take(at: start).retryAfter == 100)
    }

    @Test(arguments: [("10", 10, 10), ("0.5", 0.5, 1), ("10/50", 10, 50)])
    func limitsAreReadFromText(_ text: String, _ rate: Double, _ size: Int) throws {
        let limit = try #require(RateLimit(text))
        #expect(limit.requestsPerSecond == rate && limit.bucketSize == size)
    }

    @Test(arguments: ["", "x", "0", "-1", "10/", "10/0", "10/x", "1/2/3", "1e99", "nan"])
    func otherTextsAreNoLimits(_ text: String) { #expect(RateLimit(text) == nil) }

    @Test func eachNameHasABucketOfItsOwnAndAFloodOfNamesDoesNotGrow() {
        let limiter = RateLimiter(capacity: 100) { [start] in start }
        let limit = RateLimit(requestsPerSecond: 1, burst: 1)
        #expect(limiter.take("a", limit).isAllowed)
        #expect(!limiter.take("a", limit).isAllowed)
        #expect(limiter.take("b", limit).isAllowed)
        #expect(limiter.refusals(of: "a") == 1)
        for number in 0..<1_000 { _ = limiter.take("n\(number)", limit) }
        #expect(limiter.take("new", limit).isAllowed)
    }
}
