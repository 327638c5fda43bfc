import CatapultAPI

/// What a replica is to come to.
enum ReplicaGoal: Sendable, Equatable {
    /// To run and answer.
    case run
    /// To be without a container, its row kept.
    case stop
    /// To be gone, row and all.
    case discard
}

/// Something to be done for one replica, outside. At most one at a time, probes aside.
enum ReplicaAction: Sendable, Equatable {
    case create
    case start(container: String)
    /// Wait until its requests are finished, at most for the stop grace.
    case drain
    /// Ask the process to end, and end it after the stop grace.
    case stop(container: String)
    /// Keep its log, then remove the container.
    case remove(container: String)
    /// Ask for its health.
    case probe(port: Int?, run: Timestamp?)
}

/// How an action went.
enum ActionOutcome: Sendable, Equatable {
    case done
    /// The engine is away: nothing can be said of the replica.
    case engineAway
    /// It did not work this time.
    case failed(String)
    /// It will not work however often it is tried: the image is gone, the host has no such GPUs.
    case refused(String)
}

/// What a probe heard.
enum ProbeAnswer: Sendable, Equatable {
    case healthy
    /// In words that follow the request: "answered 404", "was refused".
    case unhealthy(String)
}

/// What of a deployment matters to each of its replicas.
struct ReplicaRules: Sendable, Equatable {
    var startGrace: Duration
    var healthPath: String
    var memoryLimit: Int64?
    var policy: DeploymentPolicy
}

/// One replica's way through its states. A pure value: containers and probe answers in, actions out.
///
/// It looks at what is (level-triggered), so it does not matter which events were missed while the server was away.
struct ReplicaMachine: Sendable, Equatable {
    /// What is kept in the database.
    var record: ReplicaRecord
    /// An action is under way; no other is asked for until it has ended.
    private(set) var isBusy = false
    /// Its row is to be removed.
    private(set) var isGone = false
    /// It was given up just now, and nobody has added its last words yet.
    private(set) var lacksLastWords = false
    private var isDrained = false
    private var probe = ProbeProgress()
    private var heldUntil: Timestamp?
    /// Why we ourselves ended its process: says more than the exit code that it led to.
    private var restartReason: String?

    private struct ProbeProgress: Sendable, Equatable {
        var isRunning = false
        var nextAt: Timestamp?
        var failures = 0
        var lastAnswer: String?
        var unhealthySince: Timestamp?
    }

    init(_ record: ReplicaRecord) { self.record = record }

    var id: String { record.id }
    var state: ReplicaState { record.state }

    /// Whether it answers requests.
    var isServing: Bool { record.state == .ready }

    /// Takes over what somebody else has written of it.
    mutating func load(_ record: ReplicaRecord) {
        if record.state != self.record.state { lacksLastWords = false }
        self.record = record
    }

    /// Adds the last lines of its output to the reason why it was given up.
    mutating func addLastWords(_ lines: [String]) {
        lacksLastWords = false
        guard !lines.isEmpty, record.state == .failed else { return }
        record.error = (record.error ?? "") + "; its last output:\n" + lines.joined(separator: "\n")
    }

    // MARK: Looking

    /// Compares what is with what shall be, and says what to do next, if anything.
    mutating func advance(_ goal: ReplicaGoal, _ container: ObservedContainer?, _ rules: ReplicaRules, now: Timestamp) -> ReplicaAction? {
        guard !isBusy, container?.phase != .leaving else { return nil }
        if let heldUntil, now < heldUntil { return nil }
        heldUntil = nil
        record.containerID = container?.id
        record.port = container?.phase == .running ? container?.port : nil
        let action = goal == .run ? run(container, rules, now) : takeDown(goal, container)
        switch action {
        case nil: break
        case .probe: probe.isRunning = true
        default: isBusy = true
        }
        return action
    }

    /// When to look again though nothing has happened; nil when only an event can change anything.
    func nextLook(_ goal: ReplicaGoal, _ rules: ReplicaRules) -> Timestamp? {
        if isBusy { return nil }
        if let heldUntil { return heldUntil }
        guard goal == .run else { return nil }
        let nextProbe = probe.isRunning ? nil : probe.nextAt
        switch record.state {
        case .pending, .backoff: return record.nextStartAt
        case .starting where probe.lastAnswer != nil: return earlier(nextProbe, record.startedAt.map { $0 + rules.startGrace })
        case .starting, .ready: return nextProbe
        case .unhealthy: return earlier(nextProbe, probe.unhealthySince.map { $0 + rules.policy.unhealthyLimit })
        case .draining, .stopped, .failed: return nil
        }
    }

