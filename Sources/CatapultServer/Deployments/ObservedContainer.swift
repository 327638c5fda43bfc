import CatapultAPI

/// A container of ours, as the engine describes it.
struct ObservedContainer: Sendable, Equatable {
    /// What it does, as far as a replica is concerned.
    enum Phase: Sendable, Equatable {
        /// Made, never started.
        case created
        case running
        case ended
        /// The engine is removing it.
        case leaving
    }

    var id: String
    /// The replica that its label names.
    var replicaID: String
    var phase: Phase
    /// Where its port is published on this host; nil unless it runs.
    var port: Int?
    var exitCode: Int?
    /// Whether the kernel ended it for want of memory.
    var wasOutOfMemory = false
    var startedAt: Timestamp?
    var finishedAt: Timestamp?
}
