import NIOCore
import NIOHTTP1

/// The last handler of a connection to an upstream: hands what arrives to the client connection it serves at the time. Confined to its loop.
final class UpstreamConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    let upstream: UpstreamRuntime
    /// Who gets the response; nil while the connection is in the pool.
    private var client: ClientConnection?
    private var context: ChannelHandlerContext?
    private var readIsHeld = false
    private var responseKeepsAlive = false
    private var responseBegan = false
    /// On what terms the connection may be used again.
    private(set) var terms = ReuseTerms()

    init(upstream: UpstreamRuntime) {
        self.upstream = upstream
    }

    var isActive: Bool { context?.channel.isActive ?? false }
    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: What the client connection does

    func serve(_ client: ClientConnection) {
        self.client = client
        responseKeepsAlive = false
        responseBegan = false
    }

    func send(_ part: HTTPClientRequestPart) {
        context?.write(wrapOutboundOut(part), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    /// Reads on when the client can take more.
    func resume() {
        guard readIsHeld else { return }
        readIsHeld = false
        context?.read()
    }

    /// Ends the service without a word to the client connection.
    func close() {
        client = nil
        context?.close(promise: nil)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Something came, of which no part of a response may be made yet.
    func bytesArrived() {
        guard let client else {
            // Nobody asked: whatever it is, it must not become the beginning of the next client's response.
            upstream.forget(self)
            context?.close(promise: nil)
            return
        }
        guard !responseBegan else { return }
        responseBegan = true
        client.upstreamBeganResponse()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A part without a client follows a response that was given up: the connection is closing.
        guard let client else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            responseKeepsAlive = head.isKeepAlive
            terms.answered(keepAlive: head.headers["keep-alive"])
            client.upstreamSentHead(head)
        case .body(let bytes):
            client.upstreamSentBody(bytes)
        case .end(let trailers):
            self.client = nil
            client.upstreamSentEnd(trailers, keepsAlive: responseKeepsAlive)
            // A paused connection in the pool would never notice that its peer closed.
            resume()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        client?.upstreamReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if let client, !client.canTakeResponse {
            if !readIsHeld { upstream.meter.pauses.add() }
            readIsHeld = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        client?.upstreamWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A failure to parse is the upstream's fault in another way than a lost connection, and never worth a second try.
        let isProtocolError = error is HTTPParserError || error is NIOHTTPDecoderError
        let cutShort = if case HTTPParserError.invalidEOFState = error { true } else { false }
        lose(isProtocolError && !cutShort ? .replicaInvalid : .replicaClosed)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        lose(.replicaClosed)
    }

    private func lose(_ refusal: Refusal) {
        guard let client else { return upstream.forget(self) }
        self.client = nil
        client.upstreamLost(refusal)
    }
}

/// The first handler of a connection to an upstream: tells of bytes before anything is made of them. The decoder keeps back what is no whole
/// head yet and drops interim responses, but both are a beginning of a response.
final class UpstreamByteWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: UpstreamConnection

    init(_ connection: UpstreamConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.bytesArrived()
        context.fireChannelRead(data)
    }
}
