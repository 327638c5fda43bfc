import CatapultAPI
import Testing

@testable import CatapultServer

@Suite("Machine of a deployment") struct DeploymentMachineTests {
    @Test func `replicas go from pending over starting to ready`() {
        var engine = EngineModel(replicas: 2)
        engine.look()
        #expect(engine.states == [.pending, .pending])
        #expect(engine.machine.standing.status == .deploying)
        let isRunning = engine.run { $0.machine.standing.status == .running }
        #expect(isRunning)
        #expect(engine.states == [.ready, .ready])
        #expect(engine.machine.standing.health == .healthy)
        #expect(engine.machine.standing.startedAt != nil)
        #expect(engine.machine.isSettled)
        #expect(engine.machine.upstreams.count == 2)
    }

    @Test func `nothing is planned before the image is there`() {
        var engine = EngineModel(replicas: 1)
        engine.wish(status: .pending) { $0.hasImage = false }
        #expect(engine.look().actions.isEmpty)
        #expect(engine.machine.standing.status == .pending)
        engine.wish { $0.hasImage = true }
        #expect(engine.look().actions.count == 1)
    }

    @Test func `loading is not failing within the start grace`() {
        var engine = EngineModel(replicas: 1, startGrace: .seconds(60))
        engine.behaviour = { _ in .answers(after: 55) }
        engine.run(for: .seconds(50))
        #expect(engine.states == [.starting])
        #expect(engine.machine.standing.health == .unknown)
        let isRunning = engine.run { $0.machine.standing.status == .running }
        #expect(isRunning)
        #expect(engine.machine.replicas.first?.record.restarts == 0)
    }

    @Test func `never healthy fails after the grace with the last answer`() {
        var engine = EngineModel(replicas: 1, startGrace: .seconds(60))
        engine.behaviour = { _ in .neverHealthy }
        let hasFailed = engine.run { $0.machine.standing.status == .failed }
        #expect(hasFailed)
        #expect(engine.machine.standing.error == "not healthy after 60 s: GET /health answered 404")
        #expect(engine.machine.standing.health == .unhealthy)
        engine.run(for: .seconds(5))
        #expect(engine.containers.isEmpty)
        #expect(engine.states == [.failed])
    }

    @Test func `exits at once three times and is given up`() {
        var engine = EngineModel(replicas: 1)
        engine.behaviour = { _ in .exits(code: 3, after: 0.1) }
        let start = engine.now
        let hasFailed = engine.run { $0.machine.standing.status == .failed }
        #expect(hasFailed)
        #expect(engine.machine.standing.error == "exited with code 3; given up after 3 starts that ended at once")
        #expect(engine.machine.replicas.first?.record.exitCode == 3)
        #expect(engine.machine.replicas.first?.record.restarts == 2)
        // The delays of one and two seconds lie between the starts.
        #expect(engine.now - start >= .seconds(3))
    }

    @Test func `a crash loop of slow crashes is given up after five restarts with doubling delays`() {
        var engine = EngineModel(replicas: 1, startGrace: .seconds(100))
        engine.behaviour = { _ in .exits(code: 1, after: 20) }
        let start = engine.now
        let hasFailed = engine.run { $0.machine.standing.status == .failed }
        #expect(hasFailed)
        #expect(engine.machine.standing.error?.hasPrefix("exited with code 1; given up after 5 restarts in a row") == true)
        #expect(engine.machine.replicas.first?.record.restarts == 5)
        #expect(engine.now - start >= .seconds(6 * 20 + 1 + 2 + 4 + 8 + 16))
    }

    @Test func `lack of memory is told with the limit`() {
        var engine = EngineModel(replicas: 1, memoryLimit: 128 << 20)
        engine.behaviour = { _ in .lacksMemory(after: 1) }
        engine.run { $0.machine.standing.status == .failed }
        #expect(engine.machine.standing.error?.hasPrefix("killed for lack of memory: limit 128.0 MiB") == true)
        #expect(engine.machine.replicas.first?.record.exitCode == 137)
    }

