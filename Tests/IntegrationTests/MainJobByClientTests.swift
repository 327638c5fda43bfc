import Catapult
import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// The main job as a program does it, and the facts that earlier clients rely on along the way.
    @Suite struct MainJobByClient {
        @Test func `from files to an answering endpoint, with an audit row for every write`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("gpt/model"))
                try await server.send(CreateEnvironment(name: "staging", type: .cpu, resources: ResourceRequest(cpu: 1, memory: "512Mi")))

                let asked = try await server.send(CreateBuild(releaseID: version.id))
                #expect(asked.status == .pending, "clients rely on exactly this status")
                var log: [String] = []
                for try await line in try server.client.lines(of: StreamBuildLogs(buildID: asked.id)) { log.append(line) }
                #expect(log.contains { $0.hasPrefix("Step 1/") })
                let build = try await server.send(GetBuild(buildID: asked.id))
                #expect(build.status == .success, "the stream ends when the build has ended")
                let built = try await server.engine.images.inspect(build.imageTag)
                #expect(built.id == build.imageDigest)
                #expect(try await server.send(GetVersion(versionID: version.id)).metadata["docker_image"]?.stringValue == build.imageTag)

                let deployment = try await server.deploy(version, replicas: 2)
                #expect(server.ports.contains(try #require(deployment.hostPort)))
                #expect(deployment.imageDigest == build.imageDigest)
                #expect(deployment.readyReplicas == 2)
                try await checkContainers(of: deployment, server)
                let answer = try await server.chat(deployment)
                #expect(answer.text == TestMachine.answer)
                #expect(answer.pieces > 5, "the answer is streamed through the stable endpoint")
                #expect(try await server.send(GetDeploymentHealth(deploymentID: deployment.name)).healthy)

                let scaled = try await server.settled(server.send(ScaleDeployment(deploymentID: deployment.id, replicas: 1)))
                #expect(scaled.readyReplicas == 1)
                #expect(try await server.send(StopDeployment(deploymentID: deployment.id)).status == .stopping)
                let stopped = try await eventually("stopped") {
                    try await server.send(GetDeployment(deploymentID: deployment.id))
                } until: {
                    $0.status != .stopping
                }
                #expect(stopped.status == .stopped)
                #expect(stopped.hostPort == deployment.hostPort, "the port stays reserved")
                #expect(try await server.containers().isEmpty)
                let deletion = try await server.send(DeleteDeployment(deploymentID: deployment.id))
                #expect(deletion.deletedID == deployment.id)
                try await server.send(DeleteModel(modelID: version.modelID))
                try await checkAudit(server)
            }
        }

        /// What a container of ours may do is little.
        private func checkContainers(of deployment: Deployment, _ server: TestServer) async throws {
            for container in try await server.containers() {
                let inspection = try await server.engine.containers.inspect(container.id)
                #expect(inspection.imageID == deployment.imageDigest)
                #expect(inspection.ports.allSatisfy { $0.hostAddress == "127.0.0.1" }, "replicas answer on this host only")
                #expect(inspection.labels["catapult.managed"] != nil)
            }
        }

        private func checkAudit(_ server: TestServer) async throws {
            let rows = try await server.send(ListAuditLogs(limit: 100))
            let asked = rows.filter { $0.apiKeyName == "admin" }
            let expected = [
                "create_model", "create_version", "create_environment", "create_docker_build", "execute_deployment", "scale_deployment",
                "stop_deployment", "delete_deployment", "delete_model",
            ]
            #expect(asked.reversed().map(\.action) == expected, "one row per write, in their order, and none for reads")
            #expect(asked.allSatisfy { $0.resourceID != nil && $0.requestID != nil })
            let ownActions = rows.filter { $0.apiKeyName != "admin" }.reversed().map(\.action)
            #expect(ownActions == ["seal_audit_log", "finish_build", "finish_deploy", "finish_deploy"], "what the server did by itself")
        }

        @Test func `a build can be cancelled, and stops`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("cancelled"))
                let asked = try await server.send(
                    CreateBuild(versionID: version.id, dockerfileContent: server.slowDockerfile(seconds: 600)))
                try await server.waitForSlowStep(of: asked)
                let cancelled = try await server.send(CancelBuild(buildID: asked.id))
                #expect(cancelled.status == .cancelled)
                #expect(try await server.send(GetOperation(operationID: asked.operationID)).state == .cancelled)
                try await eventually("no build container") {
                    try await server.buildContainers()
                } until: {
                    $0.isEmpty
                }
                #expect(try await server.send(CancelBuild(buildID: asked.id)).status == .cancelled, "cancelling twice changes nothing")
                var log: [String] = []
                for try await line in try server.client.lines(of: StreamBuildLogs(buildID: asked.id)) { log.append(line) }
                #expect(!log.isEmpty, "the log of a cancelled build can be read, and ends")
            }
        }

        @Test func `an environment of type gpu is refused with the numbers where the host has too few`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("gpu"))
                try await server.build(version)
                let present = try await server.send(GetGPUs()).count
                try await server.send(CreateEnvironment(name: "production", type: .gpu, resources: ResourceRequest(gpu: present + 1)))
                let answer = try await server.request(
                    .post, "/api/v1/deployments/execute", body: #"{"version_id": "\#(version.id)", "environment": "production"}"#)
                #expect(answer.status == 409)
                let detail = try #require(answer.json["detail"]?.stringValue)
                #expect(detail.contains("\(present + 1)") && detail.contains("\(present)"), "needed and present: \(detail)")
                #expect(try answer.json["hint"]?.stringValue?.isEmpty == false)
                #expect(try await server.send(ListDeployments()).total == 0)
                let refused = try await server.mcp("deploy --model \(version.modelName):1.0 --environment production", exits: 4)
                #expect(refused.errors.contains("hint:"))
            }
        }
    }
}

extension TestServer {
    /// A Dockerfile whose second step takes its time, and is known by our mark.
    func slowDockerfile(seconds: Int) throws -> String {
        "FROM \(try TestMachine.baseImage)\nRUN echo \(name("slow")) && sleep \(seconds)\nCOPY model/ /models/model/\n"
    }

    /// Waits until the slow step of a build runs.
    func waitForSlowStep(of build: Build) async throws {
        for try await line in try client.lines(of: StreamBuildLogs(buildID: build.id)) where line == name("slow") { return }
        Issue.record("the build ended before its slow step: \(try await send(GetBuild(buildID: build.id)))")
    }
}
