import NIOCore
import Testing

@testable import Gateway

private let epoch = NIODeadline.uptimeNanoseconds(1_000_000_000)

@Suite struct OutlierTests {
    @Test func ejectionsDoubleUpToTheMaximum() {
        let policy = OutlierPolicy(base: .seconds(1), max: .seconds(10))
        #expect((1...6).map { policy.ejection(failures: $0) } == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
        #expect(policy.ejection(failures: 1_000_000) == .seconds(10))
    }

    @Test func failuresOfOneBurstCountOnce() {
        let policy = OutlierPolicy(base: .seconds(1), max: .seconds(10))
        var state = OutlierState()
        #expect(!state.isEjected(at: epoch))
        #expect(state.connectFailed(at: epoch, policy: policy) == .seconds(1))
        #expect(state.connectFailed(at: epoch + .milliseconds(999), policy: policy) == nil)
        #expect(state.isEjected(at: epoch + .milliseconds(999)))
        #expect(!state.isEjected(at: epoch + .seconds(1)))
        #expect(state.connectFailed(at: epoch + .seconds(1), policy: policy) == .seconds(2))
        state.connectSucceeded()
        #expect(!state.isEjected(at: epoch + .seconds(1)))
        #expect(state.connectFailed(at: epoch + .seconds(1), policy: policy) == .seconds(1))
    }
}

@Suite struct BalancerTests {
    private func choices(_ rounds: Int, _ candidates: [Balancer.Candidate]) -> [Int?] {
        var balancer = Balancer()
        return (0..<rounds).map { _ in balancer.choose(among: candidates.count) { candidates[$0] } }
    }

    @Test func takesTheFewestOutstanding() {
        let candidates = [3, 1, 2].map { Balancer.Candidate(isEligible: true, isEjected: false, outstanding: $0) }
        #expect(choices(4, candidates) == [1, 1, 1, 1])
    }

    @Test func rotatesTies() {
        let candidates = (0..<3).map { _ in Balancer.Candidate(isEligible: true, isEjected: false, outstanding: 5) }
        #expect(Set(choices(3, candidates)) == [0, 1, 2])
    }

    @Test func avoidsTheEjectedUntilNoneElseIsLeft() {
        var candidates = [
            Balancer.Candidate(isEligible: true, isEjected: true, outstanding: 0),
            Balancer.Candidate(isEligible: true, isEjected: false, outstanding: 9),
            Balancer.Candidate(isEligible: false, isEjected: false, outstanding: 0),
        ]
        #expect(choices(3, candidates) == [1, 1, 1])
        candidates[1].isEligible = false
        #expect(choices(3, candidates) == [0, 0, 0])
        candidates[0].isEligible = false
        #expect(choices(2, candidates) == [nil, nil])
        #expect(choices(1, []) == [nil])
    }

    @Test func spreadsEvenlyWhenRequestsStay() {
        var balancer = Balancer(rotation: 7)
        var outstanding = [0, 0, 0, 0]
        for _ in 0..<40 {
            let choice = balancer.choose(among: 4) { .init(isEligible: true, isEjected: false, outstanding: outstanding[$0]) }
            if let choice { outstanding[choice] += 1 }
        }
        #expect(outstanding == [10, 10, 10, 10])
    }
}

@Suite struct IdlePoolTests {
    private final class Item {}

    @Test func isLastInFirstOutWithALimit() {
        var pool = IdlePool<Item>(limit: 2, idleTimeout: .seconds(4))
        let items = (0..<3).map { _ in Item() }
        let parked = items.map { pool.park($0, now: epoch) }
        #expect(parked == [true, true, false])
        #expect(pool.take(now: epoch) === items[1])
        #expect(pool.take(now: epoch) === items[0])
        #expect(pool.take(now: epoch) == nil)
    }

    @Test func neverGivesOutWhatIsTooOld() {
        var pool = IdlePool<Item>(limit: 9, idleTimeout: .seconds(4))
        let (old, young) = (Item(), Item())
        _ = pool.park(old, now: epoch)
        _ = pool.park(young, now: epoch + .seconds(3))
        #expect(pool.nextExpiry == epoch + .seconds(4))
        #expect(pool.expire(now: epoch + .seconds(4)).map(ObjectIdentifier.init) == [ObjectIdentifier(old)])
        #expect(pool.nextExpiry == epoch + .seconds(7))
        #expect(pool.take(now: epoch + .seconds(7)) == nil)
        #expect(pool.count == 1)
    }

