import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ContainerEngine

@Suite("An engine that is gone", .timeLimit(.minutes(2)))
struct EngineGoneTests {
    private func reason(_ body: () async throws -> Void) async -> ContainerEngineError.UnavailableReason? {
        do {
            try await body()
            return nil
        } catch ContainerEngineError.engineUnavailable(let reason, _, _) {
            return reason
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    @Test("is told at once where there is no socket")
    func missingSocket() async throws {
        try await TemporaryDirectory.with { directory in
            let host = EngineHost.unixSocket(path: directory.path("none.sock"))
            try await ContainerEngine.withEngine(.init(host: host)) { engine in
                #expect(await reason { try await engine.system.ping() } == .socketMissing)
                #expect(await reason { _ = try await engine.events() } == .socketMissing)
                let context = try await TarArchive().prepare()
                #expect(await reason { _ = try await engine.images.build(.init(tags: []), context: context) } == .socketMissing)
            }
        }
    }

    @Test("is told at once where nobody listens on the socket, or on the port")
    func refusing() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory.path("dead.sock")
            let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // NIO removes the socket that it closes; another link to it stays, as after a crash.
            let closed = try await bootstrap.bind(unixDomainSocketPath: directory.path("live.sock")).get()
            try FileManager.default.linkItem(atPath: directory.path("live.sock"), toPath: path)
            try await closed.close()
            try await ContainerEngine.withEngine(.init(host: .unixSocket(path: path))) { engine in
                #expect(await reason { try await engine.system.ping() } == .connectionRefused)
            }
            let listener = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            let port = try #require(listener.localAddress?.port)
            try await listener.close()
            try await ContainerEngine.withEngine(.init(host: .tcp(host: "127.0.0.1", port: port))) { engine in
                #expect(await reason { try await engine.system.ping() } == .connectionRefused)
            }
        }
    }

    @Test("is told by a time limit where it takes connections and never answers")
    func silent() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory.path("silent.sock")
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(unixDomainSocketPath: path).get()
            let limit = Duration.milliseconds(50)
            try await ContainerEngine.withEngine(.init(host: .unixSocket(path: path), callTimeout: limit)) { engine in
                let error = try await #require(throws: ContainerEngineError.self) { try await engine.system.ping() }
                guard case .timedOut(_, limit) = error else {
                    Issue.record("\(error)")
                    return
                }
            }
            try await listener.close()
        }
    }

    @Test("ends the streams that were followed, and is found again by the same client when it is back", .whereEngineIsReachable)
    func comesBack() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory.path("engine.sock")
            let relay = EngineRelay(path: path)
            try await ContainerEngine.withEngine(.init(host: .unixSocket(path: path))) { engine in
                #expect(await reason { try await engine.system.ping() } == .socketMissing)
                try await relay.start()
                try await engine.system.ping()
                let events = try await engine.events(EventFilter(labels: ["containerengine.never": ""]))
                await relay.stop()
                #expect(await reason { for try await _ in events {} } == .connectionClosed)
                #expect(await reason { try await engine.system.ping() } != nil)
                try await relay.start()
                try await engine.system.ping()
                #expect(try await engine.system.version().apiVersion >= .oldest)
                await relay.stop()
            }
        }
    }
}
