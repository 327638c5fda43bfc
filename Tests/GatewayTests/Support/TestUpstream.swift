import NIOCore
import NIOHTTP1
import NIOPosix

/// A small HTTP/1.1 server on a free port of the loopback interface, whose every answer a test writes.
struct TestUpstream: Sendable {
    typealias Script = @Sendable (ServedRequest) async throws -> Void
    typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    let port: Int
    private let server: Task<Void, any Error>

    /// Throwing from the script closes the connection at once.
    static func start(port: Int = 0, _ script: @escaping Script) async throws -> TestUpstream {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.so_sndbuf), value: socketBufferBytes)
            .childChannelOption(.socketOption(.so_rcvbuf), value: socketBufferBytes)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: false)
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        let port = channel.channel.localAddress?.port ?? 0
        let server = Task {
            try await channel.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    var number = 0
                    for try await connection in connections {
                        number += 1
                        group.addTask { [number] in await serve(connection, number: number, script) }
                    }
                }
            }
        }
        return TestUpstream(port: port, server: server)
    }

    func stop() async {
        server.cancel()
        _ = await server.result
    }

    private static func serve(_ connection: Connection, number: Int, _ script: Script) async {
        // What a script throws ends its connection and nothing else.
        try? await connection.executeThenClose { inbound, outbound in
            let eventLoop = connection.channel.eventLoop
            var iterator = inbound.makeAsyncIterator()
            while case .head(let head)? = try await iterator.next() {
                let request = ServedRequest(head: head, connection: number, parts: iterator, outbound: outbound, eventLoop: eventLoop)
                try await script(request)
                try await request.skipBody()
                iterator = request.parts
            }
        }
    }
}

/// One request as the upstream sees it. Used by one task only.
final class ServedRequest {
    let head: HTTPRequestHead
    /// The number of the connection, counted from 1.
    let connection: Int
    fileprivate var parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    private let eventLoop: any EventLoop
    private(set) var trailers: HTTPHeaders?
    private var isRead = false

    fileprivate init(
        head: HTTPRequestHead, connection: Int, parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, eventLoop: any EventLoop
    ) {
        self.head = head
        self.connection = connection
        self.parts = parts
        self.outbound = outbound
        self.eventLoop = eventLoop
    }

    /// The next bytes of the body; nil at its end. Throws `CancellationError` when the connection ended before the body did.
    func nextBytes() async throws -> ByteBuffer? {
        guard !isRead else { return nil }
        switch try await parts.next() {
        case .body(let bytes): return bytes
        case .end(let trailers):
            self.trailers = trailers
            isRead = true
            return nil
        case .head, nil: throw CancellationError()
        }
    }

    func readBody() async throws -> String {
        var body = ByteBuffer()
        while var bytes = try await nextBytes() { body.writeBuffer(&bytes) }
        return String(buffer: body)
    }

    func skipBody() async throws {
        while try await nextBytes() != nil {}
    }

    /// Returns when the peer closes the connection.
    func peerGone() async {
        while (try? await parts.next()) != nil {}
    }

    func start(_ status: HTTPResponseStatus = .ok, _ headers: HTTPHeaders = ["Transfer-Encoding": "chunked"]) async throws {
        try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
    }

    func send(_ text: String) async throws {
        try await send(ByteBuffer(string: text))
    }

    func send(_ bytes: ByteBuffer) async throws {
        try await outbound.write(.body(.byteBuffer(bytes)))
        // The writer knows that the channel is full only after the event loop has seen the write: without this it runs far ahead.
        try await eventLoop.submit {}.get()
    }

    func end(_ trailers: HTTPHeaders? = nil) async throws {
        try await outbound.write(.end(trailers))
    }

    func respond(_ status: HTTPResponseStatus = .ok, _ headers: HTTPHeaders = [:], body: String = "") async throws {
        var headers = headers
        headers.add(name: "Content-Length", value: String(body.utf8.count))
        try await start(status, headers)
        try await send(body)
        try await end()
    }
}
