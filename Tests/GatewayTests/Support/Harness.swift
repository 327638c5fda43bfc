import Logging
import NIOPosix

@testable import Gateway

/// A gateway with one endpoint on a free port, and whatever upstreams a test starts.
struct Harness: Sendable {
    static let endpointID = "deployment-1"

    let gateway: GatewayServer
    let port: Int

    /// Starts one upstream per script, named `r1`, `r2` and so on, and stops all at the end.
    static func run<T>(
        options: GatewayOptions = .init(), timeouts: EndpointTimeouts = .init(), upstreams scripts: [TestUpstream.Script],
        _ body: (Harness, [Upstream]) async throws -> T
    ) async throws -> T {
        var servers: [TestUpstream] = []
        for script in scripts { servers.append(try await TestUpstream.start(script)) }
        let upstreams = servers.enumerated().map { Upstream(id: "r\($0 + 1)", host: "127.0.0.1", port: $1.port) }
        do {
            let result = try await run(options: options, timeouts: timeouts, upstreams: upstreams) { try await body($0, upstreams) }
            for server in servers { await server.stop() }
            return result
        } catch {
            for server in servers { await server.stop() }
            throw error
        }
    }

    static func run<T>(
        options: GatewayOptions = .init(), timeouts: EndpointTimeouts = .init(), upstreams: [Upstream], _ body: (Harness) async throws -> T
    ) async throws -> T {
        let gateway = GatewayServer(options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let report = try await gateway.setEndpoint(endpoint(upstreams, timeouts: timeouts))
            let harness = Harness(gateway: gateway, port: report.bound[endpointID]?.port ?? 0)
            let result = try await body(harness)
            await gateway.shutdown(graceDeadline: .now)
            return result
        } catch {
            await gateway.shutdown(graceDeadline: .now)
            throw error
        }
    }

    static func endpoint(_ upstreams: [Upstream], port: Int = 0, timeouts: EndpointTimeouts = .init()) -> EndpointConfiguration {
        EndpointConfiguration(
            id: endpointID, name: "tiny-production", address: EndpointAddress(host: "127.0.0.1", port: port), upstreams: upstreams,
            timeouts: timeouts
        )
    }

    /// Sends one request on a connection of its own, and reads the whole response.
    func get(_ path: String = "/", method: String = "GET", headers: String = "", body: String = "") async throws -> RawResponse {
        try await RawConnection.open(port: port) { connection in
            try await connection.write("\(method) \(path) HTTP/1.1\r\nHost: test\r\n\(headers)\r\n\(body)")
            return try await connection.readResponse(toHead: method == "HEAD")
        }
    }

    func statistics() async -> EndpointStatistics? {
        await gateway.statistics().endpoints[Self.endpointID]
    }

    func statistics(of upstream: String) async -> UpstreamStatistics? {
        await statistics()?.upstreams[upstream]
    }
}
