import CatapultAPI
import ContainerEngine
import Gateway
import Logging
import NIOConcurrencyHelpers
import SQLDatabase

/// Brings one deployment to what is wished for it, and keeps it there. It is the only one that writes its replicas.
///
/// Each round takes what has happened, looks at the containers if they may have changed, lets the machine decide, stores what it says, and
/// only
/// then acts. So a server that is killed anywhere goes on at its next start from what is stored and what runs.
struct DeploymentReconciler: Sendable {
    /// Lines of a replica's output that tell why it was given up.
    private static let lastWords = 5
    /// Until the engine, the database or the endpoint's port is tried again.
    private static let retry = Duration.seconds(5)

    let id: String
    let parts: ControllerParts
    let mailbox: Mailbox

    private var row: DeploymentRow
    private var records: [ReplicaRecord]
    private var machine: DeploymentMachine
    private var observer: ContainerObserver
    private var containers: [ObservedContainer] = []
    private var mustReload = false
    private var mustLook = true
    private var endpoint: EndpointConfiguration?
    private var isListening = false
    private var takenPorts: Set<Int> = []
    private var leavingOrphans: Set<String> = []
    private var followers: [String: (run: Timestamp, task: Task<Void, Never>)] = [:]
    private var alarm: Task<Void, Never>?

    /// A reconciler for a deployment; nil when it is not there.
    init?(_ id: String, parts: ControllerParts, mailbox: Mailbox) async throws {
        guard let (row, records) = try await Self.load(id, parts) else { return nil }
        self.id = id
        self.parts = parts
        self.mailbox = mailbox
        self.row = row
        self.records = records
        machine = DeploymentMachine(wish: row.wish, standing: row.standing, replicas: records)
        observer = ContainerObserver(deploymentID: id, instance: parts.instance, engine: parts.engine)
    }

    private static func load(_ id: String, _ parts: ControllerParts) async throws -> (DeploymentRow, [ReplicaRecord])? {
        try await parts.database.read { connection in
            guard var row = try DeploymentStore.row(id, in: connection) else { return nil }
            row.wish.rules.policy = parts.policy
            return (row, try ReplicaStore.list(of: id, in: connection))
        }
    }

    /// Works until the deployment is deleted or the task is cancelled; containers run on.
    mutating func run() async {
        let changes = parts.signals.subscribe(id)
        await withDiscardingTaskGroup { group in
            group.addTask { [mailbox] in for await _ in changes { mailbox.post(.wishChanged) } }
            mailbox.post(.look)
            while !Task.isCancelled {
                for event in await mailbox.next() { take(event) }
                if Task.isCancelled { break }
                do {
                    if try await !round(&group) { break }
                } catch {
                    if let error = error as? ContainerEngineError, error.isUnavailable {
                        parts.logger.debug("waiting for the container engine", metadata: ["deployment": "\(row.name)"])
                    } else if !(error is CancellationError), !(error is LeadershipLost) {
                        parts.logger.error("cannot reconcile", metadata: ["deployment": "\(row.name)", "error": "\(error)"])
                    }
                    mustLook = true
                    wake(at: .now + Self.retry)
                }
            }
            alarm?.cancel()
            for follower in followers.values { follower.task.cancel() }
            group.cancelAll()
        }
    }

    private mutating func take(_ event: Mailbox.Event) {
        switch event {
        case .look: break
        case .wishChanged: mustReload = true
        case .containerChanged(let container):
            observer.forget(container)
            mustLook = true
        case .engineBack:
            observer.forgetAll()
            // Those who followed a log have lost it: they begin anew where they were.
            followers = followers.mapValues { follower in
                follower.task.cancel()
                return (run: Timestamp(microseconds: 0), task: follower.task)
            }
            mustLook = true
        case .probed(let replica, let answer, let run): machine.probed(replica, answer, run: run, now: .now)
        case .finished(let replica, let action, let outcome):
            machine.finished(replica, action, outcome, now: .now)
            mustLook = true
        case .orphanRemoved(let container):
            leavingOrphans.remove(container)
            mustLook = true
        }
    }

    /// One round. False when the deployment is gone.
    private mutating func round(_ group: inout DiscardingTaskGroup) async throws -> Bool {
        if mustReload {
            guard let (row, records) = try await Self.load(id, parts) else {
                try await parts.gateway.removeEndpoint(id)
                return false
            }
            machine.load(wish: row.wish, standing: row.standing, replicas: records, stored: self.records)
            (self.row, self.records, mustReload) = (row, records, false)
        }
        try await serveEndpoint()
        if mustLook {
            containers = try await observer.look()
            mustLook = false
            follow()
        }
        let before = machine
        let step = machine.advance(containers, now: .now) { Identifier.make() }
        for replica in machine.withoutLastWords {
            machine.addLastWords(await lastWords(of: replica), to: replica.id, now: .now)
        }
        do {
            guard try await store() else {
                machine = before
                mustReload = true
                mailbox.post(.look)
                return true
            }
        } catch {
            machine = before
            throw error
        }
        if machine.wish.wanted == .deleted, machine.isSettled, containers.isEmpty {
            try await remove()
            return false
        }
        try await serveEndpoint()
        for action in step.actions { begin(action, &group) }
        if let at = step.lookAgainAt { wake(at: at) }
        return true
    }

    // MARK: Storing

