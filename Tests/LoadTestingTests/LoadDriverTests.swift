import NIOCore
import Testing

@testable import LoadTesting

private func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds) }

private func counted(_ milliseconds: Int64) -> Ticket { Ticket(due: time(milliseconds), isCounted: true) }

@Suite struct ClosedLoopDriverTests {
    private func driver(_ connections: Int, _ stop: LoadTest.Stop) -> ClosedLoopDriver {
        ClosedLoopDriver(connections: connections, course: SharedCourse(Course(warmUp: .none, stop: stop)))
    }

    @Test func eachConnectionSendsAsSoonAsItIsFree() {
        var driver = driver(2, .requests(3))
        #expect(driver.start(at: time(0)) == [.connect(after: .zero), .connect(after: .zero)])
        #expect(driver.connected(7, at: time(1)) == [.send(counted(1), on: 7)])
        #expect(driver.connected(8, at: time(2)) == [.send(counted(2), on: 8)])
        #expect(driver.released(8, at: time(3)) == [.send(counted(3), on: 8)])
        #expect(driver.released(7, at: time(4)) == [.close(7)])
        #expect(driver.closed(7, at: time(5)) == [])
        #expect(!driver.isFinished)
        #expect(driver.closed(8, at: time(6)) == [])
        #expect(driver.isFinished)
    }

    @Test func aLostConnectionIsReplaced() {
        var driver = driver(1, .requests(2))
        _ = driver.start(at: time(0))
        _ = driver.connected(1, at: time(0))
        #expect(driver.closed(1, at: time(1)) == [.connect(after: .zero)])
        #expect(driver.connected(2, at: time(2)) == [.send(counted(2), on: 2)])
    }

    @Test func failedConnectsCountAndAreSpacedOut() {
        var driver = driver(1, .duration(.seconds(10)))
        _ = driver.start(at: time(0))
        let pauses = (Int64(0)..<9).map { attempt -> TimeAmount? in
            let actions = driver.connectFailed("refused", at: time(attempt))
            #expect(actions.first == .fail(counted(attempt), .connect, detail: "refused"))
            guard case .connect(let pause)? = actions.last else { return nil }
            return pause
        }
        let expected: [Int64] = [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]
        #expect(pauses == expected.map { TimeAmount.milliseconds($0) })
        _ = driver.connected(1, at: time(20))
        _ = driver.closed(1, at: time(21))
        #expect(driver.connectFailed("refused", at: time(22)).last == .connect(after: .milliseconds(10)))
        #expect(driver.connectFailed("refused", at: time(20_000)) == [])
        #expect(driver.isFinished)
    }
}

@Suite struct OpenLoopDriverTests {
    private func driver(_ connections: Int, rate: Double = 100, stop: LoadTest.Stop) -> OpenLoopDriver {
        OpenLoopDriver(
            schedule: ArrivalSchedule(ratePerSecond: rate, arrivals: .constant), origin: time(0), maximumConnections: connections,
            timeout: .milliseconds(100), course: SharedCourse(Course(warmUp: .none, stop: stop)))
    }

    @Test func arrivalsDoNotWaitForAnswers() {
        var driver = driver(2, stop: .requests(4))
        #expect(driver.start(at: time(0)) == [.wake(time(0))])
        #expect(driver.woken(at: time(0)) == [.connect(after: .zero), .wake(time(10))])
        #expect(driver.connected(1, at: time(1)) == [.send(counted(0), on: 1)])
        #expect(driver.woken(at: time(10)) == [.connect(after: .zero), .wake(time(20))])
        #expect(driver.connected(2, at: time(11)) == [.send(counted(10), on: 2)])
        // Both are busy and there may be no third: the request waits, due when it was due.
        #expect(driver.woken(at: time(20)) == [.wake(time(30))])
        #expect(driver.released(1, at: time(25)) == [.send(counted(20), on: 1)])
        #expect(driver.released(2, at: time(26)) == [])
        #expect(driver.woken(at: time(30)) == [.send(counted(30), on: 2)])
        #expect(driver.peakBacklog == 1)
        #expect(driver.scheduleLag?.count == 4)
        #expect(!driver.isFinished)
        #expect(driver.released(2, at: time(31)) == [.close(2)])
        #expect(driver.released(1, at: time(32)) == [.close(1)])
        #expect(driver.closed(1, at: time(33)) == [])
        #expect(driver.closed(2, at: time(33)) == [])
        #expect(driver.isFinished)
    }

