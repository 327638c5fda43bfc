import NIOCore
import NIOHTTP1
import NIOPosix

/// The last handler of a client connection: does what ``Exchange`` decides. Confined to its loop.
final class ClientConnection: ChannelDuplexHandler, RearmableTimerOwner {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let endpoint: EndpointRuntime
    private var context: ChannelHandlerContext?
    private var exchange = Exchange()
    private let timer: RearmableTimer

    // The present request.
    private var request: ForwardedRequest?
    private var requestTrailers: HTTPHeaders?
    private var framing = ForwardedResponse.Framing.none
    /// Where the request counts as in flight.
    private var target: UpstreamRuntime?
    private var upstream: UpstreamConnection?
    /// Upstreams that refused this request a connection.
    private var tried: [UpstreamRuntime] = []
    private var continueSent = false
    /// Tells a connection that was asked for by an earlier request from one for this request.
    private var generation = 0

    /// Parts that arrived before their time: body parts while an upstream is sought, pipelined requests. At most what one read brings.
    private var waiting = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 4)
    private var readIsHeld = false
    private var isConsuming = false
    /// Between the first part of a read and its end, which flushes what went upstream in one write.
    private var isReading = false

    private let peer: String
    private let localHost: String

    init(endpoint: EndpointRuntime, channel: any Channel) {
        self.endpoint = endpoint
        timer = RearmableTimer(eventLoop: endpoint.eventLoop)
        peer = channel.remoteAddress?.ipAddress ?? "unknown"
        localHost =
            channel.localAddress.map { EndpointAddress(host: $0.ipAddress ?? "localhost", port: $0.port ?? 80).description } ?? "localhost"
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        endpoint.add(self)
        awaitNextRequest()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer.invalidate()
        endpoint.remove(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        isReading = true
        guard waiting.isEmpty, !isConsuming, exchange.takesRequestParts else {
            waiting.append(part)
            return
        }
        consume(part)
        consumeWaiting()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        upstream?.flush()
    }

    func read(context: ChannelHandlerContext) {
        if canReadRequest {
            context.read()
        } else {
            readIsHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        if exchange.phase == .streaming { expect(within: endpoint.bodyIdleTimeout) }
        upstream?.resume()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState:
            // The client left within a request: the end of the connection follows, and counts as that.
            break
        case is HTTPParserError:
            perform(exchange.requestRefused(Refusal(decoding: error)))
        case is ByteToMessageDecoderError:
            // Bytes after what could not be parsed: dropped, while the client reads why.
            break
        default:
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer.invalidate()
        if exchange.clientLost() {
            target?.meter.clientGone.add()
            releaseUpstream(reuse: false)
        }
    }

    // MARK: Reading the request

    private var canReadRequest: Bool {
        guard waiting.isEmpty, exchange.takesRequestParts else { return false }
        return upstream?.isWritable ?? true
    }

    private func resumeReading() {
        guard readIsHeld, canReadRequest else { return }
        readIsHeld = false
        context?.read()
    }

    private func consumeWaiting() {
        guard !isConsuming else { return }
        isConsuming = true
        while !waiting.isEmpty, exchange.takesRequestParts { consume(waiting.removeFirst()) }
        isConsuming = false
        if !isReading { upstream?.flush() }
    }

    private func consume(_ part: HTTPServerRequestPart) {
        guard exchange.phase != .closed else { return }
        switch part {
        case .head(let head):
            start(head)
        case .body(let bytes):
            if exchange.bodyArrived(bytes) {
                target?.meter.requestBytes.add(bytes.readableBytes)
                upstream?.send(.body(.byteBuffer(bytes)))
                expect(within: endpoint.bodyIdleTimeout)
            }
        case .end(let trailers):
            requestTrailers = trailers?.forwardedTrailers
            if exchange.requestEnded() {
                upstream?.send(.end(requestTrailers))
                if exchange.phase == .awaitingHead { expect(within: endpoint.responseHeadTimeout) }
            }
        }
    }

    private func start(_ head: HTTPRequestHead) {
        generation &+= 1
        requestTrailers = nil
        continueSent = false
        tried.removeAll(keepingCapacity: true)
        endpoint.meter.requests.add()
        do throws(Refusal) {
            let request = try ForwardedRequest(head, peer: peer, endpointHost: localHost, makeID: endpoint.nextRequestID)
            self.request = request
            let step = exchange.requestStarted(
                keepAlive: request.keepAlive, isIdempotent: request.isIdempotent, bodyLength: request.bodyLength)
            perform(step)
        } catch {
            request = nil
            perform(exchange.requestRefused(error))
        }
    }

    // MARK: Doing what the exchange decides

    private func perform(_ step: Exchange.Step) {
        switch step {
        case .nothing: break
        case .acquire(let fresh): acquire(fresh: fresh)
        case .reconnect: reconnect()
        case .forward(let body, let withEnd): forward(body: body, withEnd: withEnd)
        case .answer(let refusal): answer(refusal)
        case .abort: abort()
        case .close: closeNow()
        }
    }

    private func acquire(fresh: Bool) {
        timer.set(nil, for: self)
        switch endpoint.acquire(excluding: tried, fresh: fresh) {
        case .none:
            perform(exchange.noUpstream())
        case .pooled(let connection):
            target = connection.upstream
            attach(connection, pooled: true)
        case .connect(let chosen):
            target = chosen
            connect(to: chosen)
        }
    }

    /// The request stays in flight at its upstream meanwhile: one that drains waits for it.
    private func reconnect() {
        guard let target else { return }
        timer.set(nil, for: self)
        target.noteRepetition()
        upstream?.close()
        upstream = nil
        connect(to: target)
    }

    private func connect(to chosen: UpstreamRuntime) {
        let generation = generation
        chosen.connect { result in self.connectCompleted(result, to: chosen, generation: generation) }
    }

    private func connectCompleted(_ result: Result<UpstreamConnection, any Error>, to chosen: UpstreamRuntime, generation: Int) {
        let isWanted = generation == self.generation && exchange.phase == .acquiring
        switch result {
        case .success(let connection) where isWanted:
            attach(connection, pooled: false)
        case .success(let connection):
            chosen.park(connection)
        case .failure where isWanted:
            let step = exchange.connectFailure()
            if case .acquire = step { chosen.meter.retries.add() } else { chosen.meter.aborted.add() }
            releaseUpstream(reuse: false)
            tried.append(chosen)
            perform(step)
        case .failure:
            break
        }
    }

    private func attach(_ connection: UpstreamConnection, pooled: Bool) {
        upstream = connection
        connection.serve(self)
        perform(exchange.connected(pooled: pooled))
    }

    private func forward(body: ByteBuffer?, withEnd: Bool) {
        guard let request, let upstream else { return }
        upstream.send(.head(request.head))
        if let body, body.readableBytes > 0 {
            target?.meter.requestBytes.add(body.readableBytes)
            upstream.send(.body(.byteBuffer(body)))
        }
        if withEnd { upstream.send(.end(requestTrailers)) }
        if request.expectsContinue, !withEnd, !continueSent {
            continueSent = true
            context?.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        expect(within: withEnd ? endpoint.responseHeadTimeout : endpoint.bodyIdleTimeout)
        consumeWaiting()
        resumeReading()
    }

    // MARK: What the upstream does

    /// Whether the client takes more of the response.
    var canTakeResponse: Bool {
        context?.channel.isWritable ?? false
    }

    func upstreamBeganResponse() {
        exchange.responseBegan()
    }

    func upstreamSentHead(_ head: HTTPResponseHead) {
        guard let request, let target else { return }
        do throws(Refusal) {
            let response = try ForwardedResponse(head, to: request, replica: target.id)
            if head.status.code >= 500 { target.meter.status5xx.add() }
            framing = response.framing
            let closing = exchange.responseStarted(delimitedByClose: framing == .close)
            send(.head(response.head(closing: closing)))
            expect(within: endpoint.bodyIdleTimeout)
        } catch {
            target.meter.aborted.add()
            perform(exchange.upstreamLost(error))
        }
    }

    func upstreamSentBody(_ bytes: ByteBuffer) {
        guard exchange.phase == .streaming else { return }
        target?.meter.responseBytes.add(bytes.readableBytes)
        if framing != .none { send(.body(.byteBuffer(bytes))) }
        expect(within: endpoint.bodyIdleTimeout)
    }

    func upstreamReadComplete() {
        context?.flush()
    }

    func upstreamSentEnd(_ trailers: HTTPHeaders?, keepsAlive: Bool) {
        guard exchange.phase == .streaming else { return }
        endResponse(trailers: framing == .chunked ? trailers?.forwardedTrailers : nil, upstreamKeepsAlive: keepsAlive)
    }

    func upstreamWritabilityChanged() {
        if exchange.phase == .awaitingHead || exchange.phase == .streaming { resumeReading() }
    }

    func upstreamLost(_ refusal: Refusal) {
        let step = exchange.upstreamLost(refusal)
        if step != .reconnect { target?.meter.aborted.add() }
        perform(step)
    }

    // MARK: Ends

    /// Gives the upstream connection back to the pool, or closes it, and takes the request out of those in flight.
    private func releaseUpstream(reuse: Bool) {
        let target = target
        self.target = nil
        if let upstream {
            self.upstream = nil
            if reuse { upstream.upstream.park(upstream) } else { upstream.close() }
        }
        target?.end()
    }

    private func answer(_ refusal: Refusal) {
        switch refusal {
        case .noReadyReplica: endpoint.meter.noReadyReplica.add()
        case .responseTimeout: target?.meter.timeouts.add()
        case .requestTimeout: target?.meter.clientGone.add()
        case .replicaUnreachable, .replicaClosed, .replicaInvalid: break
        default: endpoint.meter.refused.add()
        }
        releaseUpstream(reuse: false)
        let closing = exchange.responseStarted(delimitedByClose: false)
        let (head, body) = refusal.answer(deployment: endpoint.configuration.name, requestID: request?.requestID, closing: closing)
        framing = request?.isHead == true ? .none : .contentLength
        send(.head(head))
        if framing != .none { send(.body(.byteBuffer(body))) }
        endResponse(trailers: nil, upstreamKeepsAlive: false)
    }

    private func endResponse(trailers: HTTPHeaders?, upstreamKeepsAlive: Bool) {
        let (reuse, continuation) = exchange.responseEnded()
        // Before the client can know of the end: what it then asks or counts finds the connection free and the request gone.
        releaseUpstream(reuse: reuse && upstreamKeepsAlive)
        request = nil
        switch continuation {
        case .nextRequest:
            context?.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: nil)
            awaitNextRequest()
        case .close, .linger:
            endConnection(trailers: trailers, lingering: continuation == .linger)
        }
        consumeWaiting()
        resumeReading()
    }

    /// Closes, wholly or for output only, when the end of the response is written: closing before would drop what a slow client has not read.
    private func endConnection(trailers: HTTPHeaders?, lingering: Bool) {
        guard let context else { return }
        expect(within: lingering ? endpoint.lingerTimeout : endpoint.bodyIdleTimeout)
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(mode: lingering ? .output : .all, promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: written)
    }

    private func awaitNextRequest() {
        expect(within: endpoint.clientIdleTimeout)
    }

    /// Sets the deadline for whatever has to happen next.
    private func expect(within limit: TimeAmount) {
        timer.set(.now() + limit, for: self)
    }

    func timerExpired() {
        let clientStalled = !exchange.requestComplete && (upstream?.isWritable ?? true)
        let step = exchange.timedOut(clientStalled: clientStalled)
        if case .abort = step {
            if canTakeResponse { target?.meter.timeouts.add() } else { target?.meter.clientGone.add() }
        }
        perform(step)
    }

    /// Ends the connection so that what was sent of the response cannot be taken for the whole.
    private func abort() {
        releaseUpstream(reuse: false)
        if framing == .close {
            // Here the end of the connection is the end of the body: only a reset tells that something is missing.
            (context?.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
        }
        context?.flush()
        closeNow()
    }

    /// No request after the present one.
    func quiesce() {
        perform(exchange.quiesce())
    }

    func closeNow() {
        context?.close(promise: nil)
    }

    private func send(_ part: HTTPServerResponsePart) {
        context?.write(wrapOutboundOut(part), promise: nil)
    }
}
