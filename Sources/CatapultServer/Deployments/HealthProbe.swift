import AsyncHTTPClient
import NIOCore
import NIOPosix

/// Asks servers whether they are ready.
struct HealthProbe: Sendable {
    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        // A server that does not listen yet is an answer, not something to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func shutdown() async throws { try await client.shutdown() }

    /// GET of a path; a status from 200 to 299 is healthy.
    func ask(host: String = "127.0.0.1", port: Int, path: String, timeout: Duration) async -> ProbeAnswer {
        var request = HTTPClientRequest(url: "http://\(host.contains(":") ? "[\(host)]" : host):\(port)\(path)")
        // A connection kept until the next probe would have been closed by most servers meanwhile.
        request.headers = ["Connection": "close", "User-Agent": "catapult-probe", "Accept": "*/*"]
        let limit = TimeAmount(timeout)
        do {
            let response = try await client.execute(request, timeout: limit)
            return (200..<300).contains(response.status.code) ? .healthy : .unhealthy("answered \(response.status.code)")
        } catch {
            return .unhealthy(Self.words(for: error, timeout: timeout))
        }
    }

    private static func words(for error: any Error, timeout: Duration) -> String {
        switch error {
        case let error as HTTPClientError where [.deadlineExceeded, .connectTimeout, .readTimeout].contains(error):
            "was not answered within \(timeout.milliseconds / 1_000) s"
        case let error as HTTPClientError where error == .remoteConnectionClosed: "was not answered: the connection was closed"
        case let error as IOError where error.errnoCode == 111: "was not answered: connection refused"
        case let error as IOError where error.errnoCode == 104: "was not answered: the connection was closed"
        case is NIOConnectionError: "was not answered: connection refused"
        case is CancellationError: "was cut short"
        default: "failed: \(error)"
        }
    }
}
