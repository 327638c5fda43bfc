import Testing

@testable import ContainerEngine

@Suite("Containers of the real engine", .whereEngineIsReachable, .realEngine, .timeLimit(.minutes(3)))
struct ContainerIntegrationTests {
    @Test("goes through a container's life, and every step can be repeated")
    func lifeCycle() async throws {
        let fixture = try EngineFixture.required()
        let containers = fixture.engine.containers
        var specification = fixture.script("echo ready; exec sleep 300")
        specification.environment = ["A": "b"]
        specification.resources = .init(memoryBytes: 32 << 20, nanoCPUs: 500_000_000, maximumProcesses: 16)
        specification.security = .hardened
        specification.temporaryFileSystems = ["/tmp": .init(sizeBytes: 1 << 20)]
        specification.usesInit = true
        let label = EngineFixture.uniqueName("life")
        specification.labels["containerengine.life"] = label
        try await fixture.withContainer(specification) { id in
            let created = try await containers.inspect(id)
            #expect(created.state.status == .created)
            #expect(created.state.startedAt == nil)
            #expect(created.name.hasPrefix("containerengine-test-"))
            #expect(created.image == fixture.image)
            #expect(created.labels["containerengine.life"] == label)
            #expect(created.environment.contains("A=b"))

            try await containers.start(id)
            try await containers.start(id)
            let running = try await containers.inspect(created.name)
            #expect(running.id == id)
            #expect(running.state.isRunning)
            #expect(running.state.processID != nil)
            #expect(running.state.health.status == .none)
            #expect(running.state.finishedAt == nil)
            let listed = try await containers.list(labels: ["containerengine.life": label], statuses: [.running])
            #expect(listed.map(\.id) == [id])
            #expect(listed.first?.names == [created.name])
            let conflict = try await #require(throws: ContainerEngineError.self) { try await containers.remove(id) }
            guard case .conflict = conflict else {
                Issue.record("\(conflict)")
                return
            }

            try await starts(1, of: id, containers)
            try await containers.restart(id, gracePeriod: .zero)
            let restarted = try await containers.inspect(id).state.startedAt
            #expect(try #require(restarted) > #require(running.state.startedAt))
            try await starts(2, of: id, containers)
            try await containers.stop(id, gracePeriod: .zero)
            try await containers.stop(id)
            let stopped = try await containers.inspect(id).state
            #expect(stopped.status == .exited)
            // The signal that asked it to stop, or the one that came at the end of the period.
            #expect([143, 137].contains(stopped.exitCode))
            #expect(!stopped.wasOutOfMemory)
            await #expect(throws: ContainerEngineError.self) { try await containers.kill(id) }
        }
        #expect(try await containers.list(labels: ["containerengine.life": label]).isEmpty)
    }

