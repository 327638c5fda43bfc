import CatapultAPI
import ContainerEngine
import Gateway
import Logging
import SQLDatabase

/// What the controller and its reconcilers work with.
struct ControllerParts: Sendable {
    let database: Database
    let engine: ContainerEngine
    let gateway: GatewayServer
    let probe: HealthProbe
    let logs: DeploymentLogFiles
    let signals: ChangeSignals
    let leader: Leader
    let ports: PortStore
    /// The id of the data directory, or of the database that several servers share, by which our containers are known.
    let instance: String
    let policy: DeploymentPolicy
    /// The absolute path of what lies beneath the storage root.
    let resolvePath: @Sendable (String) throws -> String
    let logger: Logger

    /// Writes what the controller has decided; refused when another server leads by now.
    func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        guard let term = leader.term else { throw LeadershipLost() }
        return try await database.write { [leader] connection in
            try leader.check(term, in: connection)
            return try body(connection)
        }
    }
}

/// Carries out what the machine decides for one replica.
struct ReplicaWorker: Sendable {
    /// How long the log of a container may take to come to its end before the container is removed.
    private static let logLimit = Duration.seconds(5)

    let parts: ControllerParts
    let deployment: DeploymentRow
    let replica: ReplicaRecord
    /// Follows the output of the replica's container.
    let follower: Task<Void, Never>?

    /// Carries out an action, a probe excepted.
    func perform(_ action: ReplicaAction) async -> ActionOutcome {
        // A process that was frozen must not act on what it knew before.
        guard parts.leader.term != nil else { return .engineAway }
        do {
            switch action {
            case .create: try await create()
            case .start(let container): try await parts.engine.containers.start(container)
            case .drain: await drain()
            case .stop(let container): try await parts.engine.containers.stop(container, gracePeriod: deployment.stopGrace)
            case .remove(let container):
                await endOfLog()
                try await parts.engine.containers.remove(container, volumes: true)
            case .probe: break
            }
            return .done
        } catch let error as ContainerEngineError {
            return outcome(of: error, action)
        } catch let error as CatapultError {
            return .refused(error.message)
        } catch {
            return .engineAway
        }
    }

    private func create() async throws {
        let specification = try deployment.container.specification(
            deployment: deployment, replica: replica, instance: parts.instance, resolve: parts.resolvePath)
        let name = ReplicaContainer.name(deployment: deployment.name, replica: replica)
        do {
            let created = try await parts.engine.containers.create(specification, name: name)
            for warning in created.warnings { parts.logger.warning("container: \(warning)", metadata: ["container": "\(name)"]) }
        } catch let error as ContainerEngineError {
            guard case .conflict = error, let found = try? await parts.engine.containers.inspect(name),
                found.labels[ContainerLabel.replica] == replica.id, found.labels[ContainerLabel.instance] == parts.instance
            else { throw error }
            // An earlier attempt made it, and was cut off before it knew.
        }
    }

    private func drain() async {
        let outcome = await parts.gateway.drain(endpoint: deployment.id, upstream: replica.id, deadline: .now + deployment.stopGrace)
        if case .deadlineExceeded(let count) = outcome {
            parts.logger.warning(
                "requests are cut off at the end of the stop grace",
                metadata: ["deployment": "\(deployment.name)", "replica": "\(replica.number)", "requests": "\(count)"])
        }
    }

    private func endOfLog() async {
        guard let follower else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await follower.value }
            group.addTask {
                try? await Task.sleep(for: Self.logLimit)
                follower.cancel()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func outcome(of error: ContainerEngineError, _ action: ReplicaAction) -> ActionOutcome {
        let mapped = ErrorMapping.engineError(error)
        switch (error, action) {
        case (.engineUnavailable, _), (.timedOut, _): return .engineAway
        case (.notFound(kind: .container, _, _), _): return .done
        case (.notFound(kind: .image, _, _), _):
            return .refused(
                "the image \(deployment.container.imageDigest ?? "") is gone from the container engine: build it again, then deploy anew")
        case (.gpuUnavailable, _), (.badRequest, .create), (.invalidArgument, _): return .refused(mapped.message)
        default: return .failed(mapped.message)
        }
    }
}

/// Copies what a container prints into its deployment's log.
enum ReplicaLogFollower {
    /// Longer lines are cut.
    private static let maximumLineBytes = 16 << 10

    /// Follows a container's output from where the log ends until the container ends. Silent when the engine goes away: it is begun anew
    /// then.
    static func follow(_ container: String, of replica: ReplicaRecord, in deploymentID: String, parts: ControllerParts) async {
        let end = parts.logs.end(of: replica.id, in: deploymentID)
        var repeated = end?.lines ?? 0
        do {
            let options = LogOptions(since: end?.time.engineTime, follow: true, maximumLineBytes: maximumLineBytes)
            for try await line in try await parts.engine.containers.logs(of: container, options) {
                let time = line.timestamp.map(Timestamp.init) ?? .now
                if let end, time <= end.time {
                    guard time == end.time, repeated == 0 else {
                        if time == end.time { repeated -= 1 }
                        continue
                    }
                }
                parts.logs.append(
                    ReplicaLogLine(time: time, number: replica.number, replicaID: replica.id, text: line.text), to: deploymentID)
            }
        } catch {
            parts.logger.debug("log of a container ended early", metadata: ["container": "\(container)", "error": "\(error)"])
        }
    }
}
