import NIOCore
import NIOHTTP1

/// Counts the bytes of an event loop's connections.
final class WireCounter {
    var sent = 0
    var received = 0
}

/// The end of the pipeline next to the socket: puts the prepared bytes in place of a request's head, and counts.
final class WireHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    private let request: ByteBuffer
    private let counter: WireCounter

    init(request: ByteBuffer, counter: WireCounter) {
        self.request = request
        self.counter = counter
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        counter.received += unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        counter.sent += request.readableBytes
        context.write(wrapOutboundOut(request), promise: promise)
    }
}

/// The other end of the pipeline: feeds a ``ConnectionMachine`` with what happens, and does what it says.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let worker: Worker
    private var machine: ConnectionMachine
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    /// The driver's number for this connection, once it is open.
    var number: Int?

    init(head: HTTPRequestHead, machine: ConnectionMachine, worker: Worker) {
        self.head = head
        self.machine = machine
        self.worker = worker
    }

    /// The request under way.
    var ticket: Ticket? { machine.ticket }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A channel that is closed before it became active is never told that it is inactive.
        ended(context)
        self.context = nil
    }

    /// Writes the request.
    func send(_ ticket: Ticket, at now: NIODeadline) {
        guard let context else { return }
        perform(machine.begin(ticket, at: now), context)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Closes the connection; the worker hears of it.
    func close() {
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            machine.receivedHead(
                status: Int(head.status.code), keepsAlive: head.isKeepAlive, contentType: head.headers.first(name: "content-type"))
        case .body(let bytes):
            perform(bytes.withUnsafeReadableBytes { machine.receivedBody($0, at: .now()) }, context)
        case .end:
            perform(machine.receivedEnd(at: .now()), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure: LoadTest.Failure
        let detail: String
        switch error {
        case HTTPParserError.invalidEOFState:
            (failure, detail) = (.cutStream, "the connection was closed in the middle of the answer")
        case let error as IOError:
            (failure, detail) = (.cutStream, "\(error)")
        default:
            (failure, detail) = (.protocolViolation, "\(error)")
        }
        perform(machine.fail(failure, detail, at: .now()), context)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended(context)
    }

    private func ended(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        perform(machine.closed(at: .now()), context)
        guard let number else { return }
        self.number = nil
        worker.connectionClosed(number)
    }

    private func perform(_ action: ConnectionMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .none:
            break
        case .arm(let deadline):
            timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in self?.timerFired() }
        case .finish(let outcome, let reusable):
            worker.record(outcome)
            if reusable, let number { worker.connectionReleased(number) } else { context.close(promise: nil) }
        }
    }

    private func timerFired() {
        guard let context else { return }
        perform(machine.timerFired(at: .now()), context)
    }
}
