import CatapultAPI
import ContainerEngine
import Foundation
import Testing

@testable import CatapultServer

/// The whole way against the machine's engine: service, controller, gateway, operation.
@Suite("Deployments on a real engine", .serialized) struct DeploymentControllerTests {
    @Test func `a deployment runs, answers, and is scaled`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(replicas: 2)
                #expect(deployment.status == .deploying)
                #expect(deployment.imageDigest == lab.digest)
                #expect(deployment.hostPort.map(lab.ports.range.contains) == true)
                let operation = try await server.end(of: deployment.operationID)
                #expect(operation.state == .succeeded, "\(operation)")
                #expect(operation.result?["endpoint_url"]?.stringValue == deployment.endpointURL)
                let state = try await server.state(deployment.id)
                #expect(state.healthy)
                #expect(state.replicaDetails.map(\.index) == [0, 1])
                #expect(state.replicaDetails.allSatisfy { $0.state == .ready && $0.port != nil && $0.startedAt != nil })
                #expect(try await server.get("/hello", of: deployment) == 200)
                #expect(
                    try await server.service.health(GetDeploymentHealth(deploymentID: deployment.name), DeploymentLab.context(nil)).healthy)

                let container = try await lab.engine.containers.inspect(try #require(state.replicaDetails.first?.containerID))
                #expect(container.imageID == lab.digest)
                #expect(container.environment.contains("PORT=8000"))
                #expect(container.labels[ContainerLabel.deployment] == deployment.id)
                #expect(container.name.hasPrefix("catapult-\(deployment.name)-0-"))

                try await server.waitForLog(of: deployment, toHave: "starting in mode serve on port 8000")
                _ = try await server.scale(deployment.id, 3)
                try await server.waitUntilRunning(deployment.id)
                #expect(try await lab.containers().count == 3)
                let scaled = try await server.scale(deployment.name, 1)
                #expect(scaled.status == .running)
                #expect(try await server.end(of: scaled.operationID).state == .succeeded)
                #expect(try await lab.containers().count == 1)
                #expect(try await server.state(deployment.id).replicaDetails.first?.containerID == container.id)
                #expect(try await server.get("/hello", of: deployment) == 200)
            }
        }
    }

    @Test func `a killed and a removed container come back`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute()
                let before = try await server.waitUntilRunning(deployment.id)
                let container = try #require(before.replicaDetails.first?.containerID)
                try await lab.engine.containers.kill(container)
                let after = try await server.wait(for: deployment.id, "restarted") {
                    $0.readyReplicas == 1 && $0.replicaDetails.first?.restarts == 1
                }
                #expect(after.status == .running)
                #expect(after.replicaDetails.first?.containerID == container)
                try await lab.engine.containers.remove(container, force: true)
                let again = try await server.wait(for: deployment.id, "made again") {
                    $0.readyReplicas == 1 && $0.replicaDetails.first?.containerID != container
                }
                #expect(again.healthy)
                #expect(try await server.get("/hello", of: deployment) == 200)
            }
        }
    }

    @Test func `a program that exits at once fails the deployment with its last words`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(mode: "exit")
                let operation = try await server.end(of: deployment.operationID)
                #expect(operation.state == .failed)
                let state = try await server.wait(for: deployment.id, "cleaned up") {
                    $0.status == .failed && $0.replicaDetails.first?.containerID == nil
                }
                let error = try #require(state.error)
                #expect(error.contains("exited with code 3; given up after 3 starts that ended at once"))
                #expect(error.contains("Traceback: no such model"))
                #expect(state.exitCode == 3)
                #expect(operation.error?["detail"]?.stringValue?.contains("exited with code 3") == true)
                #expect(try await lab.containers().isEmpty)
                #expect(try await server.log(deployment.id).components(separatedBy: "Traceback: no such model").count == 4)
                #expect(try await server.get("/hello", of: deployment) == 503)
                // It has an exit: delete.
                _ = try await server.delete(deployment.id)
                await #expect(throws: CatapultError.self) { try await server.state(deployment.id) }
            }
        }
    }

    @Test func `never healthy fails after the template's grace`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(mode: "never")
                let state = try await server.wait(for: deployment.id, "failed") { $0.status == .failed }
                #expect(state.error?.hasPrefix("not healthy after 4 s: GET /health answered 404") == true)
            }
        }
    }

    @Test func `loading slower than a probe is not failing`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(mode: "slow")
                let state = try await server.waitUntilRunning(deployment.id)
                #expect(state.replicaDetails.first?.restarts == 0)
            }
        }
    }

    @Test func `lack of memory is told with the limit`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(mode: "memory") { $0.memoryLimit = "16m" }
                let state = try await server.wait(for: deployment.id, "failed") { $0.status == .failed }
                #expect(state.error?.contains("killed for lack of memory: limit 16.0 MiB") == true, "\(state.error ?? "")")
                #expect(state.exitCode == 137)
            }
        }
    }

    @Test func `stop keeps port and logs, start runs the same image, delete leaves nothing`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(replicas: 2)
                try await server.waitUntilRunning(deployment.id)
                #expect(try await server.stop(deployment.id).status == .stopping)
                try await server.wait(for: deployment.id, "stopped") { $0.status == .stopped }
                #expect(try await lab.containers().isEmpty)
                let log = try await server.log(deployment.id)
                #expect(log.contains("[0] starting in mode serve"))
                #expect(log.contains("[1] starting in mode serve"))
                #expect(log.contains("stopping"))
                #expect(try await server.get("/hello", of: deployment) == 503)
                await #expect { try await server.stop(deployment.id) } throws: {
                    ($0 as? CatapultError)?.type == "DeploymentNotRunningError"
                }
                // Another image by that tag must not matter.
                let started = try await server.start(deployment.id)
                #expect(started.status == .deploying)
                let state = try await server.waitUntilRunning(deployment.id)
                #expect(state.endpointURL == deployment.endpointURL)
                #expect(try await lab.containers().allSatisfy { $0.imageID == lab.digest })
                await #expect { try await server.start(deployment.id) } throws: { error in
                    let error = error as? CatapultError
                    return error?.status == 400 && error?.type == "DeploymentAlreadyRunningError"
                        && error?.details["current_status"] == "running"
                }

                _ = try await server.delete(deployment.id)
                #expect(try await lab.containers().isEmpty)
                #expect(server.logs.tail(deployment.id, lines: 10, numbered: false).lines.isEmpty)
                let rows = try await lab.database.read { connection in
                    try ["deployments", "replicas", "ports"].map { try connection.fetchInt("SELECT count(*) FROM \(raw: $0)") }
                }
                #expect(rows == [0, 0, 0])
                let answer = await server.probe.ask(port: try #require(deployment.hostPort), path: "/hello", timeout: .seconds(5))
                #expect(answer == .unhealthy("was not answered: connection refused"))
            }
        }
    }

    @Test func `restart replaces every container while the endpoint answers`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(replicas: 2)
                let before = try await server.waitUntilRunning(deployment.id)
                let restarted = try await server.restart(deployment.id)
                #expect(restarted.status == .deploying)
                var statuses: Set<Int> = []
                while try await server.operation(restarted.operationID).state.isTerminal == false {
                    statuses.insert(try await server.get("/hello", of: deployment))
                }
                #expect(statuses == [200])
                #expect(try await server.operation(restarted.operationID).state == .succeeded)
                let after = try await server.state(deployment.id)
                #expect(Set(after.replicaDetails.map(\.containerID)).isDisjoint(with: before.replicaDetails.map(\.containerID)))
                #expect(try await lab.containers().count == 2)
            }
        }
    }

    @Test func `a new server takes over what runs and restarts nothing`() async throws {
        try await DeploymentLab.with { lab in
            let id = Box("")
            let before = Box<[Replica]>([])
            try await lab.server { server in
                let deployment = try await server.execute(replicas: 2)
                before.set(try await server.waitUntilRunning(deployment.id).replicaDetails)
                id.set(deployment.id)
                try await server.waitForLog(of: deployment, toHave: "[1] starting in mode serve")
            }
            try await lab.server { server in
                // Something to wait for: the new server has looked when it has scaled.
                _ = try await server.scale(id.get(), 3)
                let after = try await server.waitUntilRunning(id.get())
                #expect(Array(after.replicaDetails.prefix(2)).map(\.containerID) == before.get().map(\.containerID))
                #expect(Array(after.replicaDetails.prefix(2)).map(\.startedAt) == before.get().map(\.startedAt))
                #expect(after.replicaDetails.allSatisfy { $0.restarts == 0 })
                let deployment = try await server.service.get(GetDeployment(deploymentID: id.get()), DeploymentLab.context(nil))
                #expect(try await server.get("/hello", of: deployment) == 200)
                try await server.waitForLog(of: deployment, toHave: "[2] starting in mode serve")
                let lines = try await server.log(id.get()).split(separator: "\n").filter { $0.contains("[0] starting") }
                #expect(lines.count == 1)
            }
        }
    }

    @Test func `a server that was killed in the middle of a deploy goes on with it`() async throws {
        try await DeploymentLab.with { lab in
            let id = Box("")
            let operation = Box<String?>(nil)
            try await lab.server { server in
                let deployment = try await server.execute(replicas: 3, mode: "slow")
                id.set(deployment.id)
                operation.set(deployment.operationID)
                try await server.wait(for: id.get(), "one container") { $0.replicaDetails.contains { $0.containerID != nil } }
            }
            try await lab.server { server in
                #expect(try await server.end(of: operation.get()).state == .succeeded)
                try await server.waitUntilRunning(id.get())
                #expect(try await lab.containers().count == 3)
            }
        }
    }

    @Test func `a container that ended while no server ran is started again`() async throws {
        try await DeploymentLab.with { lab in
            let id = Box("")
            try await lab.server { server in
                id.set(try await server.execute().id)
                try await server.waitUntilRunning(id.get())
            }
            let container = try #require(try await lab.containers().first)
            try await lab.engine.containers.kill(container.id)
            try await lab.server { server in
                let state = try await server.wait(for: id.get(), "back") { $0.readyReplicas == 1 && $0.replicaDetails.first?.restarts == 1 }
                #expect(state.status == .running)
            }
        }
    }

    @Test func `an engine that goes away and comes back is caught up with`() async throws {
        try await DeploymentLab.with { lab in
            let path = "\(lab.directory)/engine.sock"
            let door = try EngineDoor(path: path)
            try await door.open()
            try await ContainerEngine.withEngine(.init(host: .unixSocket(path: path)), logger: DeploymentLab.logger) { engine in
                try await lab.server(engine: engine) { server in
                    let deployment = try await server.execute(replicas: 2)
                    let before = try await server.waitUntilRunning(deployment.id)
                    await door.shut()
                    // What happens meanwhile is not told to the server; the endpoint goes on.
                    try await lab.engine.containers.kill(try #require(before.replicaDetails[1].containerID))
                    #expect(try await server.get("/hello", of: deployment) == 200)
                    #expect(try await server.stop(deployment.id).status == .stopping)
                    await #expect { try await server.start(deployment.id) } throws: {
                        ErrorMapping.catapultError(for: $0, requestID: "r").status == 503
                    }
                    try await door.open()
                    _ = try await server.start(deployment.id)
                    try await server.waitUntilRunning(deployment.id)
                    #expect(try await lab.containers().count { $0.status == .running } == 2)
                    #expect(try await server.get("/hello", of: deployment) == 200)
                }
            }
            await door.shut()
        }
    }

    @Test func `strays of ours are removed, those of others are not`() async throws {
        try await DeploymentLab.with { lab in
            func make(_ labels: [String: String]) async throws -> String {
                try await lab.engine.containers.create(ContainerSpecification(image: lab.digest, labels: labels)).id
            }
            let ours = try await make(ContainerLabel.ours(lab.instance).merging([ContainerLabel.deployment: "gone"]) { $1 })
            let others = try await make(ContainerLabel.ours("another").merging([ContainerLabel.deployment: "gone"]) { $1 })
            do {
                let destroyed = try await lab.engine.events(EventFilter(containers: [ours], actions: ["destroy"]))
                try await lab.server { _ in
                    for try await _ in destroyed { break }
                    #expect(try await lab.engine.containers.inspect(others).id == others)
                }
                try await lab.engine.containers.remove(others, force: true)
            } catch {
                try? await lab.engine.containers.remove(others, force: true)
                throw error
            }
        }
    }

    @Test func `an image is built first where the version has none`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.database.write { try $0.execute("DELETE FROM builds") }
            try await lab.server { server in
                await #expect { try await server.execute() } throws: { error in
                    let error = error as? CatapultError
                    return error?.status == 404 && error?.type == "DockerImageNotFoundError"
                        && error?.hint?.contains("mcp build create") == true
                }
                let deployment = try await server.execute { $0.buildIfMissing = true }
                #expect(deployment.status == .pending)
                #expect(deployment.dockerBuildID != nil)
                let operation = try await server.end(of: deployment.operationID)
                #expect(operation.state == .succeeded, "\(operation)")
                let built = try await server.service.get(GetDeployment(deploymentID: deployment.id), DeploymentLab.context(nil))
                #expect(built.imageDigest?.hasPrefix("sha256:") == true)
                #expect(built.imageDigest != lab.digest)
                _ = try await server.delete(deployment.id)
                _ = try await lab.engine.images.remove(try #require(built.imageTag))
            }
        }
    }

    @Test func `a build that fails fails the deployment, and start builds again`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.database.write { try $0.execute("DELETE FROM builds") }
            let dockerfile = "\(lab.directory)/templates/tiny/Dockerfile"
            let good = try String(contentsOfFile: dockerfile, encoding: .utf8)
            try (good + "RUN [\"/bin/sh\", \"-c\", \"exit 7\"]\n").write(toFile: dockerfile, atomically: true, encoding: .utf8)
            try await lab.server { server in
                let deployment = try await server.execute { $0.buildIfMissing = true }
                #expect(try await server.end(of: deployment.operationID).state == .failed)
                let failed = try await server.service.get(GetDeployment(deploymentID: deployment.id), DeploymentLab.context(nil))
                #expect(failed.status == .failed)
                #expect(failed.error?.hasPrefix("The image could not be built") == true)
                try good.write(toFile: dockerfile, atomically: true, encoding: .utf8)
                let again = try await server.start(deployment.id)
                #expect(again.status == .pending)
                #expect(try await server.end(of: again.operationID).state == .succeeded)
                let tag = try await server.service.get(GetDeployment(deploymentID: deployment.id), DeploymentLab.context(nil)).imageTag
                _ = try await server.delete(deployment.id)
                _ = try await lab.engine.images.remove(try #require(tag))
            }
        }
    }

    @Test func `cancelling the operation stops the deployment`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server { server in
                let deployment = try await server.execute(mode: "slow")
                let id = try #require(deployment.operationID)
                try await server.wait(for: deployment.id, "starting") { $0.replicaDetails.first?.state == .starting }
                let operation = try await lab.database.write { try server.runner.cancel(id, in: $0) }
                server.runner.didCancel(operation)
                #expect(try await server.end(of: id).state == .cancelled)
                try await server.wait(for: deployment.id, "stopped") { $0.status == .stopped }
                #expect(try await lab.containers().isEmpty)
            }
        }
    }

    @Test func `ports that others use are passed over, before and after the reservation`() async throws {
        try await DeploymentLab.with { lab in
            let first = lab.ports.range.lowerBound
            let before = try Listener(port: first)
            let id = Box("")
            try await lab.server(controlling: false) { server in
                let deployment = try await server.execute()
                #expect(deployment.hostPort == first + 1)
                id.set(deployment.id)
            }
            let after = try Listener(port: first + 1)
            try await lab.server { server in
                try await server.waitUntilRunning(id.get())
                let deployment = try await server.service.get(GetDeployment(deploymentID: id.get()), DeploymentLab.context(nil))
                #expect(deployment.hostPort == first + 2)
                #expect(deployment.endpointURL == "http://127.0.0.1:\(first + 2)")
                #expect(try await server.get("/hello", of: deployment) == 200)
            }
            withExtendedLifetime((before, after)) {}
        }
    }
}
