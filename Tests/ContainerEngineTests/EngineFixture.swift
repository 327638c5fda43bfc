import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ContainerEngine

/// The real engine of the machine, and an image of nothing but busybox, for the tests of one suite.
struct EngineFixture: Sendable {
    let engine: ContainerEngine
    /// The reference of the busybox image.
    let image: String

    @TaskLocal static var current: EngineFixture?

    static func required() throws -> EngineFixture {
        try #require(current, "The suite lacks the trait .realEngine.")
    }

    static var mustBePresent: Bool { ProcessInfo.processInfo.environment["CI"] == "true" }

    /// Whether `DOCKER_HOST`, or the standard socket, has an engine behind it.
    static func isReachable() async -> Bool {
        do {
            try await ContainerEngine.withEngine(.fromEnvironment()) { try await $0.system.ping() }
            return true
        } catch {
            return false
        }
    }

    /// A name that no other run uses.
    static func uniqueName(_ purpose: String) -> String {
        "containerengine-\(purpose)-\(UUID().uuidString.lowercased().prefix(8))"
    }

    /// Makes a container, hands its id to `body`, and removes it whatever happens.
    func withContainer<Result>(
        _ specification: ContainerSpecification, _ body: (String) async throws -> Result
    ) async throws -> Result {
        let id = try await engine.containers.create(specification, name: Self.uniqueName("test")).id
        do {
            let result = try await body(id)
            try await engine.containers.remove(id, force: true, volumes: true)
            return result
        } catch {
            try? await engine.containers.remove(id, force: true, volumes: true)
            throw error
        }
    }

    /// A container of the busybox image that runs a shell script.
    func script(_ text: String) -> ContainerSpecification {
        var specification = ContainerSpecification(image: image, command: ["/bin/sh", "-c", text], labels: ["containerengine.test": "1"])
        specification.network = "none"
        specification.stopTimeout = .zero
        return specification
    }

    /// The root file system of the image.
    static func rootFileSystem() async throws -> TarStream {
        let busybox = "/bin/busybox"
        try #require(
            FileManager.default.isExecutableFile(atPath: busybox), "\(busybox) is missing: the package busybox-static has it.")
        var archive = TarArchive()
        archive.addFile(busybox, at: "bin/busybox")
        for tool in ["sh", "sleep", "echo", "cat", "true", "nc", "touch", "head", "id", "dd"] {
            archive.addSymbolicLink(to: "busybox", at: "bin/\(tool)")
        }
        archive.add("root:x:0:0:root:/:/bin/sh\n", at: "etc/passwd")
        return try await archive.prepare()
    }
}

/// Gives the tests of a suite an ``EngineFixture``, and removes its image when they have ended.
struct RealEngineTrait: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void) async throws {
        try await ContainerEngine.withEngine(.fromEnvironment()) { engine in
            let image = EngineFixture.uniqueName("base") + ":1"
            _ = try await engine.images.importImage(
                try await EngineFixture.rootFileSystem(), as: image, changes: [#"CMD ["/bin/sh"]"#, "LABEL containerengine.test=1"])
            do {
                try await EngineFixture.$current.withValue(EngineFixture(engine: engine, image: image)) { try await body() }
                try await engine.images.remove(image, force: true)
            } catch {
                _ = try? await engine.images.remove(image, force: true)
                throw error
            }
        }
    }
}

extension Trait where Self == RealEngineTrait {
    static var realEngine: RealEngineTrait { RealEngineTrait() }
}

extension Trait where Self == ConditionTrait {
    /// Leaves tests out where there is no engine, except under `CI=true`, where they fail and say so.
    static var whereEngineIsReachable: ConditionTrait {
        .enabled("No container engine answers at DOCKER_HOST or the standard socket: these tests are left out.") {
            if EngineFixture.mustBePresent { return true }
            return await EngineFixture.isReachable()
        }
    }
}

/// A unix socket in front of the engine's, which can go away and come back as an engine does.
actor EngineRelay {
    private let path: String
    private var listening: Task<Void, any Error>?

    init(path: String) { self.path = path }

    /// Listens; returns once connections are taken.
    func start() async throws {
        guard case .unixSocket(let enginePath) = try EngineHost() else { throw CancellationError() }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        listening = Task {
            try await listener.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        group.addTask { try? await Self.relay(connection, to: enginePath) }
                    }
                }
            }
        }
    }

    /// Stops listening, and cuts all connections.
    func stop() async {
        listening?.cancel()
        _ = await listening?.result
        listening = nil
    }

    private static func relay(_ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>, to path: String) async throws {
        let engine = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(unixDomainSocketPath: path) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        try await client.executeThenClose { fromClient, toClient in
            try await engine.executeThenClose { fromEngine, toEngine in
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for try await bytes in fromClient { try await toEngine.write(bytes) } }
                    group.addTask { for try await bytes in fromEngine { try await toClient.write(bytes) } }
                    // One side's end is the other's.
                    _ = await group.nextResult()
                    group.cancelAll()
                }
            }
        }
    }
}
