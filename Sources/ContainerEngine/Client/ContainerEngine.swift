import AsyncHTTPClient
import Logging
import NIOCore

/// A client of a container engine that speaks the Docker Engine API (Docker, or Podman's compatible socket).
///
/// A value of this type is cheap to copy, and may be used from any number of tasks. It holds no state about the engine but the negotiated
/// API version, so that it goes on working when the engine was away and came back.
///
/// ```swift
/// let engine = try ContainerEngine(ContainerEngine.Configuration())
/// let created = try await engine.containers.create(ContainerSpecification(image: "tiny:1"), name: "tiny-1")
/// try await engine.containers.start(created.id)
/// for try await line in try await engine.containers.logs(of: created.id, LogOptions(follow: true)) { print(line.text) }
/// try await engine.shutdown()
/// ```
///
/// Every call throws ``ContainerEngineError``, or `CancellationError` when its task is cancelled, which closes the call's connection.
///
/// ## Topics
/// - Objects: ``images``, ``containers``, ``system``, ``events(_:)``
/// - Life cycle: ``init(_:logger:)``, ``shutdown()``
public struct ContainerEngine: Sendable {
    /// How to reach an engine, and how long to wait for it.
    public struct Configuration: Sendable {
        /// Where the engine listens.
        public var host: EngineHost
        /// How long a connection may take to come about.
        public var connectTimeout: Duration
        /// How long a call may take whose answer is not a stream. A stop or restart gets the container's grace period on top.
        public var callTimeout: Duration
        /// The client to use; nil makes one that ``ContainerEngine/shutdown()`` ends.
        ///
        /// A given one stays the caller's to shut down. It should not retry connections (so that an absent engine is told at once) and should
        /// allow as many connections per host as there are streams to be followed.
        public var httpClient: HTTPClient?

        /// Makes a configuration.
        public init(
            host: EngineHost = .standard, connectTimeout: Duration = .seconds(5), callTimeout: Duration = .seconds(60),
            httpClient: HTTPClient? = nil
        ) {
            self.host = host
            self.connectTimeout = connectTimeout
            self.callTimeout = callTimeout
            self.httpClient = httpClient
        }

        /// Makes a configuration with the host that `DOCKER_HOST` names.
        ///
        /// - Throws: ``ContainerEngineError/invalidHost(value:reason:)``.
        public static func fromEnvironment() throws(ContainerEngineError) -> Configuration {
            Configuration(host: try EngineHost())
        }
    }

    let transport: EngineTransport

    /// Makes a client. Nothing is sent before the first call.
    public init(_ configuration: Configuration = Configuration(), logger: Logger = Logger(label: "container-engine")) {
        transport = EngineTransport(configuration: configuration, logger: logger)
    }

    /// Where the engine listens.
    public var host: EngineHost { transport.host }

    /// Ends the client's connections. Must be called before the last copy goes away, unless an `HTTPClient` was given.
    public func shutdown() async throws {
        try await transport.shutdown()
    }

    /// Makes a client, hands it to `body`, and shuts it down whatever happens.
    @discardableResult
    public static func withEngine<Result>(
        _ configuration: Configuration = Configuration(), logger: Logger = Logger(label: "container-engine"),
        _ body: (ContainerEngine) async throws -> Result
    ) async throws -> Result {
        let engine = ContainerEngine(configuration, logger: logger)
        do {
            let result = try await body(engine)
            try await engine.shutdown()
            return result
        } catch {
            try? await engine.shutdown()
            throw error
        }
    }

    /// The calls about images.
    public var images: Images { Images(transport: transport) }
    /// The calls about containers.
    public var containers: Containers { Containers(transport: transport) }
    /// The calls about the engine itself.
    public var system: System { System(transport: transport) }
}
