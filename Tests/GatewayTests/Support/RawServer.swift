import NIOCore
import NIOPosix

/// A TCP server on a free loopback port, for upstreams that do not speak proper HTTP.
struct RawServer: Sendable {
    typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    let port: Int
    private let listener: any Channel
    private let server: Task<Void, any Error>

    static func start(port: Int = 0, _ script: @escaping @Sendable (RawConnection) async throws -> Void) async throws -> RawServer {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
            }
        let server = Task {
            try await channel.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        group.addTask {
                            try? await connection.executeThenClose { inbound, outbound in
                                try await script(RawConnection(connection.channel, inbound.makeAsyncIterator(), outbound))
                            }
                        }
                    }
                }
            }
        }
        return RawServer(port: channel.channel.localAddress?.port ?? 0, listener: channel.channel, server: server)
    }

    /// Refuses connections from now on; those that are open go on.
    func stopListening() async throws {
        try await listener.close().get()
    }

    func stop() async {
        server.cancel()
        _ = await server.result
    }
}
