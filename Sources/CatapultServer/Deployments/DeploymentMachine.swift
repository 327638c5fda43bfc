import CatapultAPI

/// What somebody wishes a deployment to be, in the long run.
enum WantedState: String, Sendable, CaseIterable {
    case running
    case stopped
    case deleted
}

/// What is wished for a deployment: everything that the service decides and the controller carries out.
struct DeploymentWish: Sendable, Equatable {
    var wanted: WantedState
    var replicas: Int
    /// Goes up by one with each restart; replicas of an earlier generation are replaced.
    var generation: Int
    /// Whether it is known what to run; until then the deployment waits for its image.
    var hasImage: Bool
    /// Whether one replica more than wished may run while replicas are replaced. Not so with GPUs: there may be none to spare.
    var allowsSurge: Bool
    var rules: ReplicaRules
}

/// Where a deployment stands, as the controller finds it.
struct DeploymentStanding: Sendable, Equatable {
    var status: DeploymentStatus
    var health: HealthStatus
    var error: String?
    var startedAt: Timestamp?
    var stoppedAt: Timestamp?
}

/// A deployment's way from what is to what is wished. A pure value: what is wished, containers, answers of probes and ends of actions go
/// in;
/// actions come out. What it says must be stored before its actions are carried out; then a crash at any point is repaired by the next
/// look.
struct DeploymentMachine: Sendable, Equatable {
    /// An action for one of the replicas, or for a container that belongs to none.
    enum Action: Sendable, Equatable {
        case replica(String, ReplicaAction)
        case removeOrphan(container: String)
    }

    /// The outcome of one look.
    struct Step: Sendable, Equatable {
        var actions: [Action] = []
        /// When to look again though nothing has happened.
        var lookAgainAt: Timestamp?
    }

    private(set) var wish: DeploymentWish
    private(set) var standing: DeploymentStanding
    private(set) var replicas: [ReplicaMachine]
    /// Why the stable endpoint does not listen; nil when it does.
    private var endpointProblem: String?

    init(wish: DeploymentWish, standing: DeploymentStanding, replicas: [ReplicaRecord]) {
        self.wish = wish
        self.standing = standing
        self.replicas = replicas.map(ReplicaMachine.init)
        sort()
    }

    /// Takes over what somebody else has written: a new wish, or replicas that get another chance. What is only known here is kept, and so
    /// is
    /// what has happened since `stored`, the rows as they were stored last.
    mutating func load(
        wish: DeploymentWish, standing: DeploymentStanding, replicas records: [ReplicaRecord], stored: [ReplicaRecord]
    ) {
        self.wish = wish
        self.standing = standing
        let known = Dictionary(uniqueKeysWithValues: replicas.map { ($0.id, $0) })
        let earlier = Dictionary(uniqueKeysWithValues: stored.map { ($0.id, $0) })
        replicas = records.map { record in
            guard var machine = known[record.id] else { return ReplicaMachine(record) }
            if record != earlier[record.id] { machine.load(record) }
            return machine
        }
        sort()
    }

    private mutating func sort() {
        replicas.sort { ($0.record.number, $0.record.generation) < ($1.record.number, $1.record.generation) }
    }

    // MARK: Looking

    /// Compares what is with what is wished, and says what to do next.
    mutating func advance(_ containers: [ObservedContainer], now: Timestamp, makeID: () -> String) -> Step {
        var step = Step()
        let containersByReplica = Dictionary(containers.map { ($0.replicaID, $0) }) { first, _ in first }
        planReplicas(now: now, makeID: makeID)
        let before = replicas.map(\.state)
        // Those that leave come first, highest number first: what they hold may be needed by those that come.
        let goals = goals()
        let order = replicas.indices.filter { goals[$0] != .run }.reversed() + replicas.indices.filter { goals[$0] == .run }
        for index in order {
            let id = replicas[index].id
            if let action = replicas[index].advance(goals[index], containersByReplica[id], wish.rules, now: now) {
                step.actions.append(.replica(id, action))
            }
            if let at = replicas[index].nextLook(goals[index], wish.rules) { step.lookAgainAt = min(step.lookAgainAt ?? at, at) }
        }
        let known = Set(replicas.map(\.id))
        for container in containers where container.phase != .leaving {
            let isSecond = containersByReplica[container.replicaID]?.id != container.id
            if isSecond || !known.contains(container.replicaID) { step.actions.append(.removeOrphan(container: container.id)) }
        }
        replicas.removeAll(where: \.isGone)
        summarise(now: now)
        // A replica that was given up, or is gone, may let another one go on.
        if replicas.map(\.state) != before { step.lookAgainAt = now }
        return step
    }

    // MARK: Hearing

    /// Takes the answer to a probe.
    mutating func probed(_ replica: String, _ answer: ProbeAnswer, run: Timestamp?, now: Timestamp) {
        update(replica, now: now) { $0.probed(answer, run: run, $1, now: now) }
    }

    /// Takes the end of an action.
    mutating func finished(_ replica: String, _ action: ReplicaAction, _ outcome: ActionOutcome, now: Timestamp) {
        update(replica, now: now) { $0.finished(action, outcome, $1, now: now) }
    }

    /// Takes note of why the stable endpoint does not listen, or that it does.
    mutating func setEndpointProblem(_ problem: String?, now: Timestamp) {
        endpointProblem = problem
        summarise(now: now)
    }

    /// The replicas that were given up just now, whose last output would say why.
    var withoutLastWords: [ReplicaRecord] { replicas.filter(\.lacksLastWords).map(\.record) }

    /// Adds the last lines of a replica's output to the reason why it was given up.
    mutating func addLastWords(_ lines: [String], to replica: String, now: Timestamp) {
        update(replica, now: now) { machine, _ in machine.addLastWords(lines) }
    }