    @Test func keepsEachOnItsOwnTerms() {
        var pool = IdlePool<Item>(limit: 9, idleTimeout: .seconds(4))
        let (long, short, none) = (Item(), Item(), Item())
        var (shortTerms, noTerms) = (ReuseTerms(), ReuseTerms())
        shortTerms.answered(keepAlive: ["timeout=3"])
        noTerms.answered(keepAlive: ["timeout=1"])
        let parked = [
            pool.park(long, now: epoch), pool.park(short, terms: shortTerms, now: epoch + .seconds(1)),
            pool.park(none, terms: noTerms, now: epoch),
        ]
        #expect(parked == [true, true, false])
        #expect(pool.nextExpiry == epoch + .seconds(3))
        #expect(pool.take(now: epoch + .seconds(3)) === long, "the younger one is past its time")
        #expect(pool.expire(now: epoch + .seconds(3)).map(ObjectIdentifier.init) == [ObjectIdentifier(short)])
        #expect(pool.nextExpiry == nil)
    }

    @Test func forgets() {
        var pool = IdlePool<Item>(limit: 9, idleTimeout: .seconds(4))
        let items = (0..<3).map { _ in Item() }
        for item in items { _ = pool.park(item, now: epoch) }
        pool.remove(items[1])
        #expect(pool.removeAll().map(ObjectIdentifier.init) == [items[0], items[2]].map(ObjectIdentifier.init))
        #expect(pool.nextExpiry == nil)
    }
}

@Suite struct ReuseTermsTests {
    private func terms(_ responses: [[String]]) -> ReuseTerms {
        var terms = ReuseTerms()
        for values in responses { terms.answered(keepAlive: values) }
        return terms
    }

    @Test(
        arguments: [
            ([], 4), (["timeout=5, max=100"], 4), (["timeout=75"], 4), (["Timeout=3"], 2), (["max=9", "timeout=4"], 3),
            (["timeout=1"], nil),
            (["timeout=0"], nil), (["timeout=2, timeout=9"], 4),
            // What makes no sense is ignored.
            (["timeout"], 4), (["timeout=-1"], 4), (["timeout=99999999999999999999"], 4), (["timeout=2147483647"], 4), (["=, ;;, =3"], 4),
        ] as [([String], Int64?)])
    func theShorterLimitCounts(values: [String], seconds: Int64?) {
        #expect(terms([values]).idleTime(limit: .seconds(4)) == seconds.map { .seconds($0) })
    }

    @Test func silenceChangesNothing() {
        #expect(terms([["timeout=3"], []]).idleTime(limit: .seconds(4)) == .seconds(2))
        #expect(terms([["max=2"], []]).idleTime(limit: .seconds(4)) == nil)
    }

    @Test func usesAreCountedWhetherTheNumberFallsOrStays() {
        #expect(terms([["max=0"]]).idleTime(limit: .seconds(4)) == nil)
        for series in [["max=3", "max=3", "max=3"], ["max=3", "max=2", "max=1"]] {
            let lasts = (1...3).map { terms(series.prefix($0).map { [$0] }).idleTime(limit: .seconds(4)) != nil }
            #expect(lasts == [true, true, false])
        }
        #expect(terms([["max=100"], ["max=0"]]).idleTime(limit: .seconds(4)) == nil, "the peer changed its mind")
    }
}

@Suite struct ReplayBufferTests {
    @Test func keepsPartsAsOneAndRefusesTheOneTooMany() {
        var buffer = ReplayBuffer()
        var kept = [buffer.keep(ByteBuffer(string: "one ")), buffer.keep(ByteBuffer()), buffer.keep(ByteBuffer(string: "two"))]
        #expect(kept == [true, true, true])
        #expect(buffer.bytes == ByteBuffer(string: "one two"))
        kept = [buffer.keep(ByteBuffer(repeating: 0, count: ReplayBuffer.limit - 7)), buffer.keep(ByteBuffer(repeating: 0, count: 1))]
        #expect(kept == [true, false])
    }
}

@Suite struct DrainLedgerTests {
    @Test func tellsEveryWaiterWhenTheLastLeaves() {
        var ledger = DrainLedger<String>()
        #expect(ledger.wait("nobody") == nil)
        ledger.enter()
        ledger.enter()
        let tickets = [ledger.wait("a"), ledger.wait("b")]
        #expect(!tickets.contains(nil))
        #expect(ledger.leave() == [])
        #expect(Set(ledger.leave()) == ["a", "b"])
        ledger.enter()
        #expect(ledger.leave() == [])
    }

    @Test func aWaiterThatGaveUpIsNotTold() throws {
        var ledger = DrainLedger<String>()
        ledger.enter()
        let waiting = ledger.wait("a")
        let ticket = try #require(waiting)
        #expect(ledger.abandon(ticket) == "a")
        #expect(ledger.abandon(ticket) == nil)
        #expect(ledger.leave() == [])
    }
}

