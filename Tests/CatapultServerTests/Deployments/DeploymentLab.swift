import AsyncHTTPClient
import CatapultAPI
import ContainerEngine
import Foundation
import Gateway
import Logging
import NIOConcurrencyHelpers
import SQLDatabase
import Testing

@testable import CatapultServer

/// A data directory, a database, and an image whose program does what its variable MODE says, on the machine's engine.
struct DeploymentLab: Sendable {
    let directory: String
    let database: Database
    let engine: ContainerEngine
    let instance: String
    let storage: StoragePaths
    /// Name of the image.
    let image: String
    /// Id of the image.
    let digest: String
    let ports: PortStore
    let version: Version

    static let logger = Logger(label: "deployments") { _ in SwiftLogNoOpLogHandler() }

    static func context(_ action: AuditAction?) -> CallContext {
        CallContext(
            caller: Caller(keyID: "k", name: "tester", role: .operator, scope: .everything), scope: .everything, requestID: "r",
            address: "127.0.0.1", face: "rest",
            action: action, logger: logger)
    }

    /// What the image runs. The shell is process 1, so that it ends when it is asked to.
    private static let program = """
        echo "starting in mode ${MODE:-serve} on port $PORT"
        case "$MODE" in
            exit) echo "Traceback: no such model" >&2; exit 3 ;;
            never) root=/empty ;;
            memory) exec tail /dev/zero ;;
            slow) sleep 2; root=/www ;;
            *) root=/www ;;
        esac
        trap 'echo stopping; exit 0' TERM
        httpd -f -p "$PORT" -h "$root" &
        wait $!
        """

    /// Makes all this, hands it to `body`, and removes it, with every container that came of it.
    static func with(_ body: (DeploymentLab) async throws -> Void) async throws {
        try await ContainerEngine.withEngine(.fromEnvironment(), logger: logger) { engine in
            let directory = FileManager.default.temporaryDirectory.appending(path: "catapult-deployments-\(UUID().uuidString.prefix(8))")
                .path
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let instance = try InstanceID.load(dataDirectory: directory)
            let image = "catapult-deployments-\(instance.suffix(8)):1"
            let database = try await Database.open(
                .init(location: .sqlite(path: "\(directory)/test.sqlite")), migrations: Migrations.all, logger: logger)
            do {
                let digest = try await makeImage(image, engine)
                let lab = try await DeploymentLab(directory, database, engine, instance: instance, image: image, digest: digest)
                try await body(lab)
                try await clean(engine, instance, image, database)
            } catch {
                try? await clean(engine, instance, image, database)
                throw error
            }
        }
    }

    private static func makeImage(_ image: String, _ engine: ContainerEngine) async throws -> String {
        var archive = TarArchive()
        archive.addFile("/bin/busybox", at: "bin/busybox", isExecutable: true)
        for tool in ["sh", "sleep", "echo", "httpd", "tail"] { archive.addSymbolicLink(to: "busybox", at: "bin/\(tool)") }
        archive.add(program, at: "serve.sh")
        archive.add("ok\n", at: "www/health")
        archive.add("hello\n", at: "www/hello")
        archive.add("", at: "empty/nothing")
        return try await engine.images.importImage(
            try await archive.prepare(), as: image, changes: ["ENV PATH=/bin", "CMD [\"/bin/sh\", \"/serve.sh\"]"])
    }

    private static func clean(_ engine: ContainerEngine, _ instance: String, _ image: String, _ database: Database) async throws {
        for container in try await engine.containers.list(labels: [ContainerLabel.instance: instance]) {
            try? await engine.containers.remove(container.id, force: true)
        }
        for tag in [image, builtImage(image)] { _ = try? await engine.images.remove(tag, force: true) }
        try await database.close()
    }

    /// The name of the image that a build of the version makes.
    private static func builtImage(_ image: String) -> String { image.replacing("catapult-deployments-", with: "team-tiny-") }

    private init(
        _ directory: String, _ database: Database, _ engine: ContainerEngine, instance: String, image: String, digest: String
    ) async throws {
        self.directory = directory
        self.database = database
        self.engine = engine
        self.instance = instance
        self.image = image
        self.digest = digest
        storage = try StoragePaths(root: "\(directory)/storage")
        ports = PortStore(range: Self.nextPorts(), host: "127.0.0.1")
        let now = Timestamp.now
        let name = "team/tiny-\(instance.suffix(8))"
        let model = Model(
            id: Identifier.make(), name: name, storagePath: "models/tiny", repository: nil, company: nil, baseModel: nil,
            parameterCount: nil,
            description: nil, tags: [], metadata: [:], requiresGPU: false, serverType: .generic, source: .manual, versionCount: 0,
            createdAt: now,
            updatedAt: now)
        version = Version(
            id: Identifier.make(), modelID: model.id, modelName: name, modelStoragePath: "models/tiny", version: "1.0", tag: "1.0",
            digest: "sha256:0", quantization: nil, sizeBytes: nil, platform: "linux/amd64", architecture: "amd64", os: "linux",
            releaseNotes: nil, metadata: [:], cephPath: nil, mlflowURL: nil, isRelease: false, status: .active, fileCount: 0,
            missingFiles: 0,
            createdAt: now)
        try await database.write { [version] connection in
            try ModelStore.insert(model, in: connection)
            try VersionStore.insert(version, files: [], in: connection)
        }
        try writeTemplate()
        try await recordBuild()
    }

