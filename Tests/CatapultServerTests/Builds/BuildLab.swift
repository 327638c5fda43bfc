import CatapultAPI
import ContainerEngine
import DatabaseTesting
import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import SQLDatabase
import Testing

@testable import CatapultServer

/// The parts of a server that make builds, with a database, a storage root and templates of their own, and the machine's engine.
struct BuildLab: Sendable {
    let directory: String
    let database: Database
    let storage: StoragePaths
    let templates: TemplateLibrary
    let signals: ChangeSignals
    let logs: LogFiles
    let engine: ContainerEngine
    let leader: Leader
    let runner: OperationRunner
    let planner: BuildPlanner
    let service: BuildService
    let operations: OperationService

    static let logger = Logger(label: "builds") { _ in SwiftLogNoOpLogHandler() }
    static let context = CallContext(
        caller: Caller(keyID: "k", name: "tester", role: .operator, scope: .everything), scope: .everything, requestID: "r",
        address: "127.0.0.1", face: "rest",
        action: CreateBuild.audit, logger: logger)

    /// Makes the parts, hands them to `body`, and removes all that they made.
    ///
    /// - Parameters:
    ///   - host: another engine than the machine's.
    ///   - baseImage: the server's BASE_IMAGE.
    static func with<Result>(
        on database: TestDatabase = .sqlite, host: EngineHost? = nil, baseImage: String? = nil,
        timeLimit: Duration = BuildOperation.timeLimit, _ body: (BuildLab) async throws -> Result
    ) async throws -> Result {
        let configuration = ContainerEngine.Configuration(host: try host ?? EngineHost())
        return try await database.open { database, directory in
            try await ContainerEngine.withEngine(configuration, logger: logger) { engine in
                try await body(try BuildLab(directory, database, engine, baseImage: baseImage, timeLimit: timeLimit))
            }
        }
    }

    static func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "catapult-builds-\(UUID().uuidString.prefix(13))").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try await body(directory)
    }

    private init(_ directory: String, _ database: Database, _ engine: ContainerEngine, baseImage: String?, timeLimit: Duration) throws {
        self.directory = directory
        self.database = database
        self.engine = engine
        storage = try StoragePaths(root: "\(directory)/storage")
        try FileManager.default.createDirectory(atPath: "\(directory)/templates", withIntermediateDirectories: false)
        templates = TemplateLibrary(directory: "\(directory)/templates", logger: Self.logger)
        signals = ChangeSignals()
        logs = try LogFiles(directory: "\(directory)/logs")
        let shared = SharedLogs(files: logs, database: database, signals: signals, logger: Self.logger)
        leader = Leader.alone(database, signals)
        let operation = BuildOperation(
            database: database, engine: engine, templates: templates, storage: storage,
            baseImages: baseImage.flatMap { BaseImages($0) } ?? BaseImages(), timeLimit: timeLimit)
        runner = OperationRunner(
            database: database, signals: signals, logs: shared, leader: leader, handlers: [operation], logger: Self.logger)
        planner = BuildPlanner(templates: templates, storage: storage, signals: signals)
        service = BuildService(
            database: database, planner: planner, probe: EngineProbe(engine: engine), runner: runner, signals: signals, logs: shared)
        operations = OperationService(database: database, runner: runner, signals: signals, logs: shared)
    }

    /// Runs the workers as long as `body` does.
    func working<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        let (runner, leader) = (runner, leader)
        let workers = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await leader.run() }
                group.addTask { try await runner.run() }
                try await group.waitForAll()
            }
        }
        do {
            let result = try await body()
            workers.cancel()
            _ = await workers.result
            return result
        } catch {
            workers.cancel()
            _ = await workers.result
            throw error
        }
    }

    // MARK: Things to build

    func write(_ text: String, to path: String) throws {
        let file = "\(directory)/\(path)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
    }

    /// A template whose one step runs a script in the base image.
    func addTemplate(_ name: String = "script", types: [String] = ["generic"], script: String = "echo made") throws {
        try write(Self.manifest(name, types: types), to: "templates/\(name)/template.yml")
        try write(
            """
            ARG BASE_IMAGE=catapult-builds-none:1
            FROM ${BASE_IMAGE}
            COPY run.sh /run.sh
            RUN ["/bin/sh", "/run.sh"]
            ARG MODEL_NAME=model
            COPY model/ /models/${MODEL_NAME}/
            """, to: "templates/\(name)/Dockerfile")
        try write(script + "\n", to: "templates/\(name)/run.sh")
    }

    static func manifest(_ name: String, types: [String] = ["generic"]) -> String {
        """
        name: \(name)
        summary: Runs a script
        server_types: [\(types.joined(separator: ", "))]
        dockerfile: Dockerfile
        files: [run.sh]
        model_path: model
        base_image: catapult-builds-none:1
        build_args:
          - {name: MODEL_NAME, description: Name of the model}
          - {name: BASE_IMAGE, description: An image with a shell}
        environment:
          - {name: CTX, default: "2048", description: Context window}
        port: 8000
        health_path: /health
        start_grace_seconds: 60
        stop_grace_seconds: 10
        requires_gpu: false
        endpoints: [/health]
        """
    }

    /// A version whose files lie in the storage root.
    @discardableResult
    func addVersion(
        model name: String = "Team/Tiny Model", version: String = "1.0", quantization: String? = nil, serverType: ServerType? = .generic,
        files: [String: String] = ["weights.bin": "weights", "parts/a.bin": "a"], stored: Bool = true, listed: Bool = true,
        cephPath: String? = nil
    ) async throws -> Version {
        let folder = "models/\(BuildArguments.sanitised(name))"
        let now = Timestamp.now
        let model = Model(
            id: Identifier.make(), name: name, storagePath: folder, repository: nil, company: nil, baseModel: nil, parameterCount: nil,
            description: nil, tags: [], metadata: [:], requiresGPU: false, serverType: serverType, source: .manual, versionCount: 0,
            createdAt: now, updatedAt: now)
        for (path, text) in files where stored { try write(text, to: "storage/\(cephPath ?? folder)/\(path)") }
        let list =
            listed
            ? files.map {
                VersionFile(path: $0.key, sizeBytes: Int64($0.value.utf8.count), sha256: String(repeating: "0", count: 64), stored: stored)
            }
            : []
        let result = Version(
            id: Identifier.make(), modelID: model.id, modelName: name, modelStoragePath: folder, version: version, tag: version,
            digest: "sha256:0", quantization: quantization, sizeBytes: nil, platform: "linux/amd64", architecture: "amd64", os: "linux",
            releaseNotes: nil, metadata: ["kept": true], cephPath: cephPath, mlflowURL: nil, isRelease: false, status: .active,
            fileCount: list.count, missingFiles: stored ? 0 : list.count, createdAt: now)
        try await database.write { connection in
            if try !connection.exists("SELECT 1 FROM models WHERE name = \(name)") { try ModelStore.insert(model, in: connection) }
            var version = result
            version.modelID = try ModelStore.resolve(name, for: .everything, in: connection).id
            try VersionStore.insert(version, files: list, in: connection)
        }
        return try await self.version(result.id)
    }

    func version(_ id: String) async throws -> Version {
        try await database.read { try VersionStore.resolve(id, for: .everything, in: $0) }
    }

    // MARK: Waiting

    /// The build once it has ended.
    func end(of build: Build) async throws -> Build {
        let changes = signals.subscribe(build.operationID)
        while true {
            let now = try await service.get(build.id, BuildLab.context)
            if now.status.isTerminal { return now }
            _ = try await ChangeSignals.next(changes, within: .seconds(60))
        }
    }

    /// Follows a log until it has a text in it.
    func waitForLog(of build: Build, toHave text: String) async throws {
        struct Found: Error {}
        let seen = Box("")
        do {
            try await logs.follow(build.operationID, keepAlive: ByteBuffer()) {
                false
            } send: { bytes in
                if seen.append(String(buffer: bytes)).contains(text) { throw Found() }
            }
        } catch is Found {}
    }

    func log(of build: Build) async throws -> String { try await service.log(GetBuildLogs(buildID: build.id), BuildLab.context).logs }

    private final class Box: Sendable {
        private let text: NIOLockedValueBox<String>
        init(_ text: String) { self.text = NIOLockedValueBox(text) }
        func append(_ more: String) -> String {
            text.withLockedValue {
                $0 += more
                return $0
            }
        }
    }
}