@Suite struct LazyDeadlineTests {
    @Test func movingLaterSchedulesNothing() {
        var state = LazyDeadline()
        #expect(state.move(to: epoch + .seconds(5)) == epoch + .seconds(5))
        #expect(state.move(to: epoch + .seconds(9)) == nil)
        #expect(state.wokeUp(at: epoch + .seconds(5)) == .wakeAgain(epoch + .seconds(9)))
        #expect(state.wokeUp(at: epoch + .seconds(9)) == .expired)
        #expect(state.wokeUp(at: epoch + .seconds(10)) == .nothing)
    }

    @Test func movingEarlierSchedulesAgain() {
        var state = LazyDeadline()
        _ = state.move(to: epoch + .seconds(75))
        #expect(state.move(to: epoch + .seconds(5)) == epoch + .seconds(5))
        #expect(state.wokeUp(at: epoch + .seconds(5)) == .expired)
    }

    @Test func clearingLeavesAWakeUpThatDoesNothing() {
        var state = LazyDeadline()
        _ = state.move(to: epoch + .seconds(5))
        #expect(state.move(to: nil) == nil)
        #expect(state.wokeUp(at: epoch + .seconds(5)) == .nothing)
        #expect(state.move(to: epoch + .seconds(6)) == epoch + .seconds(6))
    }
}

@Suite struct ListenerPlanTests {
    private func address(_ port: Int) -> EndpointAddress { EndpointAddress(host: "127.0.0.1", port: port) }

    @Test func keepsWhatDoesNotChange() {
        let addresses = ["a": address(9000), "b": address(0)]
        let plan = ListenerPlan(current: addresses, desired: addresses, order: ["a", "b"])
        #expect(plan.closeFirst.isEmpty)
        #expect(plan.bind.isEmpty)
    }

    @Test func bindsTheNewBeforeItClosesTheOld() {
        let plan = ListenerPlan(current: ["a": address(9000)], desired: ["a": address(9001)], order: ["a"])
        #expect(plan.closeFirst.isEmpty)
        #expect(plan.bind == ["a"])
    }

    @Test func anAddressThatChangesHandsIsClosedFirst() {
        let plan = ListenerPlan(
            current: ["a": address(9000), "b": address(9001), "gone": address(9002)],
            desired: ["a": address(9001), "b": address(9000), "new": address(9002)], order: ["b", "a", "new"]
        )
        #expect(plan.closeFirst == ["a", "b", "gone"])
        #expect(plan.bind == ["b", "a", "new"])
    }

    @Test func aFailedEndpointIsTriedAgain() {
        let plan = ListenerPlan(current: [:], desired: ["a": address(9000)], order: ["a"])
        #expect(plan.bind == ["a"])
    }
}

@Suite struct ConfigurationTests {
    private func endpoint(_ id: String, port: Int = 9000, upstreams: [Upstream] = []) -> EndpointConfiguration {
        EndpointConfiguration(id: id, name: id, address: EndpointAddress(host: "127.0.0.1", port: port), upstreams: upstreams)
    }

    @Test func contradictionsAreRefusedWithTheirReason() {
        let good = Upstream(id: "r1", host: "127.0.0.1", port: 1)
        var never = endpoint("a")
        never.timeouts.connect = .zero
        let cases: [([EndpointConfiguration], String)] = [
            ([endpoint("a"), endpoint("a", port: 9001)], "endpoint id \"a\" is used twice"),
            ([endpoint("a"), endpoint("b")], "address 127.0.0.1:9000 is used by two endpoints"),
            ([endpoint("a", port: 65_536)], "no address"),
            ([endpoint("a", upstreams: [good, good])], "upstream id \"r1\" is used twice"),
            ([endpoint("a", upstreams: [Upstream(id: "r", host: "127.0.0.1", port: 0)])], "a port of 1 to 65535"),
            ([endpoint("a", upstreams: [Upstream(id: "r\r\nX: y", host: "127.0.0.1", port: 1)])], "visible ASCII"),
            ([never], "timeout connect must be positive"),
        ]
        for (endpoints, reason) in cases {
            let error = #expect(throws: GatewayError.self) { try GatewayConfiguration(endpoints: endpoints).validate() }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test func freePortsMayRepeat() throws {
        try GatewayConfiguration(endpoints: [endpoint("a", port: 0), endpoint("b", port: 0)]).validate()
    }

    @Test func addressesReadWell() {
        #expect(EndpointAddress(host: "::1", port: 80).description == "[::1]:80")
        #expect(GatewayError.addressInUse(host: "127.0.0.1", port: 9000).description == "Port 9000 on 127.0.0.1 is in use.")
    }
}