    private func earlier(_ one: Timestamp?, _ other: Timestamp?) -> Timestamp? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    private mutating func run(_ container: ObservedContainer?, _ rules: ReplicaRules, _ now: Timestamp) -> ReplicaAction? {
        switch record.state {
        case .failed: return clear(container)
        case .stopped:
            if let action = clear(container) { return action }
            startAnew()
            return runPending(nil, rules, now)
        case .draining:
            // Wished for again before it was gone: one that still runs goes on, its end is no crash.
            guard container?.phase == .running else {
                if let action = clear(container) { return action }
                startAnew()
                return runPending(nil, rules, now)
            }
            begin(container, rules, now)
            return watch(container, rules, now)
        case .pending: return runPending(container, rules, now)
        case .backoff: return wait(container, rules, now)
        case .starting, .ready, .unhealthy: return runStarted(container, rules, now)
        }
    }

    private mutating func runPending(_ container: ObservedContainer?, _ rules: ReplicaRules, _ now: Timestamp) -> ReplicaAction? {
        guard container == nil else { return runStarted(container, rules, now) }
        if let at = record.nextStartAt, now < at { return nil }
        return .create
    }

    private mutating func runStarted(_ container: ObservedContainer?, _ rules: ReplicaRules, _ now: Timestamp) -> ReplicaAction? {
        guard let container else {
            crash("its container was removed by somebody else", exitCode: nil, isQuick: false, rules, now)
            return record.state == .failed ? nil : wait(nil, rules, now)
        }
        switch container.phase {
        case .created:
            record.state = .starting
            return .start(container: container.id)
        case .running:
            if container.startedAt != record.startedAt || record.state == .pending { begin(container, rules, now) }
            return watch(container, rules, now)
        case .ended:
            if container.finishedAt != record.countedEnd {
                end(container, rules, now)
                return record.state == .failed ? clear(container) : wait(container, rules, now)
            }
            // Its end was counted and it was to be started again, when the server was cut off.
            record.state = .starting
            return .start(container: container.id)
        case .leaving: return nil
        }
    }

    private mutating func wait(_ container: ObservedContainer?, _ rules: ReplicaRules, _ now: Timestamp) -> ReplicaAction? {
        if container?.phase == .running {
            begin(container, rules, now)
            return watch(container, rules, now)
        }
        if let at = record.nextStartAt, now < at { return nil }
        record.nextStartAt = nil
        record.restarts += 1
        guard let container else {
            record.state = .pending
            return .create
        }
        record.state = .starting
        return .start(container: container.id)
    }

    /// A process has started: judged from here on.
    private mutating func begin(_ container: ObservedContainer?, _ rules: ReplicaRules, _ now: Timestamp) {
        record.state = .starting
        record.startedAt = container?.startedAt ?? now
        record.nextStartAt = nil
        isDrained = false
        let first = (record.startedAt ?? now) + rules.policy.firstProbe
        probe = ProbeProgress(nextAt: max(first, now))
    }

    private mutating func watch(_ container: ObservedContainer?, _ rules: ReplicaRules, _ now: Timestamp) -> ReplicaAction? {
        guard let container else { return nil }
        switch record.state {
        case .starting:
            let due = (record.startedAt ?? now) + rules.startGrace
            if let answer = probe.lastAnswer, now >= due {
                giveUp("not healthy after \(Self.seconds(rules.startGrace)): GET \(rules.healthPath) \(answer)")
                return clear(container)
            }
        case .unhealthy:
            let since = probe.unhealthySince ?? now
            probe.unhealthySince = since
            if now >= since + rules.policy.unhealthyLimit {
                restartReason = "did not answer for \(Self.seconds(rules.policy.unhealthyLimit)) and was restarted: \(record.error ?? "")"
                return .stop(container: container.id)
            }
        default: break
        }
        guard !probe.isRunning else { return nil }
        if let at = probe.nextAt, now < at { return nil }
        return .probe(port: container.port, run: record.startedAt)
    }

    private mutating func takeDown(_ goal: ReplicaGoal, _ container: ObservedContainer?) -> ReplicaAction? {
        guard let container else {
            isGone = goal == .discard
            if record.state != .stopped { settle() }
            return nil
        }
        if record.state != .draining {
            // One that gets no requests has none to finish; an unhealthy one may still be busy with some.
            isDrained = record.state != .ready && record.state != .unhealthy
            record.state = .draining
        }
        if container.phase == .running, !isDrained { return .drain }
        return clear(container)
    }

    /// The way from any container to none.
    private func clear(_ container: ObservedContainer?) -> ReplicaAction? {
        switch container?.phase {
        case nil, .leaving: nil
        case .running: container.map { .stop(container: $0.id) }
        case .created, .ended: container.map { .remove(container: $0.id) }
        }
    }

