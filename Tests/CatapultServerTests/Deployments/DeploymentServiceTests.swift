import CatapultAPI
import ContainerEngine
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

/// The rules that hold before the controller has anything to do.
@Suite("Rules of deployments") struct DeploymentServiceTests {
    /// The error that a call ends with.
    private func error(_ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) async throws -> CatapultError {
        do {
            try await body()
        } catch {
            return ErrorMapping.catapultError(for: error, requestID: "r")
        }
        Issue.record("an error was expected", sourceLocation: sourceLocation)
        throw WaitedInVain()
    }

    @Test func `names, ports, audit and operation come with the row`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                let first = try await server.execute()
                let second = try await server.execute()
                let stem = "\(lab.version.modelName.replacing("/", with: "-"))-testing"
                #expect([first.name, second.name] == [stem, stem + "-2"])
                #expect(first.hostPort != second.hostPort)
                #expect(first.endpointURL == "http://127.0.0.1:\(first.hostPort ?? 0)")
                #expect(first.deployedBy == "tester")
                #expect(first.environment == "testing")
                let operation = try await server.operation(first.operationID)
                #expect(operation.kind == .deploy)
                #expect(operation.subjectID == first.id)
                let audits = try await lab.database.read {
                    try $0.fetchColumn("SELECT action FROM audit_logs WHERE resource_id = \(first.id)", as: String.self)
                }
                #expect(audits == ["execute_deployment"])
                let implied = try await lab.database.read { try EnvironmentStore.resolve("testing", for: .everything, in: $0) }
                #expect(implied.implied)
                #expect(try await server.service.get(GetDeployment(deploymentID: first.name), DeploymentLab.context(nil)).id == first.id)
                let listed = try await server.service.list(ListDeployments(environment: "testing"), DeploymentLab.context(nil))
                #expect(listed.items.map(\.id) == [second.id, first.id])
                #expect(listed.total == 2)
                #expect(
                    try await server.service.list(ListVersionDeployments(versionID: lab.version.id), DeploymentLab.context(nil)).count == 2)
                #expect(try await server.service.list(ListDeployments(status: .running), DeploymentLab.context(nil)).items.isEmpty)
                #expect(
                    try await server.service.list(
                        ListDeployments(modelName: lab.version.modelName.uppercased()), DeploymentLab.context(nil)
                    ).total == 2)
            }
        }
    }

    @Test func `a taken name, an unknown version and an unknown deployment are told`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                _ = try await server.execute { $0.name = "mine" }
                let taken = try await error { _ = try await server.execute { $0.name = "mine" } }
                #expect(taken.status == 409)
                #expect(taken.type == "DeploymentAlreadyExistsError")
                #expect(taken.hint?.contains("mcp scale") == true)
                let version = try await error { _ = try await server.execute { $0.releaseID = Identifier.make() } }
                #expect(version.status == 404)
                #expect(version.type == "VersionNotFoundError")
                let missing = try await error { _ = try await server.execute { $0.releaseID = nil } }
                #expect(missing.status == 422)
                let near = try await error { _ = try await server.state("min") }
                #expect(near.status == 404)
                #expect(near.candidates == ["mine"])
            }
        }
    }

    @Test func `images are found by name, by build, or not at all`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                let named = try await server.execute { $0.imageTag = lab.image }
                #expect(named.imageDigest == lab.digest)
                let unknown = try await error { _ = try await server.execute { $0.imageTag = "catapult-deployments-none:1" } }
                #expect(unknown.status == 404)
                #expect(unknown.type == "DockerImageNotFoundError")
                #expect(unknown.details["image_tag"] == "catapult-deployments-none:1")
                let build = try await error { _ = try await server.execute { $0.dockerBuildID = Identifier.make() } }
                #expect(build.status == 404)
                #expect(build.type == "DockerBuildNotFoundError")
                let id = try #require(
                    try await lab.database.read { try BuildStore.newestSuccess(ofVersion: lab.version.id, in: $0) }?.id)
                let chosen = try await server.execute { $0.dockerBuildID = id }
                #expect(chosen.dockerBuildID == id)
                #expect(chosen.imageTag == lab.image)
            }
        }
    }

    @Test func `GPUs are held against what there is and what others have`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(gpus: 0, controlling: false) { server in
                let none = try await error { _ = try await server.execute { $0.gpuEnabled = true } }
                #expect(none.status == 409)
                #expect(none.type == "InsufficientResourcesError")
                #expect(none.details["needed"] == 1)
                #expect(none.details["present"] == 0)
                #expect(none.details["in_use"] == 0)
                #expect(none.message.contains("nvidia-smi was not found"))
                #expect(none.hint?.contains("--type cpu") == true)
                // A type of environment asks for them too, and nothing is stored of what was refused.
                try await lab.database.write { connection in
                    let now = Timestamp.now
                    try EnvironmentStore.insert(
                        Environment(
                            id: Identifier.make(), name: "gpus", type: .gpu, resources: ResourceRequest(gpu: 2), description: nil,
                            implied: false, createdAt: now, updatedAt: now), in: connection)
                }
                let two = try await error { _ = try await server.execute(replicas: 3) { $0.environment = "gpus" } }
                #expect(two.details["needed"] == 6)
                #expect(try await server.service.list(ListDeployments(), DeploymentLab.context(nil)).total == 0)
                let off = try await server.execute {
                    $0.environment = "gpus"
                    $0.gpuEnabled = false
                }
                #expect(off.gpuCount == 0)
            }
            try await lab.server(gpus: 4, controlling: false) { server in
                let first = try await server.execute(replicas: 1) { $0.environment = "gpus" }
                #expect(first.gpuEnabled)
                #expect(first.gpuCount == 2)
                let over = try await error { _ = try await server.execute(replicas: 2) { $0.environment = "gpus" } }
                #expect(over.details["in_use"] == 2)
                #expect(over.hint?.contains("at most 1") == true)
                let scale = try await error { _ = try await server.scale(first.id, 3) }
                #expect(scale.type == "InsufficientResourcesError")
                #expect(scale.details["in_use"] == 0)
                #expect(try await server.scale(first.id, 2).replicas == 2)
            }
        }
    }

    @Test func `limits, variables and mounts that cannot be are refused`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                let large = try await error { _ = try await server.execute { $0.memoryLimit = "900t" } }
                #expect(large.status == 409)
                #expect(large.field == "resources.memory")
                #expect(large.details["present"] != nil)
                let small = try await error { _ = try await server.execute { $0.memoryLimit = "1m" } }
                #expect(small.status == 400)
                #expect(small.field == "memory_limit")
                let cores = try await error { _ = try await server.execute { $0.cpuLimit = 4_000 } }
                #expect(cores.field == "resources.cpu")
                let port = try await error { _ = try await server.execute { $0.environmentVars = ["PORT": "1"] } }
                #expect(port.field == "environment_vars")
                let outside = try await error { _ = try await server.execute { $0.volumeMounts = ["/etc": "/data"] } }
                #expect(outside.type == "InvalidPathError")
                for target in ["data", "/", "/a/../b", "/a//b"] {
                    let inside = try await error { _ = try await server.execute { $0.volumeMounts = ["models/tiny": target] } }
                    #expect(inside.field == "volume_mounts")
                }
                let kind = try await error { _ = try await server.execute { $0.deploymentType = .k8s } }
                #expect(kind.status == 400)
                #expect(kind.field == "deployment_type")
                #expect(try await server.service.list(ListDeployments(), DeploymentLab.context(nil)).total == 0)
                #expect(try await lab.database.read { try $0.fetchInt("SELECT count(*) FROM ports") } == 0)
            }
        }
    }

    @Test func `an engine that is away is told before anything is stored`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in _ = try await server.execute { $0.name = "present" } }
            try await lab.database.write { try $0.execute("UPDATE deployments SET status = 'stopped', wanted = 'stopped'") }
            let host = EngineHost.unixSocket(path: "\(lab.directory)/no-engine.sock")
            try await ContainerEngine.withEngine(.init(host: host), logger: DeploymentLab.logger) { engine in
                try await lab.server(engine: engine, controlling: false) { server in
                    for away in [
                        try await error { _ = try await server.execute { $0.name = "absent" } },
                        try await error { _ = try await server.start("present") },
                        try await error { _ = try await server.restart("present") },
                        try await error { _ = try await server.scale("present", 2) },
                    ] {
                        #expect(away.status == 503)
                        #expect(away.type == "ServiceUnavailableError")
                        #expect(away.retryAfter != nil)
                    }
                    #expect(try await server.service.list(ListDeployments(), DeploymentLab.context(nil)).items.map(\.status) == [.stopped])
                    #expect(try await lab.database.read { try $0.fetchInt("SELECT count(*) FROM operations") } == 1)
                }
            }
        }
    }

    @Test func `ports run out with the range`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                for port in lab.ports.range {
                    _ = try await lab.database.write { connection in
                        let deployment = try DeploymentStore.resolve(
                            try self.record(port, lab, connection), for: .everything, in: connection)
                        _ = try? connection.execute("INSERT INTO ports (port, deployment_id) VALUES (\(port), \(deployment.id))")
                    }
                }
                let full = try await error { _ = try await server.execute() }
                #expect(full.type == "PortAllocationError")
                #expect(full.status == 500)
            }
        }
    }

    private func record(_ number: Int, _ lab: DeploymentLab, _ connection: any SQLConnection) throws -> String {
        let name = "holder-\(number)"
        try connection.execute(
            """
            INSERT INTO deployments (id, name, version_id, environment, deployment_type, status, health_status, replicas, generation,
            wanted, revision,
                container_port, health_path, start_grace_seconds, stop_grace_seconds, gpu_count, environment_vars, volume_mounts, metadata,
                deployed_at)
            VALUES (\(Identifier.make()), \(name), \(lab.version.id), 'testing', 'local', 'stopped', 'unknown', 0, 1, 'stopped', 1, 8000,
            '/', 1, 1,
                0, '{}', '{}', '{}', 0)
            """)
        return name
    }

    @Test func `a record is kept as it is, and refuses what only a container can do`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                let call = CreateDeployment(
                    releaseID: lab.version.id, environment: "production", status: .running, metadata: ["team": "a"], cluster: "east",
                    endpointURL: "http://models.example/v1", replicas: 4)
                let record = try await server.service.create(call, DeploymentLab.context(CreateDeployment.audit))
                #expect(record.deploymentType == .metadata)
                #expect(record.status == .running)
                #expect(record.cluster == "east")
                #expect(record.endpointURL == "http://models.example/v1")
                #expect(record.replicas == 4)
                for refused in [
                    try await error { _ = try await server.start(record.id) }, try await error { _ = try await server.stop(record.id) },
                    try await error { _ = try await server.restart(record.id) },
                    try await error { _ = try await server.scale(record.id, 1) },
                ] {
                    #expect(refused.status == 400)
                    #expect(refused.field == "deployment_type")
                }
                #expect(
                    try await server.service.health(GetDeploymentHealth(deploymentID: record.id), DeploymentLab.context(nil)).healthy
                        == false)
                #expect(try await server.delete(record.id).deletedID == record.id)
                #expect(try await error { _ = try await server.state(record.id) }.status == 404)
                // The same through execute, as earlier clients ask for it.
                #expect(try await server.execute { $0.deploymentType = .metadata }.deploymentType == .metadata)
            }
        }
    }

    @Test func `each state allows what has a meaning in it`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                let deployment = try await server.execute()
                func set(_ status: DeploymentStatus) async throws {
                    try await lab.database.write { connection in
                        _ = try connection.execute(
                            "UPDATE deployments SET status = \(status), wanted = 'running' WHERE id = \(deployment.id)")
                    }
                }
                let calls: [(String, (String) async throws -> Void, Set<DeploymentStatus>)] = [
                    ("start", { _ = try await server.start($0) }, [.stopped, .failed, .stopping]),
                    ("stop", { _ = try await server.stop($0) }, [.pending, .deploying, .running, .failed]),
                    ("restart", { _ = try await server.restart($0) }, [.running, .stopped, .failed]),
                    ("scale", { _ = try await server.scale($0, 1) }, [.pending, .deploying, .running, .failed]),
                ]
                for (name, call, allowed) in calls {
                    for status in [DeploymentStatus.pending, .deploying, .running, .stopping, .stopped, .failed] {
                        try await set(status)
                        if allowed.contains(status) {
                            try await call(deployment.id)
                        } else {
                            let refused = try await error { try await call(deployment.id) }
                            #expect(refused.status == 400, "\(name) while \(status)")
                            #expect(refused.details["deployment_id"]?.stringValue == deployment.id)
                            #expect(refused.details["current_status"]?.stringValue == status.rawValue)
                        }
                    }
                }
            }
        }
    }

    @Test func `the controller writes nothing over a wish that has changed`() async throws {
        try await DeploymentLab.with { lab in
            try await lab.server(controlling: false) { server in
                let deployment = try await server.execute()
                let row = try #require(try await lab.database.read { try DeploymentStore.row(deployment.id, in: $0) })
                _ = try await server.stop(deployment.id)
                let standing = DeploymentStanding(status: .running, health: .healthy)
                let isWritten = try await lab.database.write {
                    try DeploymentStore.setStanding(deployment.id, revision: row.revision, standing, in: $0)
                }
                #expect(!isWritten)
                #expect(try await server.state(deployment.id).status == .stopping)
            }
        }
    }
}
