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
            if bytes.state.begin(), bytes.request.headers[.expect]?.lowercased() == "100-continue" { bytes.sendContinue() }
            let next = try await base.next()
            if next == nil { bytes.state.end() }
            return next
        }
    }

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

    private let progress = NIOLockedValueBox(Progress.untouched)

    /// True the first time.
    func begin() -> Bool {
        progress.withLockedValue { progress in
            guard case .untouched = progress else { return false }
            progress = .begun
            return true
        }
    }

    func end() { progress.withLockedValue { $0 = .ended } }

    /// Whether more of the body may be on its way than is worth waiting for.
    func leavesMuch(of request: Request) -> Bool {
        if case .ended = progress.withLockedValue({ $0 }) { return false }
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }) { return length > Self.little }
        return request.headers[.transferEncoding] != nil
    }

    /// So much is read to its end after a refusal, and the connection is kept.
    private static let little: Int64 = 64 << 10
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
