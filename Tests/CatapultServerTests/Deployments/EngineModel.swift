import CatapultAPI

@testable import CatapultServer

/// A model of what an engine does with a deployment's containers, for tests of the machine without I/O. Time stands still unless it is
/// moved.
struct EngineModel {
    /// What the program in the containers does when it is started.
    enum Behaviour: Equatable {
        /// Answers probes after so many seconds.
        case answers(after: Double)
        /// Ends after so many seconds.
        case exits(code: Int, after: Double)
        case lacksMemory(after: Double)
        /// Runs, and answers 404 for ever.
        case neverHealthy
    }

    var now = Timestamp(microseconds: 1_700_000_000_000_000)
    var machine: DeploymentMachine
    var behaviour: (ReplicaRecord) -> Behaviour = { _ in .answers(after: 1) }
    private(set) var containers: [String: ObservedContainer] = [:]
    /// Replicas that do not answer though they should.
    var mute: Set<String> = []
    /// What the programs print before they end.
    var lastWords: [String] = []
    private(set) var history: [String] = []
    private var behaviours: [String: Behaviour] = [:]
    private var pendingActions: [(String, ReplicaAction)] = []
    private var numbering = 0
    private var nextPort = 40_000
    /// What must never be.
    private(set) var violations: [String] = []

    init(replicas: Int, startGrace: Duration = .seconds(60), surge: Bool = true, memoryLimit: Int64? = nil) {
        let rules = ReplicaRules(startGrace: startGrace, healthPath: "/health", memoryLimit: memoryLimit, policy: DeploymentPolicy())
        let wish = DeploymentWish(wanted: .running, replicas: replicas, generation: 1, hasImage: true, allowsSurge: surge, rules: rules)
        machine = DeploymentMachine(wish: wish, standing: .init(status: .deploying, health: .unknown), replicas: [])
    }

    var states: [ReplicaState] { machine.replicas.map(\.state) }
    var running: [ObservedContainer] { containers.values.filter { $0.phase == .running } }

    /// A client changes its wish, as the service does.
    mutating func wish(status: DeploymentStatus? = nil, forgiving: Bool = false, _ change: (inout DeploymentWish) -> Void) {
        var (wish, standing) = (machine.wish, machine.standing)
        change(&wish)
        if let status { standing.status = status }
        var records = machine.replicas.map(\.record)
        if forgiving {
            for index in records.indices where records[index].state == .failed { records[index].state = .stopped }
        }
        machine.load(wish: wish, standing: standing, replicas: records, stored: machine.replicas.map(\.record))
    }

    /// The server is killed and started again: what is not stored is lost.
    mutating func restartServer() {
        pendingActions = []
        machine = DeploymentMachine(wish: machine.wish, standing: machine.standing, replicas: machine.replicas.map(\.record))
    }

    /// One round of the controller.
    @discardableResult
    mutating func look() -> DeploymentMachine.Step {
        let step = machine.advance(containers.values.sorted { $0.id > $1.id }, now: now) {
            numbering += 1
            return "replica-\(numbering)"
        }
        for replica in machine.withoutLastWords { machine.addLastWords(lastWords, to: replica.id, now: now) }
        for action in step.actions {
            switch action {
            case .replica(let id, let action): pendingActions.append((id, action))
            case .removeOrphan(let container): containers[container] = nil
            }
        }
        checkInvariants()
        return step
    }

