import Testing

@testable import Gateway

@Suite struct ExchangeTests {
    /// An exchange whose request is at an upstream.
    private func underWay(
        pooled: Bool = false, idempotent: Bool = true, body: Bool = false, ended: Bool = true, keepAlive: Bool = true
    ) -> Exchange {
        var exchange = Exchange()
        #expect(exchange.requestStarted(keepAlive: keepAlive, isIdempotent: idempotent) == .acquire(fresh: false))
        #expect(exchange.connected(pooled: pooled) == .forward(withEnd: false))
        if body { #expect(exchange.bodyArrived() == true) }
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
        _ = exchange.requestStarted(keepAlive: true, isIdempotent: false)
        #expect(!exchange.takesRequestParts)
        _ = exchange.connected(pooled: false)
        #expect(exchange.takesRequestParts)
    }

    @Test func failedConnectsAreTriedElsewhereWhateverTheMethod() {
        var exchange = Exchange()
        _ = exchange.requestStarted(keepAlive: true, isIdempotent: false)
        #expect(exchange.connectFailure() == .acquire(fresh: false))
        #expect(exchange.connectFailure() == .acquire(fresh: false))
        #expect(exchange.noUpstream() == .answer(.replicaUnreachable))
    }

    @Test func withoutUpstreamsTheAnswerIsThatNoneIsReady() {
        var exchange = Exchange()
        _ = exchange.requestStarted(keepAlive: true, isIdempotent: false)
        #expect(exchange.noUpstream() == .answer(.noReadyReplica))
    }

    @Test(arguments: [
        // pooled, idempotent, body began → is it tried again?
        (true, true, false, true), (true, true, true, false), (true, false, false, false), (false, true, false, false),
    ])
    func aStaleConnectionIsRetriedOnlyWhereItIsSafe(pooled: Bool, idempotent: Bool, body: Bool, retried: Bool) {
        var exchange = underWay(pooled: pooled, idempotent: idempotent, body: body)
        #expect(exchange.upstreamLost() == (retried ? .acquire(fresh: true) : .answer(.replicaClosed)))
        if retried {
            #expect(exchange.connected(pooled: false) == .forward(withEnd: true))
            #expect(exchange.upstreamLost() == .answer(.replicaClosed), "only once")
        }
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
        var exchange = underWay(idempotent: false, body: true, ended: false)
        let closing = exchange.responseStarted(delimitedByClose: false)
        #expect(closing)
        let end = exchange.responseEnded()
        #expect(!end.reuse)
        #expect(end.client == .linger)
        #expect(exchange.takesRequestParts)
        #expect(exchange.bodyArrived() == false, "dropped")
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
        var busy = underWay()
        #expect(busy.clientLost() == true)
        #expect(busy.upstreamLost() == .nothing)
        var acquiring = Exchange()
        _ = acquiring.requestStarted(keepAlive: true, isIdempotent: true)
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
