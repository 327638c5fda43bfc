import CatapultAPI
import SQLDatabase

/// What the registration of a version needs of builds, so that the registry need not know of them.
struct AutoBuilder: Sendable {
    /// - Throws: 503 when the engine does not answer, before anything is stored.
    var requireEngine: @Sendable () async throws -> Void
    /// Queues the build of a version, in the caller's transaction: the version, how to build it, who asks.
    var enqueue: @Sendable (Version, AutoBuild?, String?, any SQLConnection) throws -> Void
    /// Wakes the workers after the transaction.
    var wake: @Sendable () -> Void
}
