import CatapultAPI
import ContainerEngine

/// What the engine says of one deployment's containers: one list per look, and an inspection only of those that have changed.
struct ContainerObserver: Sendable {
    private let deploymentID: String
    private let instance: String
    private let engine: ContainerEngine
    private var known: [String: (status: ContainerStatus, container: ObservedContainer)] = [:]

    init(deploymentID: String, instance: String, engine: ContainerEngine) {
        self.deploymentID = deploymentID
        self.instance = instance
        self.engine = engine
    }

    /// Something happened to a container: what is known of it counts no more.
    mutating func forget(_ container: String) { known[container] = nil }

    /// Nothing that is known counts any more: the engine was away.
    mutating func forgetAll() { known = [:] }

    /// The containers, newest first.
    mutating func look() async throws -> [ObservedContainer] {
        let labels = ContainerLabel.ours(instance).merging([ContainerLabel.deployment: deploymentID]) { $1 }
        var present: [String: (status: ContainerStatus, container: ObservedContainer)] = [:]
        var order: [ObservedContainer] = []
        for summary in try await engine.containers.list(labels: labels) {
            let container: ObservedContainer
            if let known = known[summary.id], known.status == summary.status {
                container = known.container
            } else {
                do {
                    container = ObservedContainer(try await engine.containers.inspect(summary.id))
                } catch let error as ContainerEngineError where error.isNotFound {
                    continue
                }
            }
            present[summary.id] = (summary.status, container)
            order.append(container)
        }
        known = present
        return order
    }
}

extension ObservedContainer {
    /// What matters of an inspection.
    init(_ inspection: ContainerInspection) {
        let phase: Phase =
            switch inspection.state.status {
            case .created: .created
            case .running, .paused, .restarting: .running
            case .removing: .leaving
            case .exited, .dead, .unknown: .ended
            }
        self.init(
            id: inspection.id, replicaID: inspection.labels[ContainerLabel.replica] ?? "", phase: phase,
            port: inspection.ports.first?.hostPort, exitCode: phase == .ended ? inspection.state.exitCode : nil,
            wasOutOfMemory: inspection.state.wasOutOfMemory, startedAt: inspection.state.startedAt.map(Timestamp.init),
            finishedAt: inspection.state.finishedAt.map(Timestamp.init))
    }
}

extension Timestamp {
    /// The engine's time, cut to microseconds.
    init(_ time: EngineTimestamp) { self.init(microseconds: time.seconds * 1_000_000 + Int64(time.nanoseconds) / 1_000) }

    /// As the engine takes it.
    var engineTime: EngineTimestamp { EngineTimestamp(nanosecondsSinceEpoch: microseconds * 1_000) }
}
