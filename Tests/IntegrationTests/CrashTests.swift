import Catapult
import CatapultAPI
import ContainerEngine
import Testing

extension Integration {
    /// SIGKILL at bad moments, then the same data directory again.
    @Suite struct Crashes {
        @Test func `what was acknowledged before a kill is there afterwards`() async throws {
            try await TestServer.run { server in
                let (counts, count) = AsyncStream<Void>.makeStream()
                let writers = (0..<4).map { writer in
                    Task {
                        var acknowledged: [String] = []
                        while let model = try? await server.send(
                            CreateModel(name: server.name("w\(writer)-\(acknowledged.count)"), storagePath: "m"))
                        {
                            acknowledged.append(model.id)
                            count.yield()
                        }
                        return acknowledged
                    }
                }
                var seen = 0
                for await _ in counts {
                    seen += 1
                    if seen == 100 { break }
                }
                try await server.kill()
                var acknowledged: [String] = []
                for writer in writers { acknowledged += await writer.value }

                try await server.start()
                let there = try await server.send(ListModelOptions()).map(\.id)
                #expect(acknowledged.count >= 100)
                #expect(Set(acknowledged).isSubset(of: there))
                #expect(there.count <= acknowledged.count + writers.count, "at most the unanswered write of each writer came on top")
                let rows = try await server.send(ListAuditLogs(action: "create_model", limit: 1_000))
                #expect(Set(rows.compactMap(\.resourceID)) == Set(there), "each with its audit row, and no audit row without its model")
            }
        }

        @Test func `a build that the server's end cut off comes to an end, and leaves no container`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("cut-off"))
                let asked = try await server.send(CreateBuild(versionID: version.id, dockerfileContent: server.slowDockerfile(seconds: 4)))
                try await server.waitForSlowStep(of: asked)
                try await server.kill()
                try await server.start()

                let operation = try await eventually("the operation ends") {
                    try await server.send(GetOperation(operationID: asked.operationID, wait: 10))
                } until: {
                    $0.state.isTerminal
                }
                let build = try await server.send(GetBuild(buildID: asked.id))
                switch operation.state {
                case .succeeded:
                    #expect(build.status == .success)
                    #expect(operation.attempts == 2)
                    #expect(try await server.engine.images.inspect(build.imageTag).id == build.imageDigest)
                case .failed:
                    #expect(build.status == .failed)
                    #expect(build.errorMessage?.isEmpty == false)
                default: Issue.record("the operation is \(operation.state), the build \(build.status)")
                }
                try await eventually("no build container") {
                    try await server.buildContainers()
                } until: {
                    $0.isEmpty
                }
                #expect(try await server.build(version).status == .success, "the queue goes on")
            }
        }

        /// When in a deploy the server is killed.
        enum Moment: CaseIterable, Sendable {
            case acknowledged, containerCreated, containerStarted, replicaReady
        }

        @Test func `a deploy that was cut off converges: no replica lost, none twice`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("cut-off"))
                try await server.build(version)
                for moment in Moment.allCases {
                    let before = try await Self.starts(server)
                    let deployment = try await Self.deploy(version, "\(moment)", killingAt: moment, server)
                    try await server.start()
                    let operation = try #require(deployment.operationID)
                    try await server.client.waitForOperation(operation)
                    try await server.converged(deployment.id, replicas: 2)
                    #expect(
                        try await server.chat(server.send(GetDeployment(deploymentID: deployment.id))).text == TestMachine.answer,
                        "\(moment)")
                    let after = try await Self.starts(server)
                    #expect(after.count == before.count + 2, "\(moment): no orphan, no duplicate")
                    #expect(before.allSatisfy { after[$0.key] == $0.value }, "\(moment): what ran goes on running")
                }
                for deployment in try await server.send(ListDeployments()).items {
                    try await server.send(DeleteDeployment(deploymentID: deployment.id))
                }
                #expect(try await server.containers().isEmpty)
            }
        }

        /// Asks for two replicas, and kills the server at a moment on the way.
        private static func deploy(_ version: Version, _ environment: String, killingAt moment: Moment, _ server: TestServer) async throws
            -> Deployment
        {
            let events = try await server.engine.events(EventFilter(subjects: [.container], labels: ["catapult.managed": ""]))
            let asked = try await server.send(ExecuteDeployment(versionID: version.id, environment: environment, replicas: 2))
            switch moment {
            case .acknowledged: break
            case .containerCreated: try await wait(for: .create, in: events, server)
            case .containerStarted: try await wait(for: .start, in: events, server)
            case .replicaReady:
                try await eventually("a ready replica") {
                    try await server.send(GetDeploymentStatus(deploymentID: asked.id))
                } until: {
                    $0.readyReplicas > 0
                }
            }
            try await server.kill()
            return asked
        }

        private static func wait(for action: EngineEvent.Action, in events: EngineStream<EngineEvent>, _ server: TestServer) async throws {
            for try await event in events where event.action == action {
                if try await server.containers().contains(where: { $0.id == event.id }) { return }
            }
        }

        /// When each of the server's containers was started.
        private static func starts(_ server: TestServer) async throws -> [String: EngineTimestamp] {
            var starts: [String: EngineTimestamp] = [:]
            for container in try await server.containers() {
                starts[container.id] = try await server.engine.containers.inspect(container.id).state.startedAt
            }
            return starts
        }

        @Test func `replicas outlive their server and are adopted`() async throws {
            try await TestServer.run { server in
                let deployment = try await server.deploy(server.register(server.name("outliving")), replicas: 2)
                let before = try await Self.starts(server)
                try await server.kill()
                #expect(try await Self.starts(server) == before)
                try await server.start()
                try await server.converged(deployment.id, replicas: 2)
                #expect(try await Self.starts(server) == before, "adopted, not replaced")
                let known = try await server.send(GetDeployment(deploymentID: deployment.id))
                #expect(known.endpointURL == deployment.endpointURL)
                #expect(try await server.chat(known).text == TestMachine.answer)

                // One that ends while nobody watches is started again.
                try await server.kill()
                let victim = try #require(before.keys.first)
                try await server.engine.containers.kill(victim)
                _ = try await server.engine.containers.wait(for: victim)
                try await server.start()
                try await server.converged(deployment.id, replicas: 2)
                #expect(try await server.containers().count == 2)
            }
        }

        @Test func `SIGTERM finishes the answer under way, and leaves the replicas running`() async throws {
            try await TestServer.run { server in
                // With a tenth of a core the answer takes a second or two.
                let deployment = try await server.deploy(server.register(server.name("draining")), cpu: 0.1)
                let before = try await Self.starts(server)
                let question = """
                    {"messages": [{"role": "user", "content": "Hi"}], "stream": true, "max_tokens": 300, "ignore_eos": true}
                    """
                let answer = try await server.open(.post, "\(try #require(deployment.endpointURL))/v1/chat/completions", body: question)
                #expect(answer.status == .ok)
                var pieces = answer.body.makeAsyncIterator()
                var text = String(buffer: try #require(try await pieces.next()))
                async let status = server.stop()
                while let piece = try await pieces.next() { text += String(buffer: piece) }
                #expect(text.hasSuffix("data: [DONE]\n\n"), "the answer under way is finished")
                #expect(try await status == .exited(0))
                #expect(try await Self.starts(server) == before)
            }
        }
    }
}