    @Test func `last words are added to the reason`() {
        var engine = EngineModel(replicas: 1)
        engine.behaviour = { _ in .exits(code: 1, after: 0) }
        engine.lastWords = ["Traceback", "no such model"]
        engine.run { $0.machine.standing.status == .failed }
        #expect(engine.machine.withoutLastWords.isEmpty)
        #expect(
            engine.machine.standing.error?.hasSuffix(
                "given up after 3 starts that ended at once; its last output:\nTraceback\nno such model") == true)
    }

    @Test func `crashes that lie apart are forgotten`() throws {
        var engine = EngineModel(replicas: 1)
        for _ in 0..<8 {
            let isReady = engine.run { $0.states == [.ready] }
            try #require(isReady)
            engine.run(for: .seconds(61))
            let container = try #require(engine.running.first)
            engine.end(container.id, code: 1)
            engine.look()
            #expect(engine.states == [.backoff])
            #expect(engine.machine.replicas.first?.record.crashes == 1)
        }
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.standing.health == .unhealthy)
    }

    @Test func `three failed probes take a replica out, one success brings it back`() throws {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.standing.status == .running }
        let id = try #require(engine.machine.replicas.first?.id)
        engine.mute = [id]
        engine.run(for: .seconds(15))
        #expect(engine.states == [.ready, .ready])
        let isOut = engine.run(for: .seconds(20)) { $0.states == [.unhealthy, .ready] }
        #expect(isOut)
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.standing.health == .unhealthy)
        #expect(engine.machine.standing.error == "replica 0: GET /health was not answered: connection refused")
        #expect(engine.machine.upstreams.map(\.isDraining) == [true, false])
        engine.mute = []
        let isBack = engine.run(for: .seconds(3)) { $0.states == [.ready, .ready] }
        #expect(isBack)
        #expect(engine.machine.standing.error == nil)
        #expect(engine.machine.standing.health == .healthy)
    }

    @Test func `one that stays unhealthy is restarted`() throws {
        var engine = EngineModel(replicas: 1)
        engine.run { $0.machine.standing.status == .running }
        let id = try #require(engine.machine.replicas.first?.id)
        engine.mute = [id]
        let isRestarted = engine.run(for: .seconds(100)) { $0.states == [.backoff] }
        #expect(isRestarted)
        #expect(engine.machine.replicas.first?.record.error?.hasPrefix("did not answer for 50 s and was restarted") == true)
        engine.mute = []
        let isReady = engine.run(for: .seconds(10)) { $0.states == [.ready] }
        #expect(isReady)
        #expect(engine.machine.replicas.first?.record.restarts == 1)
    }

    @Test func `a container that somebody removed is made again`() throws {
        var engine = EngineModel(replicas: 1)
        engine.run { $0.machine.standing.status == .running }
        let container = try #require(engine.running.first)
        engine.vanish(container.id)
        let isBack = engine.run(for: .seconds(10)) { $0.states == [.ready] && $0.running.first?.id != container.id }
        #expect(isBack)
        #expect(engine.machine.standing.status == .running)
    }

    @Test func `scaling down drains, stops and removes the highest numbers`() {
        var engine = EngineModel(replicas: 3)
        engine.run { $0.machine.isSettled }
        engine.wish { $0.replicas = 1 }
        let step = engine.look()
        let ids = engine.machine.replicas.map(\.id)
        #expect(step.actions == [.replica(ids[2], .drain), .replica(ids[1], .drain)])
        #expect(engine.machine.upstreams.map(\.isDraining) == [false, true, true])
        let isDone = engine.run { $0.machine.isSettled && $0.machine.replicas.count == 1 }
        #expect(isDone)
        #expect(engine.containers.count == 1)
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.replicas.first?.record.number == 0)
    }

    @Test func `scaling up and back at once keeps what runs`() {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.isSettled }
        let before = Set(engine.running.map(\.id))
        engine.wish { $0.replicas = 1 }
        engine.look()
        #expect(engine.states == [.ready, .draining])
        engine.wish(status: .deploying) { $0.replicas = 2 }
        engine.carryOut()
        let isDone = engine.run { $0.machine.isSettled }
        #expect(isDone)
        #expect(Set(engine.running.map(\.id)) == before)
    }

    @Test func `scaling to nothing keeps running without health`() {
        var engine = EngineModel(replicas: 1)
        engine.run { $0.machine.isSettled }
        engine.wish { $0.replicas = 0 }
        engine.run { $0.machine.isSettled }
        #expect(engine.containers.isEmpty)
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.standing.health == .unknown)
    }

    @Test func `stop keeps the rows and start uses them again`() {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.isSettled }
        let ids = engine.machine.replicas.map(\.id)
        engine.wish(status: .stopping) { $0.wanted = .stopped }
        engine.look()
        #expect(engine.machine.standing.status == .stopping)
        let isStopped = engine.run { $0.machine.standing.status == .stopped }
        #expect(isStopped)
        #expect(engine.containers.isEmpty)
        #expect(engine.states == [.stopped, .stopped])
        #expect(engine.machine.standing.stoppedAt != nil)
        #expect(engine.machine.standing.health == .unknown)
        engine.wish(status: .deploying) { $0.wanted = .running }
        let isRunning = engine.run { $0.machine.standing.status == .running }
        #expect(isRunning)
        #expect(engine.machine.replicas.map(\.id) == ids)
    }

    @Test func `start while it still stops is no crash`() {
        var engine = EngineModel(replicas: 1)
        engine.run { $0.machine.isSettled }
        engine.wish(status: .stopping) { $0.wanted = .stopped }
        engine.look()
        engine.carryOut()
        engine.look()
        engine.carryOut()
        #expect(engine.running.isEmpty)
        engine.wish(status: .deploying) { $0.wanted = .running }
        let isRunning = engine.run { $0.machine.standing.status == .running }
        #expect(isRunning)
        #expect(engine.machine.replicas.first?.record.crashes == 0)
        #expect(engine.machine.replicas.first?.record.restarts == 0)
    }

    @Test func `delete leaves nothing`() {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.isSettled }
        engine.wish(status: .stopping) { $0.wanted = .deleted }
        let isGone = engine.run { $0.machine.isSettled }
        #expect(isGone)
        #expect(engine.machine.replicas.isEmpty)
        #expect(engine.containers.isEmpty)
    }

    @Test func `restart replaces one at a time, the new one first`() {
        var engine = EngineModel(replicas: 3)
        engine.run { $0.machine.isSettled }
        let before = Set(engine.running.map(\.id))
        engine.wish(status: .deploying) { $0.generation = 2 }
        var fewest = 3
        var most = 3
        let isDone = engine.run { model in
            let serving = model.machine.upstreams.count { !$0.isDraining }
            fewest = min(fewest, serving)
            most = max(most, model.running.count)
            return model.machine.isSettled && model.machine.replicas.allSatisfy { $0.record.generation == 2 }
        }
        #expect(isDone)
        #expect(fewest == 3)
        #expect(most == 4)
        #expect(before.isDisjoint(with: engine.running.map(\.id)))
        #expect(engine.machine.standing.status == .running)
        #expect(engine.violations.isEmpty)
    }

    @Test func `restart without a GPU to spare drains the old one first`() {
        var engine = EngineModel(replicas: 2, surge: false)
        engine.run { $0.machine.isSettled }
        engine.wish(status: .deploying) { $0.generation = 2 }
        var most = 0
        let isDone = engine.run { model in
            most = max(most, model.running.count)
            return model.machine.isSettled && model.machine.replicas.allSatisfy { $0.record.generation == 2 }
        }
        #expect(isDone)
        #expect(most == 2)
    }

    @Test func `a restart whose new replica fails leaves the old ones serving`() {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.isSettled }
        engine.behaviour = { _ in .exits(code: 9, after: 0.2) }
        engine.wish(status: .deploying) { $0.generation = 2 }
        let hasFailed = engine.run { $0.machine.standing.status == .failed }
        #expect(hasFailed)
        engine.run(for: .seconds(30))
        #expect(engine.machine.upstreams.count { !$0.isDraining } == 2)
        #expect(engine.machine.standing.error?.contains("exited with code 9") == true)
    }

    @Test func `a failed deployment starts again when asked to`() {
        var engine = EngineModel(replicas: 1)
        engine.behaviour = { _ in .exits(code: 1, after: 0) }
        engine.run { $0.machine.standing.status == .failed }
        engine.run(for: .seconds(200))
        #expect(engine.machine.standing.status == .failed)
        engine.behaviour = { _ in .answers(after: 1) }
        engine.wish(status: .deploying, forgiving: true) { _ in }
        let isRunning = engine.run { $0.machine.standing.status == .running }
        #expect(isRunning)
        #expect(engine.machine.standing.error == nil)
    }

    @Test func `scaling up that fails leaves the others serving, scaling back heals`() {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.isSettled }
        engine.behaviour = { $0.number == 2 ? .exits(code: 1, after: 0) : .answers(after: 1) }
        engine.wish(status: .deploying) { $0.replicas = 3 }
        let hasFailed = engine.run { $0.machine.standing.status == .failed }
        #expect(hasFailed)
        #expect(engine.machine.upstreams.count == 2)
        engine.wish(status: .deploying, forgiving: true) { $0.replicas = 2 }
        let isRunning = engine.run { $0.machine.standing.status == .running && $0.machine.isSettled }
        #expect(isRunning)
    }

    @Test func `partial loss later keeps it running, loss of all fails it`() {
        var engine = EngineModel(replicas: 2)
        engine.run { $0.machine.isSettled }
        engine.behaviour = { $0.number == 0 ? .exits(code: 1, after: 0) : .answers(after: 1) }
        for container in engine.running where container.replicaID == engine.machine.replicas[0].id { engine.end(container.id, code: 1) }
        engine.run(for: .seconds(120))
        #expect(engine.states == [.failed, .ready])
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.standing.health == .unhealthy)
        engine.behaviour = { _ in .exits(code: 1, after: 0) }
        for container in engine.running { engine.end(container.id, code: 1) }
        let hasFailed = engine.run { $0.machine.standing.status == .failed }
        #expect(hasFailed)
    }

    @Test func `a server that comes back finds its containers and restarts none`() {
        var engine = EngineModel(replicas: 3)
        engine.run { $0.machine.isSettled }
        let before = engine.containers
        engine.restartServer()
        engine.run(for: .seconds(30))
        #expect(engine.containers == before)
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.standing.health == .healthy)
    }

    @Test func `one end is counted once, also over a crash of the server`() throws {
        var engine = EngineModel(replicas: 1)
        engine.run { $0.machine.isSettled }
        let container = try #require(engine.running.first)
        engine.end(container.id, code: 5)
        engine.look()
        engine.restartServer()
        engine.look()
        engine.restartServer()
        engine.look()
        #expect(engine.machine.replicas.first?.record.crashes == 1)
        let isRunning = engine.run(for: .seconds(10)) { $0.states == [.ready] }
        #expect(isRunning)
    }

    @Test func `a container of no known replica is removed, one of a known replica is taken over`() {
        var engine = EngineModel(replicas: 1)
        engine.look()
        let id = engine.machine.replicas[0].id
        // The server died between the creation of the container and the note of it.
        engine.restartServer()
        engine.place(ObservedContainer(id: "adopted", replicaID: id, phase: .running, port: 40_001, startedAt: engine.now))
        engine.place(ObservedContainer(id: "stray", replicaID: "nobody", phase: .running, port: 40_002, startedAt: engine.now))
        let step = engine.look()
        #expect(step.actions.contains(.removeOrphan(container: "stray")))
        #expect(!step.actions.contains(.replica(id, .create)))
        #expect(engine.states == [.starting])
        #expect(engine.machine.replicas[0].record.containerID == "adopted")
    }

    @Test func `what the engine refuses for good is not tried again`() {
        var engine = EngineModel(replicas: 1)
        engine.look()
        let id = engine.machine.replicas[0].id
        engine.machine.finished(id, .create, .refused("the image is gone"), now: engine.now)
        #expect(engine.machine.withoutLastWords.map(\.id) == [id])
        engine.look()
        #expect(engine.machine.standing.status == .failed)
        #expect(engine.machine.standing.error == "the image is gone")
    }

    @Test func `an engine that is away is no fault of the replica`() {
        var engine = EngineModel(replicas: 1)
        engine.look()
        let id = engine.machine.replicas[0].id
        for _ in 0..<20 {
            engine.machine.finished(id, .create, .engineAway, now: engine.now)
            engine.look()
        }
        #expect(engine.states == [.pending])
        #expect(engine.machine.replicas[0].record.crashes == 0)
    }

    @Test func `an endpoint that cannot listen fails a deploy and not one that has run`() {
        var engine = EngineModel(replicas: 1)
        engine.machine.setEndpointProblem("no port is free", now: engine.now)
        #expect(engine.machine.standing.status == .failed)
        #expect(engine.machine.standing.error == "no port is free")
        engine.machine.setEndpointProblem(nil, now: engine.now)
        engine.run { $0.machine.standing.status == .running }
        engine.machine.setEndpointProblem("port 9000 is in use", now: engine.now)
        #expect(engine.machine.standing.status == .running)
        #expect(engine.machine.standing.health == .unhealthy)
        #expect(!engine.machine.isSettled)
    }

    @Test func `a new wish does not undo what has happened and is not stored yet`() {
        var engine = EngineModel(replicas: 1)
        engine.run { $0.states == [.starting] }
        engine.look()
        let stored = engine.machine.replicas.map(\.record)
        let id = engine.machine.replicas[0].id
        engine.machine.probed(id, .healthy, run: stored[0].startedAt, now: engine.now)
        engine.machine.load(wish: engine.machine.wish, standing: engine.machine.standing, replicas: stored, stored: stored)
        #expect(engine.states == [.ready])
        var forgiven = stored
        forgiven[0].state = .stopped
        engine.machine.load(wish: engine.machine.wish, standing: engine.machine.standing, replicas: forgiven, stored: stored)
        #expect(engine.states == [.stopped])
    }

    @Test func `answers about an earlier run are ignored`() throws {
        var engine = EngineModel(replicas: 1)
        engine.behaviour = { _ in .answers(after: 5) }
        engine.run { $0.states == [.starting] }
        engine.look()
        let id = engine.machine.replicas[0].id
        engine.machine.probed(id, .healthy, run: Timestamp(microseconds: 1), now: engine.now)
        #expect(engine.states == [.starting])
        engine.machine.probed(id, .healthy, run: engine.running[0].startedAt, now: engine.now)
        #expect(engine.states == [.ready])
    }

    /// Random wishes, crashes, removals, restarts of the server and orders of events: what must never be is never, and when the engine
    /// behaves
    /// again all comes to be as wished.
    @Test(arguments: 0..<100) func `whatever happens, it holds its promises and converges`(seed: UInt64) {
        var random = SplitMix64(state: seed)
        var engine = EngineModel(replicas: Int.random(in: 0...3, using: &random), surge: Bool.random(using: &random))
        for _ in 0..<400 {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<40: engine.look()
            case 40..<70: engine.carryOut(Int.random(in: 0..<max(engine.pendingCount, 1), using: &random))
            case 70..<80: engine.now = engine.now + .milliseconds(Int.random(in: 1...4_000, using: &random))
            case 80..<84:
                if let container = engine.running.min(by: { $0.id < $1.id }) {
                    engine.end(container.id, code: Int.random(in: 0...2, using: &random))
                }
            case 84..<86: if let container = engine.containers.keys.min() { engine.vanish(container) }
            case 86..<88: engine.restartServer()
            case 88..<90: engine.mustRefuse.toggle()
            case 90..<93:
                let count = Int.random(in: 0...4, using: &random)
                engine.wish(status: .deploying, forgiving: true) { $0.replicas = count }
            case 93..<95: engine.wish(status: .deploying) { $0.generation += 1 }
            case 95..<97: engine.wish(status: .stopping) { $0.wanted = .stopped }
            default: engine.wish(status: .deploying, forgiving: true) { $0.wanted = .running }
            }
        }
        engine.mustRefuse = false
        engine.wish(status: .deploying, forgiving: true) {
            $0.wanted = .running
            $0.generation += 1
        }
        let isSettled = engine.run(for: .seconds(900)) { $0.machine.isSettled && $0.machine.standing.status == .running }
        #expect(isSettled, "\(engine.states) \(engine.machine.standing)")
        #expect(engine.violations.isEmpty)
        #expect(engine.containers.count == engine.machine.wish.replicas)
        engine.wish(status: .stopping) { $0.wanted = .deleted }
        let isGone = engine.run(for: .seconds(60)) { $0.machine.isSettled && $0.containers.isEmpty }
        #expect(isGone)
    }
}

/// A small generator with a seed (Steele, Lea and Flood, 2014), so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
