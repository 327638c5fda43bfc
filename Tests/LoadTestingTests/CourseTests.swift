import NIOCore
import Testing

@testable import LoadTesting

@Suite struct CourseTests {
    private func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds) }

    @Test func countsRequests() {
        var course = Course(warmUp: .requests(2), stop: .requests(3))
        let admissions = (0..<7).map { course.admit(at: time($0)) }
        #expect(admissions == [.warmUp, .warmUp, .counted, .counted, .counted, .over, .over])
        #expect(course.windowStart == time(2))
        #expect(course.windowEnd == nil)
    }

    @Test func measuresTimeFromTheFirstRequest() {
        var course = Course(warmUp: .duration(.milliseconds(10)), stop: .duration(.milliseconds(20)))
        #expect([100, 109, 110, 129, 130, 131].map { course.admit(at: time($0)) } == [.warmUp, .warmUp, .counted, .counted, .over, .over])
        #expect(course.windowStart == time(110))
        #expect(course.windowEnd == time(130))
        #expect(course.isOver(at: time(130)))
        #expect(!course.isOver(at: time(129)))
    }

    @Test func withoutWarmUpTheFirstRequestCounts() {
        var course = Course(warmUp: .none, stop: .duration(.milliseconds(1)))
        #expect(!course.isOver(at: time(50)))
        #expect(course.admit(at: time(50)) == .counted)
        #expect(course.admit(at: time(51)) == .over)
    }
}

@Suite struct ArrivalScheduleTests {
    private func offsets(_ arrivals: LoadTest.Arrivals, stripe: Int = 0, of stripes: Int = 1, count: Int) -> [TimeAmount] {
        Array(ArrivalSchedule(ratePerSecond: 1_000, arrivals: arrivals, stripe: stripe, of: stripes).prefix(count))
    }

    @Test func constantArrivalsAreEven() {
        #expect(offsets(.constant, count: 4) == [.zero, .milliseconds(1), .milliseconds(2), .milliseconds(3)])
    }

    @Test(arguments: [LoadTest.Arrivals.constant, .poisson(seed: 9)])
    func stripesMakeUpTheWhole(_ arrivals: LoadTest.Arrivals) {
        let whole = offsets(arrivals, count: 30)
        for stripe in 0..<3 {
            let expected = stride(from: stripe, to: 30, by: 3).map { whole[$0] }
            #expect(offsets(arrivals, stripe: stripe, of: 3, count: 10) == expected)
        }
    }

    @Test func poissonArrivalsRepeatAndHaveTheirMeanAndSpread() throws {
        let count = 50_000
        let times = offsets(.poisson(seed: 5), count: count)
        #expect(times == offsets(.poisson(seed: 5), count: count))
        #expect(times != offsets(.poisson(seed: 6), count: count))
        let gaps = zip(times.dropFirst(), times).map { Double(($0 - $1).nanoseconds) / 1e6 }
        #expect(gaps.allSatisfy { $0 >= 0 })
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        // Of an exponential distribution mean and standard deviation are the same: 1 ms here. The seed is fixed, so this cannot flicker.
        #expect(abs(mean - 1) < 0.02)
        #expect(abs(variance.squareRoot() - 1) < 0.03)
    }
}