    /// Waits until a container's process has begun so many times: told to stop while the engine still sets it up, it has no exit code of
    /// its own.
    private func starts(_ count: Int, of id: String, _ containers: ContainerEngine.Containers) async throws {
        let lines = try await containers.logs(of: id, LogOptions(follow: true))
        var iterator = lines.filter { $0.text == "ready" }.makeAsyncIterator()
        for _ in 0..<count { _ = try #require(try await iterator.next()) }
    }

    @Test("tells containers, images and names that are not there or taken")
    func missingAndTaken() async throws {
        let fixture = try EngineFixture.required()
        let containers = fixture.engine.containers
        let absent = EngineFixture.uniqueName("absent")
        for call in [
            containers.start(_:), { try await containers.remove($0) }, { _ = try await containers.inspect($0) },
            { try await containers.stop($0) },
        ] {
            let error = try await #require(throws: ContainerEngineError.self) { try await call(absent) }
            #expect(error.isNotFound)
        }
        let error = try await #require(throws: ContainerEngineError.self) {
            try await containers.create(ContainerSpecification(image: "\(absent):1"))
        }
        guard case .notFound(.image, "\(absent):1", _) = error else {
            Issue.record("\(error)")
            return
        }
        try await fixture.withContainer(fixture.script("true")) { id in
            let name = try await containers.inspect(id).name
            let taken = try await #require(throws: ContainerEngineError.self) {
                try await containers.create(fixture.script("true"), name: name)
            }
            guard case .conflict = taken else {
                Issue.record("\(taken)")
                return
            }
        }
    }

    @Test("waits for the exit code, also of a container that has ended")
    func waiting() async throws {
        let fixture = try EngineFixture.required()
        try await fixture.withContainer(fixture.script("exit 7")) { id in
            try await fixture.engine.containers.start(id)
            #expect(try await fixture.engine.containers.wait(for: id).code == 7)
            #expect(try await fixture.engine.containers.wait(for: id).code == 7)
        }
    }

    @Test("gives the lines of both streams in order with their times, and follows until the end")
    func logs() async throws {
        let fixture = try EngineFixture.required()
        // Each line is written only once the one before has come back, since the engine reads the two streams independently.
        let script = """
            i=0; trap 'i=$((i+1)); if [ $((i%2)) = 1 ]; then echo out $i; else echo err $i >&2; fi' USR1
            echo ready; while [ $i -lt 4 ]; do sleep 0.02; done
            """
        try await fixture.withContainer(fixture.script(script)) { id in
            let containers = fixture.engine.containers
            try await containers.start(id)
            var followed: [LogLine] = []
            for try await line in try await containers.logs(of: id, LogOptions(follow: true)) {
                followed.append(line)
                if followed.count < 5 { try await containers.kill(id, signal: "SIGUSR1") }
            }
            #expect(followed.map(\.text) == ["ready", "out 1", "err 2", "out 3", "err 4"])
            #expect(followed.map(\.stream) == [.stdout, .stdout, .stderr, .stdout, .stderr])
            let times = followed.compactMap(\.timestamp)
            #expect(times.count == 5)
            #expect(times == times.sorted())

            #expect(try await containers.lastLogLines(of: id, count: 2).map(\.text) == ["out 3", "err 4"])
            var later: [String] = []
            for try await line in try await containers.logs(of: id, LogOptions(since: times[1], streams: [.stdout])) {
                later.append(line.text)
            }
            #expect(later == ["out 1", "out 3"])
        }
    }

    @Test("joins a line that the engine keeps in several parts, and gives a last line without an end")
    func longLine() async throws {
        let fixture = try EngineFixture.required()
        try await fixture.withContainer(fixture.script("head -c 100000 /dev/zero | busybox tr '\\000' x; echo; echo -n end")) { id in
            try await fixture.engine.containers.start(id)
            _ = try await fixture.engine.containers.wait(for: id)
            var lines: [LogLine] = []
            for try await line in try await fixture.engine.containers.logs(of: id) { lines.append(line) }
            #expect(lines.map(\.text.utf8.count) == [100_000, 3])
            #expect(lines.first?.text.allSatisfy { $0 == "x" } == true)
        }
    }

    @Test("tells the port that is taken, and publishes on a free one when asked to")
    func ports() async throws {
        let fixture = try EngineFixture.required()
        var first = fixture.script("exec sleep 300")
        first.network = nil
        first.ports = [.init(containerPort: 8080, published: .init())]
        try await fixture.withContainer(first) { id in
            try await fixture.engine.containers.start(id)
            let running = try await fixture.engine.containers.inspect(id)
            let port = try #require(running.ports.first)
            #expect(running.ports.count == 1)
            #expect(port.containerPort == 8080)
            #expect(port.hostAddress == "127.0.0.1")
            #expect(running.addresses["bridge"] != nil)
            #expect(try await fixture.engine.containers.list().first { $0.id == id }?.ports == [port])

            var second = first
            second.ports = [.init(containerPort: 8080, published: .init(hostPort: port.hostPort))]
            try await fixture.withContainer(second) { other in
                let error = try await #require(throws: ContainerEngineError.self) { try await fixture.engine.containers.start(other) }
                guard case .portAlreadyAllocated(port: port.hostPort, _) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(try await fixture.engine.containers.inspect(other).state.error.contains("already allocated"))
            }
        }
    }

    @Test("reads what a container uses, and nothing of one that does not run")
    func statistics() async throws {
        let fixture = try EngineFixture.required()
        var specification = fixture.script("while true; do :; done")
        specification.resources = .init(memoryBytes: 64 << 20, nanoCPUs: 200_000_000)
        try await fixture.withContainer(specification) { id in
            let containers = fixture.engine.containers
            #expect(try await containers.statistics(of: id) == nil)
            try await containers.start(id)
            let first = try #require(try await containers.statistics(of: id))
            var second = first
            while second.cpu.totalNanoseconds == first.cpu.totalNanoseconds {
                second = try #require(try await containers.statistics(of: id))
            }
            #expect(second.memory.limitBytes == 64 << 20)
            #expect(second.memory.usedBytes > 0)
            #expect(second.memory.usedBytes <= second.memory.chargedBytes)
            #expect((second.processes ?? 0) >= 1)
            #expect(try #require(second.coresUsed(since: first)) > 0)
        }
    }

    @Test("kills with a signal, and tells of want of memory")
    func deaths() async throws {
        let fixture = try EngineFixture.required()
        let containers = fixture.engine.containers
        try await fixture.withContainer(fixture.script("trap 'exit 5' USR1; echo ready; while true; do sleep 0.02; done")) { id in
            try await containers.start(id)
            for try await line in try await containers.logs(of: id, LogOptions(follow: true)) where line.text == "ready" { break }
            try await containers.kill(id, signal: "SIGUSR1")
            #expect(try await containers.wait(for: id).code == 5)
        }
        // A child that dies leaves the container running, and a wait for the signal lets the engine begin to watch: else its notice may be missed.
        var hungry = fixture.script(
            "trap 'go=1' USR1; echo ready; while [ -z $go ]; do sleep 0.02; done; dd if=/dev/zero of=/dev/null bs=64M; exec sleep 300")
        hungry.resources = .init(memoryBytes: 16 << 20)
        try await fixture.withContainer(hungry) { id in
            let events = try await fixture.engine.events(EventFilter(containers: [id], actions: ["oom"]))
            try await containers.start(id)
            for try await line in try await containers.logs(of: id, LogOptions(follow: true)) where line.text == "ready" { break }
            try await containers.kill(id, signal: "SIGUSR1")
            var iterator = events.makeAsyncIterator()
            #expect(try await iterator.next()?.action == .outOfMemory)
            #expect(try await containers.inspect(id).state.isRunning)
        }
    }

    @Test("tells that there is no driver for GPUs")
    func gpus() async throws {
        let fixture = try EngineFixture.required()
        var specification = fixture.script("true")
        specification.gpus = .count(1)
        try await fixture.withContainer(specification) { id in
            guard try await !fixture.engine.system.info().runtimes.contains("nvidia") else { return }
            let error = try await #require(throws: ContainerEngineError.self) { try await fixture.engine.containers.start(id) }
            guard case .gpuUnavailable = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("follows events, with health apart from its checks")
    func events() async throws {
        let fixture = try EngineFixture.required()
        let label = EngineFixture.uniqueName("events")
        var specification = fixture.script("exec sleep 300")
        specification.labels["containerengine.events"] = label
        specification.healthCheck = .command(["/bin/true"], schedule: .init(interval: .seconds(1), timeout: .seconds(5), retries: 1))
        let events = try await fixture.engine.events(
            EventFilter(
                subjects: [.container], labels: ["containerengine.events": label], actions: EventFilter.containerLifeActions))
        var seen: [EngineEvent] = []
        try await fixture.withContainer(specification) { id in
            try await fixture.engine.containers.start(id)
            for try await event in events {
                seen.append(event)
                if case .healthStatus = event.action { try await fixture.engine.containers.kill(id) }
                if event.action == .die { break }
            }
            #expect(seen.map(\.action) == [.create, .start, .healthStatus(.healthy), .kill, .die])
            #expect(seen.allSatisfy { $0.id == id && $0.subject == .container })
            #expect(seen.last?.attributes["exitCode"] == "137")
            #expect(seen.map(\.time) == seen.map(\.time).sorted())
        }
    }

    @Test("describes itself: versions, host, disk usage")
    func system() async throws {
        let fixture = try EngineFixture.required()
        let system = fixture.engine.system
        try await system.ping()
        let version = try await system.version()
        #expect(try await system.negotiatedVersion() <= max(version.apiVersion, .preferred))
        let info = try await system.info()
        #expect(info.version == version.version)
        #expect(info.cpuCount > 0)
        #expect(info.memoryBytes > 0)
        #expect(info.runtimes.contains(info.defaultRuntime))
        #expect(["1", "2"].contains(info.cgroupVersion))
        #expect(!info.rootDirectory.isEmpty)
        let usage = try await system.diskUsage()
        #expect(usage.layersBytes > 0)
        #expect(usage.images.contains { $0.tags.contains(fixture.image) })
    }
}
