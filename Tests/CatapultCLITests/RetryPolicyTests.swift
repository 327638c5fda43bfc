import CatapultAPI
import Testing

@testable import Catapult

@Suite struct RetryPolicyTests {
    let policy = RetryPolicy(attempts: 4, base: .milliseconds(100), longest: .seconds(10))

    @Test func theWaitDoublesAndJitterTakesUpToHalfAway() {
        let waits = (1...3).map { policy.delay(after: $0, .noAnswer, effect: .read, jitter: 0) }
        #expect(waits == [.milliseconds(100), .milliseconds(200), .milliseconds(400)])
        #expect(policy.delay(after: 1, .noAnswer, effect: .read, jitter: 1) == .milliseconds(50))
    }

    @Test func theLastAttemptIsTheLast() {
        #expect(policy.delay(after: 4, .nothingSent, effect: .read, jitter: 0) == nil)
        #expect(RetryPolicy.never.delay(after: 1, .nothingSent, effect: .read, jitter: 0) == nil)
    }

    @Test func theWaitHasALimit() {
        let patient = RetryPolicy(attempts: 100, base: .seconds(1), longest: .seconds(10))
        #expect(patient.delay(after: 60, .noAnswer, effect: .read, jitter: 0) == .seconds(10))
    }

    @Test(arguments: [Effect.write, .destructive]) func aWriteIsRepeatedOnlyWhereNothingWasSent(effect: Effect) {
        #expect(policy.delay(after: 1, .nothingSent, effect: effect, jitter: 0) != nil)
        #expect(policy.delay(after: 1, .noAnswer, effect: effect, jitter: 0) == nil)
        #expect(policy.delay(after: 1, .status(503, retryAfter: 1), effect: effect, jitter: 0) == nil)
    }

    @Test(arguments: [(429, true), (502, true), (503, true), (504, true), (500, false), (404, false), (401, false), (409, false)])
    func onlyPassingStatesAreRepeated(status: Int, repeats: Bool) {
        #expect((policy.delay(after: 1, .status(status, retryAfter: nil), effect: .read, jitter: 0) != nil) == repeats)
    }

    @Test func theServersWishIsHonouredUpToTheLimit() {
        #expect(policy.delay(after: 1, .status(429, retryAfter: 7), effect: .read, jitter: 0.5) == .seconds(7))
        #expect(policy.delay(after: 1, .status(429, retryAfter: 0), effect: .read, jitter: 0) == .milliseconds(100))
        #expect(policy.delay(after: 1, .status(503, retryAfter: 11), effect: .read, jitter: 0) == nil)
    }

    @Test func theRetrierWaitsOnItsClockAndGivesTheLastErrorUp() async throws {
        let clock = RecordingClock()
        let retrier = Retrier(policy: policy, clock: clock, jitter: { 0 })
        var attempts = 0
        let result = try await retrier.run(effect: .read) {
            attempts += 1
            if attempts < 3 { throw ConnectionError(url: "u", reason: .broken, detail: "") }
            return attempts
        }
        #expect(result == 3)
        #expect(clock.sleeps == [.milliseconds(100), .milliseconds(200)])

        await #expect(throws: ConnectionError(url: "u", reason: .broken, detail: "")) {
            try await retrier.run(effect: .write) { () -> Int in throw ConnectionError(url: "u", reason: .broken, detail: "") }
        }
        #expect(clock.sleeps.count == 2)
    }
}
