import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP server on a free port of the loopback interface, which answers as a test says and remembers what it was asked.
final class TestServer: Sendable {
    struct Request: Sendable, Equatable {
        var method: String
        var uri: String
        var headers: [String: String]
        var body: String
    }

    struct Reply: Sendable {
        var status = 200
        var headers: [String: String] = ["Content-Type": "application/json"]
        /// The body in pieces, each flushed by itself.
        var chunks: [String] = []
        /// Ends the connection instead of answering.
        var breaksOff = false

        static func json(_ body: String, status: Int = 200) -> Reply { Reply(status: status, chunks: [body]) }
        static func events(_ chunks: String...) -> Reply { Reply(headers: ["Content-Type": "text/event-stream"], chunks: chunks) }
        static let broken = Reply(breaksOff: true)
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private let listener: NIOAsyncChannel<Connection, Never>
    private let answer: @Sendable (Request) async -> Reply
    private let seen = Mutex<[Request]>([])

    var requests: [Request] { seen.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(listener.channel.localAddress?.port ?? 0)" }

    private init(_ answer: @escaping @Sendable (Request) async -> Reply) async throws {
        self.answer = answer
        listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Connection(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: false))
                }
            }
    }

    /// Runs a server for as long as the test's work takes.
    static func serving<Result: Sendable>(
        _ answer: @escaping @Sendable (Request) async -> Reply, _ work: (TestServer) async throws -> Result
    ) async throws -> Result {
        let server = try await TestServer(answer)
        return try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try? await server.accept() }
            defer { group.cancelAll() }
            return try await work(server)
        }
    }

    private func accept() async throws {
        try await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections { group.addTask { try? await self.serve(connection) } }
            }
        }
    }

    private func serve(_ connection: Connection) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var head: HTTPRequestHead?
            var body = ""
            for try await part in inbound {
                switch part {
                case .head(let received): (head, body) = (received, "")
                case .body(let bytes): body += String(buffer: bytes)
                case .end:
                    guard let head else { return }
                    let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $1 }
                    let request = Request(method: head.method.rawValue, uri: head.uri, headers: headers, body: body)
                    seen.withLock { $0.append(request) }
                    let reply = await answer(request)
                    if reply.breaksOff { return }
                    let responseHeaders = HTTPHeaders(reply.headers.map { ($0.key, $0.value) } + [("Transfer-Encoding", "chunked")])
                    try await outbound.write(
                        .head(.init(version: .http1_1, status: .init(statusCode: reply.status), headers: responseHeaders)))
                    for chunk in reply.chunks { try await outbound.write(.body(.byteBuffer(ByteBuffer(string: chunk)))) }
                    try await outbound.write(.end(nil))
                }
            }
        }
    }
}
