import CatapultAPI

/// A row of `replicas`.
struct ReplicaRecord: Sendable, Equatable {
    var id: String
    var number: Int
    var generation: Int
    var state: ReplicaState = .pending
    var containerID: String?
    var port: Int?
    /// How often it was started again after a crash.
    var restarts = 0
    /// Crashes in a row, without having been ready for a while in between.
    var crashes = 0
    /// Ends in a row that came at once, before it was ever ready.
    var quickExits = 0
    var exitCode: Int?
    var error: String?
    /// Not to be started before this moment.
    var nextStartAt: Timestamp?
    /// The engine's time of the last end that was counted: the same end is never counted twice, not even after a crash of the server.
    var countedEnd: Timestamp?
    var createdAt: Timestamp
    /// The engine's time of the container's last start.
    var startedAt: Timestamp?
    var readyAt: Timestamp?

    init(id: String, number: Int, generation: Int, createdAt: Timestamp) {
        self.id = id
        self.number = number
        self.generation = generation
        self.createdAt = createdAt
    }

    /// Whether it was ready since its container last started.
    var wasReadyInThisRun: Bool {
        guard let readyAt, let startedAt else { return false }
        return readyAt >= startedAt
    }

    /// As clients see it.
    var resource: Replica {
        Replica(
            id: id, index: number, state: state, containerID: containerID, port: port, restarts: restarts, exitCode: exitCode, error: error,
            startedAt: startedAt, readyAt: readyAt)
    }
}