/// An image of nothing but busybox, and the labels by which all that came of it is found and removed.
struct BuildBase: Sendable {
    let engine: ContainerEngine
    let image: String
    let label: String

    /// A name for an image that no other run uses.
    func tag(_ purpose: String) -> String { "catapult-builds-\(purpose)-\(label):1" }

    static func with<Result>(_ body: (BuildBase) async throws -> Result) async throws -> Result {
        try await ContainerEngine.withEngine(.fromEnvironment(), logger: BuildLab.logger) { engine in
            let label = UUID().uuidString.lowercased().prefix(8).description
            let base = BuildBase(engine: engine, image: "catapult-builds-base-\(label):1", label: label)
            var archive = TarArchive()
            archive.addFile("/bin/busybox", at: "bin/busybox")
            for tool in ["sh", "sleep", "echo", "cat"] { archive.addSymbolicLink(to: "busybox", at: "bin/\(tool)") }
            _ = try await engine.images.importImage(
                try await archive.prepare(), as: base.image, changes: ["LABEL catapult.test=\(label)"])
            do {
                let result = try await body(base)
                try await base.removeAll()
                return result
            } catch {
                try? await base.removeAll()
                throw error
            }
        }
    }

    /// Containers that steps run in; they have the labels of the base image.
    func containers() async throws -> [ContainerSummary] {
        try await engine.containers.list(all: true, labels: ["catapult.test": label])
    }

    /// Returns once there is no such container any more: an engine removes that of a stopped step after the connection is closed.
    func containersAreGone() async throws {
        // Listening comes first, so that no end is missed between looking and waiting.
        let ends = try await engine.events(EventFilter(subjects: [.container], labels: ["catapult.test": label], actions: ["destroy"]))
        if try await containers().isEmpty { return }
        for try await _ in ends where try await containers().isEmpty { return }
    }

    private func removeAll() async throws {
        for container in try await containers() { try? await engine.containers.remove(container.id, force: true) }
        // Removing an image removes the unnamed ones beneath it; so often until none is left. One that a stopped step is just leaving cannot be
        // removed at once, and the engine tells of no event for that.
        for attempt in 0..<50 {
            let images = try await engine.images.list(labels: ["catapult.test": label])
            if images.isEmpty { return }
            if attempt > 0 { try await Task.sleep(for: .milliseconds(100)) }
            for image in images { _ = try? await engine.images.remove(image.id, force: true) }
        }
        Issue.record("images of the test are left: label catapult.test=\(label)")
    }
}

extension Trait where Self == ConditionTrait {
    /// Leaves tests out where there is no engine, except under `CI=true`, where they fail and say so.
    static var whereBuildsCanRun: ConditionTrait {
        .enabled("No container engine answers at DOCKER_HOST or the standard socket: these tests are left out.") {
            if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
            do {
                try await ContainerEngine.withEngine(.fromEnvironment(), logger: BuildLab.logger) { try await $0.system.ping() }
                return true
            } catch {
                return false
            }
        }
    }
}
