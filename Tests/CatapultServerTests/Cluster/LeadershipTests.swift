import Testing

@testable import CatapultServer

@Suite struct LeadershipTests {
    private let start = ContinuousClock.now
    /// 15 s of lease, of which the last 4 s are not used.
    private let terms = Leadership.Terms()

    private func at(_ seconds: Double) -> Leadership.Instant { start + .milliseconds(Int64(seconds * 1_000)) }

    private func leading() -> Leadership {
        var state = Leadership(terms: terms)
        _ = state.hear(.held(term: 3), asked: at(0), now: at(0.1))
        return state
    }

    @Test func whoIsGrantedTheLeaseLeadsAndMayActUntilSomeTimeBeforeItsEnd() {
        var state = Leadership(terms: terms)
        #expect(state.term == nil && state.pause == terms.candidacy)
        #expect(state.hear(.held(term: 3), asked: at(0), now: at(0.1)) == [.began(term: 3)])
        #expect(state.term == 3 && state.end == at(11) && state.pause == terms.renewal)
        #expect(state.expire(now: at(10.9)) == [])
        #expect(state.expire(now: at(11)) == [.ended(term: 3)])
        #expect(state.term == nil)
    }

    @Test func renewingProlongsFromWhenItWasAsked() {
        var state = leading()
        #expect(state.hear(.held(term: 3), asked: at(4), now: at(9)) == [])
        #expect(state.end == at(15))
    }

    @Test func withoutAnAnswerLeadershipEndsAtItsTime() {
        var state = leading()
        #expect(state.hear(.unknown, asked: at(4), now: at(6)) == [])
        #expect(state.term == 3)
        #expect(state.hear(.unknown, asked: at(8), now: at(11)) == [.ended(term: 3)])
        #expect(state.expire(now: at(12)) == [])
    }

    @Test func anAnswerThatWasLongOnItsWayIsWorthNothing() {
        var state = Leadership(terms: terms)
        #expect(state.hear(.held(term: 1), asked: at(0), now: at(11)) == [])
        #expect(state.term == nil)
        var leader = leading()
        #expect(leader.hear(.held(term: 3), asked: at(4), now: at(15.5)) == [.ended(term: 3)])
    }

    @Test func refusalEndsLeadershipAtOnce() {
        var state = leading()
        #expect(state.hear(.refused, asked: at(4), now: at(4.1)) == [.ended(term: 3)])
        #expect(state.hear(.refused, asked: at(7), now: at(7.1)) == [])
    }

    @Test func whoIsRefusedFollowsAndWhoHasNoAnswerDoesNot() {
        var state = leading()
        _ = state.expire(now: at(11))
        #expect(state.term == nil && !state.isFollowing, "the database is away: nobody is known to lead")
        _ = state.hear(.refused, asked: at(12), now: at(12.1))
        #expect(state.isFollowing)
        _ = state.hear(.unknown, asked: at(15), now: at(16))
        #expect(state.isFollowing)
        _ = state.hear(.held(term: 5), asked: at(18), now: at(18.1))
        #expect(!state.isFollowing)
    }

    @Test func aProcessThatWasFrozenDoesNotLeadEvenBeforeItNotesTheTime() {
        let state = leading()
        #expect(state.term(at: at(10.9)) == 3 && state.term(at: at(11)) == nil)
        #expect(state.term == 3)
    }

    @Test func anotherTermMeansThatSomebodyElseLedMeanwhile() {
        var state = leading()
        #expect(state.hear(.held(term: 5), asked: at(4), now: at(4.1)) == [.ended(term: 3), .began(term: 5)])
    }

    @Test func givingUpIsSaidOnce() {
        var state = leading()
        #expect(state.stop() == [.ended(term: 3)])
        #expect(state.stop() == [])
    }

    /// Whatever the database answers and however late: two servers never act at the same time, as long as the database grants the lease to one
    /// at a time by its own clock.
    @Test(arguments: 0..<200)
    func twoServersNeverLeadAtOnce(_ seed: UInt64) {
        var random = Generator(state: seed)
        var servers = [Leadership(terms: terms), Leadership(terms: terms)]
        var (owner, term, expiry) = (-1, Int64(0), -1.0)
        var busyUntil = [0.0, 0.0]
        var answers: [(server: Int, arrives: Double, asked: Double, answer: Leadership.Answer)] = []
        var now = 0.0
        while now < 120 {
            now += 0.25
            for (index, pending) in answers.enumerated().reversed() where pending.arrives <= now {
                answers.remove(at: index)
                _ = servers[pending.server].hear(pending.answer, asked: at(pending.asked), now: at(now))
            }
            for server in servers.indices {
                _ = servers[server].expire(now: at(now))
                guard busyUntil[server] <= now else { continue }
                // The question takes a while to the database, and the answer a while back.
                let (there, back) = (Double(random.next() % 20) / 4, Double(random.next() % 40) / 4)
                let reached = now + there
                var answer = Leadership.Answer.unknown
                if random.next() % 4 != 0 {
                    if owner == server || expiry < reached {
                        if owner != server { term += 1 }
                        (owner, expiry) = (server, reached + 15)
                        answer = .held(term: term)
                    } else {
                        answer = .refused
                    }
                }
                answers.append((server, reached + back, now, answer))
                busyUntil[server] = reached + back + 3
            }
            #expect(servers.count { $0.term != nil } <= 1, "at \(now) s")
        }
    }

    /// SplitMix64.
    private struct Generator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
