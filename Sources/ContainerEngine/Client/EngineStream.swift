import AsyncHTTPClient
import NIOCore

/// Turns the pieces of an answer's body, cut anywhere, into elements. A pure value.
protocol StreamParser<Element>: Sendable {
    associatedtype Element: Sendable

    /// Takes the next bytes, and gives the elements that they complete.
    mutating func consume(_ bytes: ByteBuffer) throws -> [Element]
    /// Called once when the body has ended as it should; gives what is left, and throws where something is missing.
    mutating func finish() throws -> [Element]
}

/// Elements that the engine sends one after another, such as log lines or events.
///
/// It can be iterated once. Ending the iteration, or cancelling its task, closes the connection. Elements are read as fast as they are consumed and no
/// faster.
///
/// The iteration throws ``ContainerEngineError/engineUnavailable(reason:host:detail:)`` where the engine goes away, and `CancellationError` where its
/// task is cancelled.
public struct EngineStream<Element: Sendable>: AsyncSequence, Sendable {
    private let body: HTTPClientResponse.Body
    private let host: EngineHost
    private let parser: any StreamParser<Element>

    init(body: HTTPClientResponse.Body, host: EngineHost, parser: some StreamParser<Element>) {
        self.body = body
        self.host = host
        self.parser = parser
    }

    /// Begins the iteration.
    public func makeAsyncIterator() -> Iterator {
        Iterator(chunks: body.makeAsyncIterator(), host: host, parser: parser)
    }

    /// The state of one iteration.
    public struct Iterator: AsyncIteratorProtocol {
        private var chunks: HTTPClientResponse.Body.AsyncIterator?
        private let host: EngineHost
        private var parser: any StreamParser<Element>
        private var ready: [Element] = []
        private var nextReady = 0
        /// Thrown once the elements before it have been given.
        private var pendingError: (any Error)?

        init(chunks: HTTPClientResponse.Body.AsyncIterator, host: EngineHost, parser: any StreamParser<Element>) {
            self.chunks = chunks
            self.host = host
            self.parser = parser
        }

        /// The next element; nil at the end.
        public mutating func next() async throws -> Element? {
            while true {
                if nextReady < ready.count {
                    defer { nextReady += 1 }
                    return ready[nextReady]
                }
                if let pendingError {
                    self.pendingError = nil
                    throw pendingError
                }
                guard chunks != nil else { return nil }
                await refill()
            }
        }

        private mutating func refill() async {
            nextReady = 0
            ready = []
            do {
                if let chunk = try await chunks?.next() {
                    ready = try parser.consume(chunk)
                } else {
                    chunks = nil
                    // A cancelled body ends without an error, which must not look like its true end.
                    try Task.checkCancellation()
                    ready = try parser.finish()
                }
            } catch {
                chunks = nil
                pendingError = ErrorMapping.translate(error, host: host)
            }
        }
    }
}

@available(*, unavailable)
extension EngineStream.Iterator: Sendable {}
