import Logging

/// The server: the one place where the parts are wired.
public enum CatapultApplication {
    /// Runs a server until SIGTERM or SIGINT; then requests in flight are finished, operations go back to the queue, and replicas keep running.
    ///
    /// - Throws: `StartupError` with one sentence when the server cannot start.
    public static func run(_ configuration: ServerConfiguration, logger: Logger) async throws {
        let server = try await Server(configuration, logger: logger)
        try await server.run()
    }
}
