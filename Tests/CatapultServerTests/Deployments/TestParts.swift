import ContainerEngine
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

@testable import CatapultServer

/// A value that one part of a test leaves for another.
final class Box<Value: Sendable>: Sendable {
    private let value: NIOLockedValueBox<Value>

    init(_ value: Value) { self.value = NIOLockedValueBox(value) }

    func get() -> Value { value.withLockedValue { $0 } }
    func set(_ next: Value) { value.withLockedValue { $0 = next } }
}

/// Another program that listens on a port of this host.
final class Listener: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0, listen(descriptor, 1) == 0 else { throw PortInUse(port: port) }
    }

    deinit { close(descriptor) }
}

struct PortInUse: Error {
    let port: Int
}

/// A door before the engine's socket: shut, the engine is away for those who come through it.
actor EngineDoor {
    private let path: String
    private let enginePath: String
    private var passage: Task<Void, any Error>?

    init(path: String) throws {
        self.path = path
        guard case .unixSocket(let enginePath) = try EngineHost() else { throw PortInUse(port: 0) }
        self.enginePath = enginePath
    }

    func open() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: Self.wrap)
        passage = Task { [enginePath] in
            try await listener.executeThenClose { visitors in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await visitor in visitors { group.addTask { try? await Self.lead(visitor, to: enginePath) } }
                }
            }
        }
    }

    /// Shuts the door and cuts off those who are in it.
    func shut() async {
        passage?.cancel()
        _ = await passage?.result
        unlink(path)
    }

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private static func wrap(_ channel: any Channel) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
    }

    private static func lead(_ visitor: Connection, to path: String) async throws {
        let engine = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(unixDomainSocketPath: path, channelInitializer: wrap)
        try await visitor.executeThenClose { fromVisitor, toVisitor in
            try await engine.executeThenClose { fromEngine, toEngine in
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for try await bytes in fromVisitor { try await toEngine.write(bytes) } }
                    group.addTask { for try await bytes in fromEngine { try await toVisitor.write(bytes) } }
                    _ = await group.nextResult()
                    group.cancelAll()
                }
            }
        }
    }
}