    private mutating func update(_ replica: String, now: Timestamp, _ change: (inout ReplicaMachine, ReplicaRules) -> Void) {
        guard let index = replicas.firstIndex(where: { $0.id == replica }) else { return }
        change(&replicas[index], wish.rules)
        summarise(now: now)
    }
}

// MARK: - Which replicas there shall be

extension DeploymentMachine {
    private func replica(_ number: Int) -> ReplicaMachine? {
        replicas.first { $0.record.number == number && $0.record.generation == wish.generation }
    }

    private func earlierReplicas(_ number: Int) -> [ReplicaMachine] {
        replicas.filter { $0.record.number == number && $0.record.generation != wish.generation }
    }

    /// The replicas that belong to the wish.
    private var wished: [ReplicaMachine] {
        replicas.filter { $0.record.number < wish.replicas && $0.record.generation == wish.generation }
    }

    /// Whether the replacement of some replica is under way, or stands still because the new one is not ready.
    private var isReplacing: Bool {
        (0..<wish.replicas).contains { number in
            let earlier = earlierReplicas(number)
            guard let current = replica(number) else { return earlier.contains { !$0.isServing } }
            return current.state != .ready || !earlier.isEmpty
        }
    }

    /// Adds rows for the replicas that are missing.
    private mutating func planReplicas(now: Timestamp, makeID: () -> String) {
        guard wish.wanted == .running, wish.hasImage else { return }
        for number in 0..<wish.replicas where replica(number) == nil {
            let earlier = earlierReplicas(number)
            guard earlier.isEmpty || (wish.allowsSurge && earlier.contains(where: \.isServing) && !isReplacing) else { continue }
            replicas.append(ReplicaMachine(ReplicaRecord(id: makeID(), number: number, generation: wish.generation, createdAt: now)))
        }
        sort()
    }

    /// What each replica is to come to, in the order of `replicas`.
    private func goals() -> [ReplicaGoal] {
        guard wish.wanted == .running else {
            return replicas.map { replica in
                let isKept =
                    wish.wanted == .stopped && replica.record.number < wish.replicas && replica.record.generation == wish.generation
                return isKept ? .stop : .discard
            }
        }
        var mayReplace = !wish.allowsSurge && !isReplacing
        return replicas.map { replica in
            let record = replica.record
            guard record.number < wish.replicas else { return .discard }
            guard record.generation != wish.generation else { return .run }
            // An earlier replica stays as long as it serves and the one that replaces it does not.
            guard replica.isServing else { return .discard }
            if let current = self.replica(record.number) { return current.isServing ? .discard : .run }
            if mayReplace {
                mayReplace = false
                return .discard
            }
            return .run
        }
    }

    /// Whether all is as wished, with nothing left over.
    var isSettled: Bool {
        switch wish.wanted {
        case .running:
            endpointProblem == nil && replicas.count == wish.replicas && wished.count == wish.replicas && replicas.allSatisfy(\.isServing)
        case .stopped: replicas.allSatisfy { $0.state == .stopped && $0.record.containerID == nil }
        case .deleted: replicas.isEmpty
        }
    }
}

// MARK: - What the whole looks like

extension DeploymentMachine {
    private mutating func summarise(now: Timestamp) {
        switch wish.wanted {
        case .running:
            guard wish.hasImage else { return }
            setStatus(runningStatus, now: now)
            standing.health = runningHealth
            standing.error = troubles
        case .stopped, .deleted:
            setStatus(isSettled ? .stopped : .stopping, now: now)
            standing.health = .unknown
            standing.error = nil
        }
    }

    private mutating func setStatus(_ status: DeploymentStatus, now: Timestamp) {
        if status == standing.status { return }
        standing.status = status
        if status == .running { standing.startedAt = now }
        if status == .stopped { standing.stoppedAt = now }
    }

    private var runningStatus: DeploymentStatus {
        let states = wished.map(\.state)
        if endpointProblem == nil, states.count == wish.replicas, states.allSatisfy({ $0 == .ready }) { return .running }
        let isOneFailed = states.contains(.failed) || endpointProblem != nil
        switch standing.status {
        // What has run goes on as long as something of it can come back.
        case .running: return !states.isEmpty && states.allSatisfy({ $0 == .failed }) ? .failed : .running
        default: return isOneFailed ? .failed : .deploying
        }
    }

    private var runningHealth: HealthStatus {
        let states = wished.map(\.state)
        let ready = states.count { $0 == .ready }
        if endpointProblem != nil { return .unhealthy }
        if wish.replicas > 0, ready == wish.replicas { return .healthy }
        if states.contains(where: { [.unhealthy, .backoff, .failed].contains($0) }) { return .unhealthy }
        return standing.status == .running && wish.replicas > 0 ? .unhealthy : .unknown
    }

    /// What is wrong with the replicas, the gravest first; nil when nothing is.
    private var troubles: String? {
        if let endpointProblem { return endpointProblem }
        let troubled = wished.filter { $0.record.error != nil }
        guard let first = troubled.first(where: { $0.state == .failed }) ?? troubled.first, let error = first.record.error else {
            return nil
        }
        let more = troubled.count > 1 ? " (and \(troubled.count - 1) more)" : ""
        return wish.replicas > 1 ? "replica \(first.record.number)\(more): \(error)" : error
    }
}

extension DeploymentMachine {
    /// What the gateway shall know of the replicas: those that get requests, and those that only finish what they have.
    var upstreams: [(id: String, port: Int, isDraining: Bool)] {
        replicas.compactMap { replica in
            guard let port = replica.record.port else { return nil }
            switch replica.state {
            case .ready: return (replica.id, port, false)
            case .unhealthy, .draining: return (replica.id, port, true)
            default: return nil
            }
        }
    }
}