    private mutating func settle() {
        record.state = .stopped
        record.error = nil
        record.nextStartAt = nil
        probe = ProbeProgress()
    }

    private mutating func startAnew() {
        var fresh = ReplicaRecord(id: record.id, number: record.number, generation: record.generation, createdAt: record.createdAt)
        fresh.restarts = record.restarts
        record = fresh
        isDrained = false
        probe = ProbeProgress()
    }

    // MARK: Hearing

    /// Takes the answer to a probe. One about an earlier run of the container says nothing of this one.
    mutating func probed(_ answer: ProbeAnswer, run: Timestamp?, _ rules: ReplicaRules, now: Timestamp) {
        probe.isRunning = false
        guard run == record.startedAt, [.starting, .ready, .unhealthy].contains(record.state) else { return }
        switch answer {
        case .healthy:
            probe.failures = 0
            probe.lastAnswer = nil
            probe.unhealthySince = nil
            if record.state != .ready {
                record.state = .ready
                record.readyAt = max(now, record.startedAt ?? now)
                record.error = nil
                record.exitCode = nil
                record.quickExits = 0
            }
        case .unhealthy(let words):
            probe.failures += 1
            probe.lastAnswer = words
            if record.state == .ready, probe.failures >= rules.policy.failuresUntilUnhealthy {
                record.state = .unhealthy
                probe.unhealthySince = now
            }
            if record.state == .unhealthy { record.error = "GET \(rules.healthPath) \(words)" }
        }
        let pause =
            switch record.state {
            case .ready: rules.policy.readyProbe
            case .unhealthy: rules.policy.unhealthyProbe
            default: rules.policy.startingProbe
            }
        probe.nextAt = now + pause
    }

    /// Takes the end of an action.
    mutating func finished(_ action: ReplicaAction, _ outcome: ActionOutcome, _ rules: ReplicaRules, now: Timestamp) {
        isBusy = false
        switch (action, outcome) {
        case (.drain, .done): isDrained = true
        case (_, .done), (_, .engineAway): break
        case (.create, .refused(let words)), (.start, .refused(let words)): giveUp(words)
        case (.create, .failed(let words)), (.start, .failed(let words)):
            crash(words, exitCode: nil, isQuick: true, rules, now)
        case (.drain, _): isDrained = true
        case (_, .failed), (_, .refused): heldUntil = now + rules.policy.retry
        }
    }

    private mutating func end(_ container: ObservedContainer, _ rules: ReplicaRules, _ now: Timestamp) {
        record.countedEnd = container.finishedAt
        let finished = container.finishedAt ?? now
        if record.wasReadyInThisRun, let readyAt = record.readyAt, finished - readyAt >= rules.policy.stableAfter { record.crashes = 0 }
        let ran = container.startedAt.map { finished - $0 } ?? .zero
        let words = restartReason ?? Self.words(for: container, memoryLimit: rules.memoryLimit)
        restartReason = nil
        crash(words, exitCode: container.exitCode, isQuick: record.readyAt == nil && ran < rules.policy.quickExit, rules, now)
    }

    /// Counts an end that nobody wished for, and decides whether the replica gets another chance.
    private mutating func crash(_ words: String, exitCode: Int?, isQuick: Bool, _ rules: ReplicaRules, _ now: Timestamp) {
        record.crashes += 1
        record.quickExits = isQuick && record.readyAt == nil ? record.quickExits + 1 : 0
        record.exitCode = exitCode
        if record.quickExits >= rules.policy.quickExitsUntilFailed {
            giveUp("\(words); given up after \(record.quickExits) starts that ended at once")
        } else if record.crashes > rules.policy.restartsUntilFailed {
            giveUp("\(words); given up after \(rules.policy.restartsUntilFailed) restarts in a row")
        } else {
            record.state = .backoff
            record.error = words
            record.nextStartAt = now + rules.policy.backoff(afterCrash: record.crashes)
        }
    }

    private mutating func giveUp(_ words: String) {
        record.state = .failed
        record.error = words
        record.nextStartAt = nil
        lacksLastWords = true
    }

    private static func words(for container: ObservedContainer, memoryLimit: Int64?) -> String {
        if container.wasOutOfMemory {
            return "killed for lack of memory: " + (memoryLimit.map { "limit \(ByteCount.text($0))" } ?? "the host has no more")
        }
        switch container.exitCode {
        case let code? where code > 128 && code < 160: return "ended by signal \(code - 128) (exit code \(code))"
        case let code?: return "exited with code \(code)"
        case nil: return "ended"
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}
