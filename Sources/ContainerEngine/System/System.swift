import NIOCore
import NIOHTTP1

extension ContainerEngine {
    /// The calls about the engine itself.
    public struct System: Sendable {
        let transport: EngineTransport

        /// Asks for a sign of life.
        ///
        /// - Throws: ``ContainerEngineError/engineUnavailable(reason:host:detail:)``.
        public func ping() async throws {
            try await transport.perform(EngineCall(method: .GET, path: "/_ping"))
        }

        /// The engine's versions.
        public func version() async throws -> EngineVersion {
            try await transport.value(EngineCall(method: .GET, path: "/version"))
        }

        /// The API version that this client and the engine have agreed on.
        public func negotiatedVersion() async throws -> APIVersion {
            try await transport.version()
        }

        /// What the engine says of itself and its host.
        public func info() async throws -> EngineInfo {
            try await transport.value(EngineCall(method: .GET, path: "/info"))
        }

        /// What the engine's data takes on disk. Slow where there are many images: the engine measures when asked.
        public func diskUsage() async throws -> DiskUsage {
            var call = EngineCall(method: .GET, path: "/system/df")
            call.extraTime = .seconds(300)
            return try await transport.value(call)
        }
    }
}