    /// Carries out the action at a place in the queue; other orders than the one they were asked for in are allowed.
    mutating func carryOut(_ index: Int = 0) {
        guard pendingActions.indices.contains(index) else { return }
        let (id, action) = pendingActions.remove(at: index)
        guard let record = machine.replicas.first(where: { $0.id == id })?.record else { return }
        var outcome = ActionOutcome.done
        switch action {
        case .create:
            if containers.values.contains(where: { $0.replicaID == id }) { violations.append("second container for \(id)") }
            numbering += 1
            let container = "container-\(numbering)"
            containers[container] = ObservedContainer(id: container, replicaID: id, phase: .created)
        case .start(let container):
            guard containers[container] != nil else { break }
            nextPort += 1
            containers[container]?.phase = .running
            containers[container]?.port = nextPort
            containers[container]?.startedAt = now
            containers[container]?.wasOutOfMemory = false
            behaviours[container] = behaviour(record)
        case .stop(let container): end(container, code: 143)
        case .remove(let container): containers[container] = nil
        case .drain: break
        case .probe(_, let run):
            machine.probed(id, answer(of: record, run), run: run, now: now)
            return
        }
        history.append("\(action)")
        if mustRefuse { outcome = .failed("the engine did not want to") }
        machine.finished(id, action, outcome, now: now)
    }

    /// The engine fails actions for the moment.
    var mustRefuse = false
    var pendingCount: Int { pendingActions.count }

    private func answer(of record: ReplicaRecord, _ run: Timestamp?) -> ProbeAnswer {
        guard let container = containers.values.first(where: { $0.replicaID == record.id }), container.phase == .running,
            let started = container.startedAt, !mute.contains(record.id)
        else { return .unhealthy("was not answered: connection refused") }
        if case .answers(let after) = behaviours[container.id], now - started >= .seconds(after) { return .healthy }
        return .unhealthy("answered 404")
    }

    /// The program in a container ends.
    mutating func end(_ container: String, code: Int, outOfMemory: Bool = false) {
        guard containers[container]?.phase == .running else { return }
        containers[container]?.phase = .ended
        containers[container]?.port = nil
        containers[container]?.exitCode = code
        containers[container]?.wasOutOfMemory = outOfMemory
        containers[container]?.finishedAt = now
    }

    /// Somebody else removes a container.
    mutating func vanish(_ container: String) { containers[container] = nil }

    mutating func place(_ container: ObservedContainer) { containers[container.id] = container }

    private mutating func letProgramsEnd() {
        for container in containers.values where container.phase == .running {
            guard let started = container.startedAt else { continue }
            switch behaviours[container.id] {
            case .exits(let code, let after) where now - started >= .seconds(after): end(container.id, code: code)
            case .lacksMemory(let after) where now - started >= .seconds(after): end(container.id, code: 137, outOfMemory: true)
            default: break
            }
        }
    }

    /// Lets time go by, carrying out everything at once, until `done`, at most so long. True when it is done.
    @discardableResult
    mutating func run(for limit: Duration = .seconds(600), until done: (EngineModel) -> Bool = { _ in false }) -> Bool {
        let end = now + limit
        while true {
            let step = look()
            while pendingCount > 0 { carryOut() }
            if done(self) { return true }
            if now >= end { return false }
            if step.actions.isEmpty {
                let next = min(step.lookAgainAt ?? now + .seconds(1), now + .milliseconds(250))
                now = max(next, now + .milliseconds(1))
                letProgramsEnd()
            }
        }
    }

    private mutating func checkInvariants() {
        let live = machine.replicas.filter {
            $0.record.containerID != nil && $0.state != .stopped && $0.record.number < machine.wish.replicas
        }
        if machine.wish.wanted == .running, live.count > machine.wish.replicas + (machine.wish.allowsSurge ? 1 : 0) {
            violations.append("\(live.count) live replicas of \(machine.wish.replicas)")
        }
        let places = machine.replicas.map { "\($0.record.number)/\($0.record.generation)" }
        if Set(places).count != places.count { violations.append("two replicas for one place: \(places)") }
        for replica in machine.replicas where replica.state == .failed && (replica.record.error ?? "").isEmpty {
            violations.append("failed without a reason")
        }
        if machine.standing.status == .failed, (machine.standing.error ?? "").isEmpty {
            violations.append("deployment failed without a reason")
        }
    }
}
