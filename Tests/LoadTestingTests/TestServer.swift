import NIOCore
import NIOHTTP1
import NIOPosix

@testable import LoadTesting

/// A small HTTP server on a free port of the loopback that answers each request with a script.
final class TestServer: Sendable {
    /// One step of an answer. What a script leaves out (a head, an end) the server does not add.
    enum Step: Sendable {
        case write(String)
        /// Goes on no sooner than after this time.
        case wait(TimeAmount)
        /// Says no more on this connection.
        case hold
        case close
    }

    /// The answer to the request of this number; requests are numbered from 0 as they come.
    typealias Script = @Sendable (Int) -> [Step]

    /// The numbers of the requests, as they come.
    let requests: AsyncStream<Int>
    let port: Int

    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel
    private let connections: NIOLoopBound<Connections>

    private init(_ script: @escaping Script) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let (requests, continuation) = AsyncStream.makeStream(of: Int.self)
        let connections = try await eventLoop.submit {
            NIOLoopBound(Connections(script: script, requests: continuation), eventLoop: eventLoop)
        }.get()
        listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(HTTPRequestDecoder()), Handler(connections.value),
                    ])
                    connections.value.add(channel)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
        self.group = group
        self.requests = requests
        self.connections = connections
    }

    /// Runs a server for as long as the body takes.
    static func with<Result: Sendable>(
        _ script: @escaping Script, _ body: @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        let server = try await TestServer(script)
        do {
            let result = try await body(server)
            try await server.stop()
            return result
        } catch {
            try await server.stop()
            throw error
        }
    }

    /// A plan for this server.
    func plan(_ mode: LoadTest.Mode, _ stop: LoadTest.Stop, host: String = "127.0.0.1") throws -> LoadTest.Plan {
        LoadTest.Plan(target: try LoadTest.Target("http://\(host):\(port)/"), mode: mode, stop: stop)
    }

    /// How many connections were accepted.
    func accepted() async throws -> Int { try await listener.eventLoop.submit { self.connections.value.accepted }.get() }

    /// Returns when no connection is open.
    func allClosed() async throws {
        try await listener.eventLoop.flatSubmit {
            EventLoopFuture.andAllComplete(self.connections.value.open.map(\.closeFuture), on: self.listener.eventLoop)
        }.get()
    }

    private func stop() async throws {
        try await listener.close()
        try await listener.eventLoop.submit { for channel in self.connections.value.open { channel.close(promise: nil) } }.get()
        try await allClosed()
        try await group.shutdownGracefully()
    }

    /// What the connections share, on the one event loop.
    private final class Connections {
        let script: Script
        let requests: AsyncStream<Int>.Continuation
        private(set) var accepted = 0
        private(set) var open: [any Channel] = []
        private var count = 0

        init(script: @escaping Script, requests: AsyncStream<Int>.Continuation) {
            self.script = script
            self.requests = requests
        }

        func add(_ channel: any Channel) {
            accepted += 1
            open.append(channel)
            channel.closeFuture.assumeIsolated().whenComplete { _ in self.open.removeAll { $0 === channel } }
        }

        func nextScript() -> [Step] {
            defer { count += 1 }
            requests.yield(count)
            return script(count)
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = ByteBuffer

        private let connections: Connections

        init(_ connections: Connections) { self.connections = connections }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .end = unwrapInboundIn(data) { perform(connections.nextScript()[...], context) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func perform(_ steps: ArraySlice<Step>, _ context: ChannelHandlerContext) {
            guard let step = steps.first, context.channel.isActive else { return }
            let rest = steps.dropFirst()
            switch step {
            case .write(let text):
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                perform(rest, context)
            case .wait(let time):
                context.eventLoop.assumeIsolated().scheduleTask(in: time) { self.perform(rest, context) }
            case .hold:
                break
            case .close:
                context.close(promise: nil)
            }
        }
    }
}

extension TestServer.Step {
    /// A complete answer with a length.
    static func answer(_ status: Int = 200, _ body: String = "ok", headers: String = "") -> Self {
        .write("HTTP/1.1 \(status) Any\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// The head of a chunked event stream.
    static let streamHead = Self.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    /// The end of a chunked answer.
    static let streamEnd = Self.write("0\r\n\r\n")

    /// One event as one chunk.
    static func event(_ data: String) -> Self {
        let text = "data: \(data)\n\n"
        return .write("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
    }

    /// A chunk of a chat completion with this text.
    static func content(_ text: String) -> Self { event(#"{"choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"#) }
}
