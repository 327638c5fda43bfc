import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1

/// The body of a request as a stream.
///
/// A client that sent `Expect: 100-continue` is told to go on when somebody begins to read, and not before: whatever can be refused by the head
/// alone is refused before a byte of the body was sent (RFC 9110, section 10.1.1).
struct IncomingBytes: AsyncSequence, Sendable {
    private let request: Request
    private let channel: any Channel
    private let state: BodyState

    init(_ request: Request, _ context: HTTPContext) {
        self.request = request
        channel = context.channel
        state = context.bodyState
    }

    /// The announced number of bytes; nil where the client does not know it.
    var contentLength: Int64? { request.headers[.contentLength].flatMap { Int64($0) } }
    /// The media type with its parameters.
    var contentType: String? { request.headers[.contentType] }

    func makeAsyncIterator() -> Iterator { Iterator(bytes: self, base: request.body.makeAsyncIterator()) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let bytes: IncomingBytes
        fileprivate var base: RequestBody.AsyncIterator

        mutating func next() async throws -> ByteBuffer? {
            if bytes.state.begin() {
                if bytes.request.headers[.expect]?.lowercased() == "100-continue" { bytes.sendContinue() }
                bytes.closeWhenSilent()
            }
            bytes.state.wait(since: .now())
            defer { bytes.state.wait(since: nil) }
            let next = try await base.next()
            if next == nil { bytes.state.end() }
            return next
        }
    }

    /// Ends the connection of a client from which nothing comes any more: a peer that is gone without a word would keep its place for ever. Only
    /// the time counts in which somebody waits for bytes.
    private func closeWhenSilent() {
        channel.eventLoop.scheduleRepeatedTask(initialDelay: Self.look, delay: Self.look) { [channel, state] task in
            guard !state.isOver, channel.isActive else { return task.cancel() }
            guard let since = state.waitingSince, .now() - since > Self.patience else { return }
            task.cancel()
            channel.close(promise: nil)
        }
    }

    /// How long a client may send nothing in the middle of a body.
    private static let patience = TimeAmount.seconds(45)
    /// How often that is looked at.
    private static let look = TimeAmount.seconds(5)

    /// Written below the encoder: the framework would take it for the answer.
    private func sendContinue() {
        channel.eventLoop.execute { [channel] in
            guard let encoder = try? channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self) else { return }
            encoder.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))), promise: nil)
        }
    }
}

/// How far the body of a request was read.
final class BodyState: Sendable {
    private enum Progress {
        case untouched
        case begun
        case ended
    }

    private struct State {
        var progress = Progress.untouched
        var waitingSince: NIODeadline?
    }

    private let state = NIOLockedValueBox(State())

    /// Since when somebody waits for the next bytes; nil while nobody does.
    var waitingSince: NIODeadline? { state.withLockedValue { $0.waitingSince } }

    func wait(since time: NIODeadline?) { state.withLockedValue { $0.waitingSince = time } }

    /// Whether the body was read to its end.
    var isOver: Bool {
        if case .ended = state.withLockedValue({ $0.progress }) { true } else { false }
    }

    /// True the first time.
    func begin() -> Bool {
        state.withLockedValue { state in
            guard case .untouched = state.progress else { return false }
            state.progress = .begun
            return true
        }
    }

    func end() { state.withLockedValue { $0.progress = .ended } }

    /// Whether more of the body may be on its way than is worth waiting for.
    func leavesMuch(of request: Request) -> Bool {
        if isOver { return false }
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }) { return length > Self.little }
        return request.headers[.transferEncoding] != nil
    }

    /// So much is read to its end after a refusal, and the connection is kept: clients that write all of a body before they read anything
    /// would find a connection closed, and never learn why.
    private static let little: Int64 = 32 << 20
}

/// Refusals of requests whose bodies were not read to the end.
enum EarlyRefusal {
    /// How long a client may go on sending after it was refused: closing at once would reset the connection, and with it the answer that the
    /// client has not read yet.
    private static let patience = TimeAmount.seconds(5)

    /// The answer, after which the connection ends.
    static func closing(_ response: Response, _ channel: any Channel) -> Response {
        var response = response
        response.headers[.connection] = "close"
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(writer)
            channel.eventLoop.execute {
                let end = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
                channel.closeFuture.whenComplete { _ in end.cancel() }
            }
        }
        return response
    }
}