    private static let labs = NIOLockedValueBox(Int(getpid()) * 7)

    /// Ports that no other lab of this process has, and hardly one of another process.
    private static func nextPorts() -> ClosedRange<Int> {
        let number = labs.withLockedValue { number in
            number += 1
            return number
        }
        let first = 20_000 + number % 500 * 20
        return first...(first + 19)
    }

    private func write(_ text: String, to path: String) throws {
        let file = URL(filePath: "\(directory)/\(path)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    /// A template that is the image itself, with short grace times.
    private func writeTemplate() throws {
        try write(
            """
            name: tiny
            summary: Serves a file
            server_types: [generic]
            dockerfile: Dockerfile
            files: []
            model_path: model
            base_image: \(image)
            build_args:
              - {name: BASE_IMAGE, description: An image that serves}
            environment: []
            port: 8000
            health_path: /health
            start_grace_seconds: 4
            stop_grace_seconds: 5
            requires_gpu: false
            endpoints: [/health]
            """, to: "templates/tiny/template.yml")
        try write("ARG BASE_IMAGE=\(image)\nFROM ${BASE_IMAGE}\nCOPY model/ /model/\n", to: "templates/tiny/Dockerfile")
        try write("weights", to: "storage/models/tiny/weights.bin")
    }

    /// A successful build of the version whose image is the one that was made.
    private func recordBuild() async throws {
        let build = Build(
            id: Identifier.make(), versionID: version.id, imageTag: image, imageDigest: nil, buildType: "tiny", template: "tiny",
            dockerfileContent: nil, buildArgs: [:], status: .pending, serverType: .generic, errorMessage: nil,
            operationID: Identifier.make(),
            supersededAt: nil, createdAt: .now, completedAt: nil)
        try await database.write { [digest] connection in
            try BuildStore.insert(build, noCache: false, in: connection)
            try BuildStore.succeed(build.id, digest: digest, in: connection)
        }
    }

    /// The containers of this lab.
    func containers() async throws -> [ContainerSummary] {
        try await engine.containers.list(labels: ContainerLabel.ours(instance))
    }

    /// A server on the lab's data directory, which works as long as `body` runs. Its end is abrupt, like that of a killed server.
    func server(
        engine other: ContainerEngine? = nil, gpus: Int = 0, controlling: Bool = true, _ body: (LabServer) async throws -> Void
    ) async throws {
        let server = try LabServer(self, engine: other ?? engine, gpus: gpus)
        let works =
            controlling
            ? [Task { try await server.leader.run() }, Task { try await server.controller.run() }, Task { try await server.runner.run() }]
            : []
        let result: Result<Void, any Error>
        do {
            try await body(server)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        for work in works { work.cancel() }
        for work in works { _ = await work.result }
        _ = await server.gateway.shutdown(graceDeadline: .now)
        try await server.probe.shutdown()
        try result.get()
    }
}

/// The parts of one server that concern deployments.
struct LabServer: Sendable {
    let lab: DeploymentLab
    let gateway: GatewayServer
    let probe: HealthProbe
    let logs: DeploymentLogFiles
    let signals: ChangeSignals
    let leader: Leader
    let runner: OperationRunner
    let service: DeploymentService
    let controller: DeploymentController

    init(_ lab: DeploymentLab, engine: ContainerEngine, gpus: Int) throws {
        self.lab = lab
        gateway = GatewayServer(logger: DeploymentLab.logger)
        probe = HealthProbe()
        logs = try DeploymentLogFiles(directory: "\(lab.directory)/logs/deployments")
        signals = ChangeSignals()
        leader = Leader.alone(lab.database, signals)
        let templates = TemplateLibrary(directory: "\(lab.directory)/templates", logger: DeploymentLab.logger)
        let images = BuildPlanner(templates: templates, storage: lab.storage, signals: signals)
        let files = try LogFiles(directory: "\(lab.directory)/logs")
        runner = OperationRunner(
            database: lab.database, signals: signals,
            logs: SharedLogs(files: files, database: lab.database, signals: signals, logger: DeploymentLab.logger), leader: leader,
            handlers: [
                BuildOperation(
                    database: lab.database, engine: engine, templates: templates, storage: lab.storage, baseImages: BaseImages()),
                DeployOperation(database: lab.database, signals: signals, images: images),
            ], logger: DeploymentLab.logger)
        var policy = DeploymentPolicy()
        policy.firstProbe = .milliseconds(50)
        policy.startingProbe = .milliseconds(100)
        policy.readyProbe = .seconds(1)
        policy.firstBackoff = .milliseconds(50)
        let storage = lab.storage
        controller = DeploymentController(
            parts: ControllerParts(
                database: lab.database, engine: engine, gateway: gateway, probe: probe, logs: logs, signals: signals, leader: leader,
                ports: lab.ports,
                instance: lab.instance, policy: policy, resolvePath: { try storage.resolve($0) }, logger: DeploymentLab.logger))
        let inventory = GPUInventory(
            gpus: (0..<gpus).map { GPU(index: $0, name: "GPU", memoryTotalBytes: 1, memoryUsedBytes: 0, utilization: 0) },
            reason: gpus == 0 ? "nvidia-smi was not found" : nil)
        service = DeploymentService(
            database: lab.database, signals: signals, runner: runner,
            planner: DeploymentPlanner(engine: engine, images: images, storage: storage, gpus: { inventory }), ports: lab.ports, logs: logs,
            probe: probe, leader: leader)
    }

    // MARK: Calls

    func execute(
        replicas: Int = 1, mode: String? = nil, _ change: (inout ExecuteDeployment) -> Void = { _ in }
    ) async throws -> Deployment {
        var call = ExecuteDeployment(releaseID: lab.version.id, environment: "testing", replicas: replicas)
        if let mode { call.environmentVars = ["MODE": mode] }
        change(&call)
        return try await service.execute(call, DeploymentLab.context(ExecuteDeployment.audit))
    }

    func scale(_ id: String, _ replicas: Int) async throws -> Deployment {
        try await service.scale(ScaleDeployment(deploymentID: id, replicas: replicas), DeploymentLab.context(ScaleDeployment.audit))
    }

    func start(_ id: String) async throws -> Deployment {
        try await service.start(StartDeployment(deploymentID: id), DeploymentLab.context(StartDeployment.audit))
    }

    func stop(_ id: String) async throws -> Deployment {
        try await service.stop(StopDeployment(deploymentID: id), DeploymentLab.context(StopDeployment.audit))
    }

    func restart(_ id: String) async throws -> Deployment {
        try await service.restart(RestartDeployment(deploymentID: id), DeploymentLab.context(RestartDeployment.audit))
    }

    func delete(_ id: String) async throws -> Deletion {
        try await service.delete(DeleteDeployment(deploymentID: id), DeploymentLab.context(DeleteDeployment.audit))
    }

    func state(_ id: String) async throws -> DeploymentState {
        try await service.status(GetDeploymentStatus(deploymentID: id), DeploymentLab.context(nil))
    }

    func operation(_ id: String?) async throws -> CatapultAPI.Operation {
        try #require(try await lab.database.read { try OperationStore.find(id ?? "", in: $0) })
    }

    func log(_ id: String) async throws -> String {
        try await service.logs(GetDeploymentLogs(deploymentID: id), DeploymentLab.context(nil)).logs
    }

    /// A status of an answer through the deployment's endpoint.
    func get(_ path: String, of deployment: Deployment) async throws -> Int {
        let request = HTTPClientRequest(url: "\(deployment.endpointURL ?? "")\(path)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        _ = try await response.body.collect(upTo: 1 << 20)
        return Int(response.status.code)
    }

    // MARK: Waiting

    /// The state once it is as the condition says; fails when that takes too long.
    @discardableResult
    func wait(
        for id: String, _ what: Comment, limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: @escaping @Sendable (DeploymentState) -> Bool
    ) async throws -> DeploymentState {
        let changes = signals.subscribe(DeploymentController.stateName(id))
        let end = ContinuousClock.now + limit
        while true {
            let now = try await state(id)
            if condition(now) { return now }
            guard ContinuousClock.now < end else {
                Issue.record("waited in vain for: \(what); \(now)", sourceLocation: sourceLocation)
                throw WaitedInVain()
            }
            _ = try await ChangeSignals.next(changes, within: end - .now)
        }
    }

    @discardableResult
    func waitUntilRunning(_ id: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> DeploymentState {
        try await wait(for: id, "running", sourceLocation: sourceLocation) {
            $0.status == .running && $0.readyReplicas == $0.replicas && $0.replicaDetails.count == $0.replicas
        }
    }

    /// The operation once it has ended.
    func end(of id: String?) async throws -> CatapultAPI.Operation {
        let changes = signals.subscribe(id ?? "")
        while true {
            let now = try await operation(id)
            if now.state.isTerminal { return now }
            _ = try await ChangeSignals.next(changes, within: .seconds(60))
        }
    }

    /// Follows the log until it has a text in it.
    func waitForLog(of deployment: Deployment, toHave text: String) async throws {
        struct Found: Error {}
        let seen = NIOLockedValueBox("")
        do {
            try await Deadline.run(.seconds(30)) {
                try await service.followLogs(of: deployment, tail: 1_000) {
                } send: { lines in
                    let isThere = seen.withLockedValue {
                        $0 += lines.joined(separator: "\n")
                        return $0.contains(text)
                    }
                    if isThere { throw Found() }
                }
            }
        } catch is Found {}
    }
}

struct WaitedInVain: Error {}