    /// Stores what has changed; false when a client has changed its wish meanwhile.
    private mutating func store() async throws -> Bool {
        let (standing, now) = (machine.standing, machine.replicas.map(\.record))
        guard standing != row.standing || now != records else { return true }
        let isStored = try await parts.write { [id, row, records] connection in
            guard try DeploymentStore.setStanding(id, revision: row.revision, standing, in: connection) else { return false }
            try ReplicaStore.save(now, replacing: records, of: id, in: connection)
            return true
        }
        guard isStored else { return false }
        if standing.status != row.standing.status || standing.error != row.standing.error {
            parts.logger.info(
                "deployment \(standing.status.rawValue)", metadata: ["deployment": "\(row.name)", "error": "\(standing.error ?? "")"])
        }
        (row.standing, records) = (standing, now)
        parts.signals.notify(DeploymentController.stateName(id))
        return true
    }

    private mutating func remove() async throws {
        try await parts.gateway.removeEndpoint(id)
        try await parts.write { [id] in try DeploymentStore.delete(id, in: $0) }
        for follower in followers.values { follower.task.cancel() }
        parts.logs.remove(id)
        parts.logger.info("deployment deleted", metadata: ["deployment": "\(row.name)"])
        parts.signals.notify(DeploymentController.stateName(id))
    }

    // MARK: Endpoint

    /// Tells the gateway of the replicas. The endpoint listens from the first round on; while nothing is ready it answers 503.
    private mutating func serveEndpoint() async throws {
        guard let port = row.endpointPort, machine.wish.wanted != .deleted || endpoint != nil else { return }
        let wished = EndpointConfiguration(
            id: id, name: row.name, address: EndpointAddress(host: parts.ports.host, port: port),
            upstreams: machine.upstreams.map {
                Upstream(id: $0.id, host: "127.0.0.1", port: $0.port, state: $0.isDraining ? .draining : .ready)
            })
        if wished == endpoint, isListening { return }
        let report = try await parts.gateway.setEndpoint(wished)
        endpoint = wished
        isListening = report.failures[id] == nil
        if isListening {
            machine.setEndpointProblem(nil, now: .now)
            let url = parts.ports.url(port: port)
            if row.endpointURL != url {
                try await parts.write { [id] in try DeploymentStore.setEndpointURL(url, of: id, in: $0) }
                row.endpointURL = url
            }
            return
        }
        try await replacePort(port)
    }

    /// Another program has the port. A deployment that nobody could have used yet gets another one; the address of one that has run must
    /// stay.
    private mutating func replacePort(_ port: Int) async throws {
        takenPorts.insert(port)
        if row.standing.startedAt == nil, takenPorts.count <= PortStore.tries {
            do {
                let ports = parts.ports
                row.endpointPort = try await parts.write { [id, takenPorts] connection in
                    let port = try ports.reserve(for: id, excluding: takenPorts, in: connection)
                    try DeploymentStore.setEndpointURL(ports.url(port: port), of: id, in: connection)
                    return port
                }
                row.endpointURL = row.endpointPort.map(ports.url)
                parts.logger.notice(
                    "port in use, another one is taken", metadata: ["deployment": "\(row.name)", "port": "\(row.endpointPort ?? 0)"])
                return try await serveEndpoint()
            } catch let error as CatapultError {
                machine.setEndpointProblem(error.message, now: .now)
            }
        } else {
            machine.setEndpointProblem("port \(port) of the endpoint is in use by another program", now: .now)
        }
        wake(at: .now + Self.retry)
    }

    // MARK: Acting

    private mutating func begin(_ action: DeploymentMachine.Action, _ group: inout DiscardingTaskGroup) {
        switch action {
        case .replica(let replica, .probe(let port, let run)):
            let rules = row.wish.rules
            group.addTask { [parts, mailbox] in
                var answer = ProbeAnswer.unhealthy("could not be sent: the container publishes no port")
                if let port { answer = await parts.probe.ask(port: port, path: rules.healthPath, timeout: rules.policy.probeTimeout) }
                mailbox.post(.probed(replica, answer, run: run))
            }
        case .replica(let replica, let action):
            guard let record = records.first(where: { $0.id == replica }) else { return }
            let worker = ReplicaWorker(
                parts: parts, deployment: row, replica: record, follower: record.containerID.flatMap { followers[$0]?.task })
            group.addTask { [parts, mailbox] in
                let outcome = await worker.perform(action)
                if outcome != .done {
                    parts.logger.info(
                        "replica: \(outcome)",
                        metadata: ["deployment": "\(worker.deployment.name)", "replica": "\(record.number)", "action": "\(action)"])
                }
                mailbox.post(.finished(replica, action, outcome))
            }
        case .removeOrphan(let container):
            guard leavingOrphans.insert(container).inserted else { return }
            group.addTask { [parts, mailbox] in
                try? await parts.engine.containers.remove(container, force: true, volumes: true)
                mailbox.post(.orphanRemoved(container))
            }
        }
    }

    private mutating func wake(at moment: Timestamp) {
        alarm?.cancel()
        alarm = Task { [mailbox] in
            let pause = moment - .now
            if pause > .zero, (try? await Task.sleep(for: pause)) == nil { return }
            mailbox.post(.look)
        }
    }

    // MARK: Output

    /// Sees to it that the output of every run of every container is copied once.
    private mutating func follow() {
        let present = Set(containers.map(\.id))
        followers = followers.filter { present.contains($0.key) }
        for container in containers {
            guard let run = container.startedAt, let record = machine.replicas.first(where: { $0.id == container.replicaID })?.record,
                followers[container.id]?.run != run
            else { continue }
            let earlier = followers[container.id]?.task
            let task = Task { [parts, id] in
                await earlier?.value
                await ReplicaLogFollower.follow(container.id, of: record, in: id, parts: parts)
            }
            followers[container.id] = (run, task)
        }
    }

    private func lastWords(of replica: ReplicaRecord) async -> [String] {
        guard let container = replica.containerID,
            let lines = try? await parts.engine.containers.lastLogLines(of: container, count: Self.lastWords)
        else { return [] }
        return lines.map { String($0.text.prefix(300)) }
    }
}
