import NIOCore
import Testing

@testable import Gateway

@Suite struct ExchangeTests {
    /// An exchange whose request is at an upstream.
    private func underWay(
        pooled: Bool = false, idempotent: Bool = true, body: String? = nil, ended: Bool = true, keepAlive: Bool = true
    ) -> Exchange {
        var exchange = Exchange()
        #expect(exchange.requestStarted(keepAlive: keepAlive, isIdempotent: idempotent, bodyLength: nil) == .acquire(fresh: false))
        #expect(exchange.connected(pooled: pooled) == .forward(body: nil, withEnd: false))
        if let body { #expect(exchange.bodyArrived(ByteBuffer(string: body)) == true) }
        if ended { #expect(exchange.requestEnded() == true) }
        return exchange
    }

    @Test func servesOneRequestAfterAnother() {
        var exchange = underWay()
        #expect(!exchange.takesRequestParts, "a pipelined request waits")
        let closing = exchange.responseStarted(delimitedByClose: false)
        #expect(!closing)
        let end = exchange.responseEnded()
        #expect(end.reuse)
        #expect(end.client == .nextRequest)
        #expect(exchange.phase == .idle)
        #expect(exchange.takesRequestParts)
    }

    @Test func bodyPartsWaitForAnUpstream() {
        var exchange = Exchange()
        _ = exchange.requestStarted(keepAlive: true, isIdempotent: false, bodyLength: nil)
        #expect(!exchange.takesRequestParts)
        _ = exchange.connected(pooled: false)
        #expect(exchange.takesRequestParts)
    }

    @Test func failedConnectsAreTriedElsewhereWhateverTheMethod() {
        var exchange = Exchange()
        _ = exchange.requestStarted(keepAlive: true, isIdempotent: false, bodyLength: nil)
        #expect(exchange.connectFailure() == .acquire(fresh: false))
        #expect(exchange.connectFailure() == .acquire(fresh: false))
        #expect(exchange.noUpstream() == .answer(.replicaUnreachable))
    }

    @Test func withoutUpstreamsTheAnswerIsThatNoneIsReady() {
        var exchange = Exchange()
        _ = exchange.requestStarted(keepAlive: true, isIdempotent: false, bodyLength: nil)
        #expect(exchange.noUpstream() == .answer(.noReadyReplica))
    }

    @Test(arguments: [true, false], [nil, "body"])
    func aRequestThatAUsedConnectionLosesIsRepeatedOnce(idempotent: Bool, body: String?) {
        var exchange = underWay(pooled: true, idempotent: idempotent, body: body)
        #expect(exchange.upstreamLost() == .reconnect)
        #expect(!exchange.takesRequestParts)
        #expect(exchange.connected(pooled: false) == .forward(body: ByteBuffer(string: body ?? ""), withEnd: true))
        #expect(exchange.replay == nil)
        #expect(exchange.upstreamLost() == .answer(.replicaClosed), "only once")
    }

    @Test(arguments: [true, false])
    func aRequestThatAFreshConnectionLosesIsNotRepeated(idempotent: Bool) {
        var exchange = underWay(idempotent: idempotent)
        #expect(exchange.replay == nil)
        #expect(exchange.upstreamLost() == .answer(.replicaClosed))
    }

    @Test func whatWasNotReadYetFollowsTheRepetition() {
        var exchange = underWay(pooled: true, idempotent: false, body: "first ", ended: false)
        #expect(exchange.bodyArrived(ByteBuffer(string: "second ")) == true)
        #expect(exchange.upstreamLost() == .reconnect)
        #expect(exchange.connected(pooled: false) == .forward(body: ByteBuffer(string: "first second "), withEnd: false))
        #expect(exchange.takesRequestParts)
        #expect(exchange.bodyArrived(ByteBuffer(string: "third")) == true)
        #expect(exchange.requestEnded() == true)
    }

    @Test func theFirstByteOfAResponseEndsTheChance() {
        var exchange = underWay(pooled: true, body: "body", ended: false)
        exchange.responseBegan()
        #expect(exchange.bodyArrived(ByteBuffer(string: "more")) == true)
        #expect(exchange.replay == nil)
        #expect(exchange.upstreamLost() == .answer(.replicaClosed))
    }

    @Test func aBodyIsKeptUpToTheLimitOnly() {
        var exchange = underWay(pooled: true, ended: false)
        #expect(exchange.bodyArrived(ByteBuffer(repeating: 1, count: ReplayBuffer.limit)) == true)
        var tooLong = exchange
        #expect(exchange.upstreamLost() == .reconnect)
        #expect(tooLong.bodyArrived(ByteBuffer(repeating: 1, count: 1)) == true)
        #expect(tooLong.replay == nil)
        #expect(tooLong.upstreamLost() == .answer(.replicaClosed))
    }

    @Test func aBodyThatCannotBeKeptMeetsFreshConnectionsOnly() {
        for (length, fresh) in [(ReplayBuffer.limit, false), (ReplayBuffer.limit + 1, true)] {
            var exchange = Exchange()
            #expect(exchange.requestStarted(keepAlive: true, isIdempotent: false, bodyLength: length) == .acquire(fresh: fresh))
            #expect(exchange.connectFailure() == .acquire(fresh: fresh), "elsewhere, too")
        }
    }

    @Test func aFailedRepetitionGoesElsewhereOnlyWhereThatIsSafe() {
        var post = underWay(pooled: true, idempotent: false)
        #expect(post.upstreamLost() == .reconnect)
        #expect(post.connectFailure() == .answer(.replicaClosed))
        var put = underWay(pooled: true, idempotent: true, body: "body")
        #expect(put.upstreamLost() == .reconnect)
        #expect(put.connectFailure() == .acquire(fresh: true))
        #expect(put.connected(pooled: false) == .forward(body: ByteBuffer(string: "body"), withEnd: true))
        #expect(put.upstreamLost() == .answer(.replicaClosed))
    }

    @Test func theNextRequestHasAChanceOfItsOwn() {
        var exchange = underWay(pooled: true, idempotent: false, body: "first")
        #expect(exchange.upstreamLost() == .reconnect)
        _ = exchange.connected(pooled: false)
        _ = exchange.responseStarted(delimitedByClose: false)
        _ = exchange.responseEnded()
        #expect(exchange.requestStarted(keepAlive: true, isIdempotent: false, bodyLength: nil) == .acquire(fresh: false))
        #expect(exchange.connected(pooled: true) == .forward(body: nil, withEnd: false))
        #expect(exchange.requestEnded() == true)
        #expect(exchange.upstreamLost() == .reconnect)
        #expect(exchange.connected(pooled: false) == .forward(body: ByteBuffer(), withEnd: true))
    }

    @Test func whatIsNoHTTPIsNotTriedAgain() {
        var exchange = underWay(pooled: true)
        #expect(exchange.upstreamLost(.replicaInvalid) == .answer(.replicaInvalid))
    }

    @Test func aResponseThatBreaksOffIsNeverEnded() {
        var exchange = underWay()
        _ = exchange.responseStarted(delimitedByClose: false)
        #expect(exchange.upstreamLost() == .abort)
    }

    @Test func anAnswerBeforeTheEndOfTheRequestLingers() {
        var exchange = underWay(idempotent: false, body: "part", ended: false)
        let closing = exchange.responseStarted(delimitedByClose: false)
        #expect(closing)
        let end = exchange.responseEnded()
        #expect(!end.reuse)
        #expect(end.client == .linger)
        #expect(exchange.takesRequestParts)
        #expect(exchange.bodyArrived(ByteBuffer(string: "rest")) == false, "dropped")
        #expect(exchange.requestEnded() == false)
        #expect(exchange.timedOut(clientStalled: true) == .close)
    }

    @Test func connectionsEndWhenTheClientSaysSo() {
        var exchange = underWay(keepAlive: false)
        let closing = exchange.responseStarted(delimitedByClose: false)
        #expect(closing)
        #expect(exchange.responseEnded().client == .close)
    }

    @Test func quiescingFinishesWhatIsUnderWay() {
        var idle = Exchange()
        #expect(idle.quiesce() == .close)
        var busy = underWay()
        #expect(busy.quiesce() == .nothing)
        let closing = busy.responseStarted(delimitedByClose: false)
        #expect(closing)
        #expect(busy.responseEnded().client == .close)
        var late = underWay()
        let lateClosing = late.responseStarted(delimitedByClose: false)
        #expect(!lateClosing)
        _ = late.quiesce()
        #expect(late.responseEnded().client == .close)
    }

    @Test func timeoutsNameTheOneToBlame() {
        var idle = Exchange()
        #expect(idle.timedOut(clientStalled: false) == .close)
        var waiting = underWay()
        #expect(waiting.timedOut(clientStalled: false) == .answer(.responseTimeout))
        var uploading = underWay(ended: false)
        #expect(uploading.timedOut(clientStalled: true) == .answer(.requestTimeout))
        var streaming = underWay()
        _ = streaming.responseStarted(delimitedByClose: false)
        #expect(streaming.timedOut(clientStalled: false) == .abort)
    }

    @Test func aClientThatLeavesEndsEverything() {
        var idle = Exchange()
        #expect(idle.clientLost() == false)
        var busy = underWay(pooled: true)
        #expect(busy.clientLost() == true)
        #expect(busy.replay == nil)
        #expect(busy.upstreamLost() == .nothing)
        var acquiring = Exchange()
        _ = acquiring.requestStarted(keepAlive: true, isIdempotent: true, bodyLength: nil)
        #expect(acquiring.clientLost() == true)
        #expect(acquiring.connected(pooled: false) == .nothing)
        #expect(acquiring.connectFailure() == .nothing)
    }

    @Test func aRefusedRequestEndsTheConnection() {
        var exchange = Exchange()
        #expect(exchange.requestRefused(.upgradeNotSupported) == .answer(.upgradeNotSupported))
        let closing = exchange.responseStarted(delimitedByClose: false)
        #expect(closing)
        #expect(exchange.responseEnded().client == .linger)
        #expect(exchange.requestRefused(.headersTooLarge) == .nothing, "what follows is dropped, too")
        var streaming = underWay(ended: false)
        _ = streaming.responseStarted(delimitedByClose: false)
        #expect(streaming.requestRefused(.malformed("chunk")) == .abort)
    }
}
