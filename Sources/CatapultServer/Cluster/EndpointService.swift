import Gateway
import ServiceLifecycle

/// Closes the stable endpoints when the server stops: after the controller, and before another server may lead and wants their ports.
struct EndpointService: Service {
    /// How long clients of the endpoints have.
    static let grace = Duration.seconds(5)

    let gateway: GatewayServer

    func run() async throws {
        try? await gracefulShutdown()
        _ = await gateway.shutdown(graceDeadline: .now + Self.grace)
    }
}

extension GatewayServer {
    /// Closes all endpoints, and is ready to open them again.
    func withdraw() async {
        // Listening on nothing cannot fail.
        _ = try? await apply(GatewayConfiguration(endpoints: []))
    }
}