    @Test func aLateWakeTakesUpAllThatIsDueAndShowsTheLag() throws {
        var driver = driver(10, stop: .requests(100))
        _ = driver.start(at: time(0))
        let actions = driver.woken(at: time(35))
        #expect(actions == Array(repeating: .connect(after: .zero), count: 4) + [.wake(time(40))])
        #expect(driver.scheduleLag?.count == 4)
        #expect(driver.scheduleLag?.summary.maximum == 35)
        #expect(driver.scheduleLag?.summary.minimum == 5)
        #expect(driver.connected(1, at: time(36)) == [.send(counted(0), on: 1)])
    }

    @Test func whatWaitedTooLongTimesOutUnsent() {
        var driver = driver(1, stop: .duration(.milliseconds(25)))
        _ = driver.start(at: time(0))
        _ = driver.woken(at: time(0))
        _ = driver.connected(1, at: time(0))
        _ = driver.woken(at: time(20))
        #expect(driver.woken(at: time(25)) == [])
        let detail = "no connection was free within 0.1 seconds"
        #expect(driver.released(1, at: time(115)) == [.fail(counted(10), .timeout, detail: detail), .send(counted(20), on: 1)])
        #expect(driver.released(1, at: time(120)) == [.close(1)])
    }

    @Test func closingAtTheEndOfTheCourseNeedsNoArrival() {
        var driver = driver(1, rate: 1, stop: .duration(.milliseconds(50)))
        _ = driver.start(at: time(0))
        #expect(driver.woken(at: time(0)) == [.connect(after: .zero), .wake(time(50))])
        _ = driver.connected(1, at: time(1))
        _ = driver.released(1, at: time(2))
        #expect(driver.woken(at: time(50)) == [.close(1)])
        #expect(driver.closed(1, at: time(51)) == [])
        #expect(driver.isFinished)
    }

    @Test func aFailedConnectFailsTheOldestAndALostConnectionIsReplacedOnDemand() {
        var driver = driver(1, stop: .requests(3))
        _ = driver.start(at: time(0))
        _ = driver.woken(at: time(10))
        #expect(driver.connectFailed("refused", at: time(11)) == [.fail(counted(0), .connect, detail: "refused"), .connect(after: .zero)])
        #expect(driver.connected(1, at: time(12)) == [.send(counted(10), on: 1)])
        #expect(driver.closed(1, at: time(13)) == [])
        #expect(driver.woken(at: time(20)) == [.connect(after: .zero)])
        #expect(driver.connectFailed("refused", at: time(21)) == [.fail(counted(20), .connect, detail: "refused")])
        #expect(driver.isFinished)
    }

    @Test func anIdleConnectionThatClosesIsForgotten() {
        var driver = driver(2, stop: .requests(9))
        _ = driver.start(at: time(0))
        _ = driver.woken(at: time(0))
        _ = driver.connected(1, at: time(0))
        _ = driver.released(1, at: time(1))
        #expect(driver.closed(1, at: time(2)) == [])
        #expect(driver.woken(at: time(10)).first == .connect(after: .zero))
    }

    @Test func abandoningGivesBackWhatWaits() {
        var driver = driver(1, stop: .requests(9))
        _ = driver.start(at: time(0))
        _ = driver.woken(at: time(10))
        #expect(driver.abandon() == [counted(0), counted(10)])
        #expect(driver.isFinished)
    }
}
