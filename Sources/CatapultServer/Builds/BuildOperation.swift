import CatapultAPI
import ContainerEngine
import NIOConcurrencyHelpers
import SQLDatabase

/// The work of a build. An attempt that was cut short leaves nothing but the engine's cache, so the next one starts anew.
struct BuildOperation: OperationHandler {
    static let kind = OperationKind.build

    /// A build that takes longer is stopped. Large models over slow disks need minutes; a step that waits for a network needs for ever.
    static let timeLimit = Duration.seconds(3_600)

    /// How many builds run at the same time: the engine works on disk and CPU for each.
    let concurrency: Int
    var place: OperationPlace { .leader }

    private let database: Database
    private let engine: ContainerEngine
    private let templates: TemplateLibrary
    private let storage: StoragePaths
    private let baseImages: BaseImages
    private let timeLimit: Duration

    /// - Parameter baseImages: the build argument BASE_IMAGE of builds that do not give one.
    init(
        database: Database, engine: ContainerEngine, templates: TemplateLibrary, storage: StoragePaths, baseImages: BaseImages,
        concurrency: Int = 2, timeLimit: Duration = Self.timeLimit
    ) {
        self.database = database
        self.engine = engine
        self.templates = templates
        self.storage = storage
        self.baseImages = baseImages
        self.concurrency = concurrency
        self.timeLimit = timeLimit
    }

    /// What an attempt works on, as the database has it.
    private struct Plan: Sendable {
        var build: Build
        var version: Version
        var files: [VersionFile]
        var ignoresCache: Bool
    }

    func run(_ run: OperationRun) async throws -> JSONValue {
        let attempt = Attempt()
        do {
            return try await build(run, attempt)
        } catch let error where Self.isNoFault(of: error) {
            run.log.append("-- stopped\n")
            throw error
        } catch {
            let failure = BuildFailure.catapultError(for: error, step: attempt.step, folder: attempt.folder)
            let shown = ErrorMapping.catapultError(for: failure, requestID: run.operation.id)
            run.log.append("Build failed: \(shown.message)\n" + (shown.hint.map { "-- \($0)\n" } ?? ""))
            throw failure
        }
    }

    /// Whether an error says nothing of the build: it was cancelled, or is another attempt's to do.
    private static func isNoFault(of error: any Error) -> Bool {
        error is CancellationError || error is OperationLost || (error as? DatabaseError)?.isPassing == true
    }

    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {
        switch outcome {
        case .succeeded(let result):
            try BuildStore.succeed(operation.subjectID, digest: result["image_digest"]?.stringValue ?? "", in: connection)
        case .failed(let error):
            try BuildStore.end(operation.subjectID, .failed, message: error.message, in: connection)
        case .cancelled:
            try BuildStore.end(operation.subjectID, .cancelled, message: nil, in: connection)
        }
    }

    private func build(_ run: OperationRun, _ attempt: Attempt) async throws -> JSONValue {
        let id = run.operation.subjectID
        let plan = try await run.write { connection in
            let build = try BuildStore.resolve(id, for: .everything, in: connection)
            try BuildStore.begin(id, in: connection)
            return Plan(
                build: build, version: try VersionStore.resolve(build.versionID, for: .everything, in: connection),
                files: try VersionStore.files(of: build.versionID, in: connection),
                ignoresCache: try BuildStore.ignoresCache(id, in: connection))
        }
        try await run.progress(0.01, "looking at the files")
        let log = BuildLog(file: run.log)
        log.begin(plan.build, plan.version)
        let template = try plan.build.template.map { name throws(CatapultError) in try templates.contents().named(name) }
        guard let dockerfile = plan.build.dockerfileContent ?? template?.dockerfile else {
            throw CatapultError.conflict("no_dockerfile", "The build has neither a template nor a Dockerfile")
        }
        log.dockerfile(of: plan.build, template)
        let context = try await BuildContext(
            dockerfile: dockerfile + BuildLabels.instruction(for: plan.build, of: plan.version), template: template, version: plan.version,
            files: plan.files, storage: storage)
        let baseImage = baseImages.image(for: template?.name)
        let arguments = BuildArguments.all(
            asked: plan.build.buildArgs, modelFolder: BuildContext.modelName(of: plan.version), baseImage: baseImage)
        log.context(context, of: plan.version)
        log.arguments(arguments, of: plan.build, template, serverBase: baseImage)
        attempt.begin(contextBytes: context.archive.byteCount, folder: context.folder)

        let request = ImageBuildRequest(
            tags: [plan.build.imageTag], dockerfile: BuildContext.dockerfile, buildArguments: arguments, ignoresCache: plan.ignoresCache)
        let image = try await withTimeLimit { try await self.send(request, context, run, attempt) }
        run.log.append("-- image \(image)\n")
        return ["build_id": .string(plan.build.id), "image_tag": .string(plan.build.imageTag), "image_digest": .string(image)]
    }

    /// Has the engine build, and gives the image's id. Leaving early, by an error or a cancellation, closes the connection, and with that the
    /// engine ends the step that runs and removes its container.
    private func send(_ request: ImageBuildRequest, _ context: BuildContext, _ run: OperationRun, _ attempt: Attempt) async throws -> String
    {
        // A build must not fail for want of a progress bar.
        let tell = { @Sendable (report: BuildProgress.Report?) in
            if let report { try? await run.progress(report.share, report.message) }
        }
        let bytes = CountedBytes(base: context.archive) { count in await tell(attempt.update { $0.didSend(count) }) }
        var image: String?
        for try await message in try await engine.images.build(request, context: bytes) {
            if case .image(let id) = message { image = id }
            let (text, report) = attempt.update { $0.didSay(message) }
            if !text.isEmpty { run.log.append(text) }
            await tell(report)
        }
        guard let image else { throw ContainerEngineError.unexpectedResponse(message: "The engine's build ended without an image.") }
        return image
    }

    /// Unlike ``Deadline`` this waits for the work to have stopped: its end is part of the build.
    private func withTimeLimit(_ work: @escaping @Sendable () async throws -> String) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await work() }
            group.addTask { [timeLimit] in
                try await Task.sleep(for: timeLimit)
                throw Deadline.Exceeded(limit: timeLimit)
            }
            defer { group.cancelAll() }
            guard let image = try await group.next() else { throw CancellationError() }
            return image
        }
    }
}

/// What is known of an attempt while it runs; two tasks look at it, the one that sends and the one that listens.
private final class Attempt: Sendable {
    private struct State {
        var progress = BuildProgress(contextBytes: 0)
        var folder: String?
    }

    private let state = NIOLockedValueBox(State())

    var step: (number: Int, of: Int, instruction: String)? { state.withLockedValue { $0.progress.step } }
    var folder: String? { state.withLockedValue { $0.folder } }

    func begin(contextBytes: Int64, folder: String) {
        state.withLockedValue { $0 = State(progress: BuildProgress(contextBytes: contextBytes), folder: folder) }
    }

    func update<T>(_ change: (inout BuildProgress) -> T) -> T { state.withLockedValue { change(&$0.progress) } }
}

/// The lines that a build's log begins with, before the builder's own.
private struct BuildLog {
    let file: LogFile

    func begin(_ build: Build, _ version: Version) {
        line("build \(build.id) of \(version.modelName):\(version.version), to be called \(build.imageTag)")
    }

    func dockerfile(of build: Build, _ template: BuildTemplate?) {
        guard let template else { return line("Dockerfile: the one that came with the build") }
        line("template: \(template.name), \(TemplateChoice.reason(for: build))")
    }

    func context(_ context: BuildContext, of version: Version) {
        let files = context.listedFiles.map { "\($0) \($0 == 1 ? "file" : "files")" } ?? "all files"
        line("files: \(files) of \(version.cephPath ?? version.modelRepository); \(ByteCount.text(context.archive.byteCount)) to be sent")
    }

    /// Names only: a value may be a secret, though it stays readable in the image's history.
    func arguments(_ all: [String: String], of build: Build, _ template: BuildTemplate?, serverBase: String?) {
        if build.buildArgs["BASE_IMAGE"] != nil {
            line("base image: \(all["BASE_IMAGE"] ?? ""), given with the build")
        } else if let serverBase {
            line("base image: \(serverBase), set for this server")
        } else if let template {
            line("base image: \(template.manifest.baseImage), the template's")
        }
        line("build arguments: \(all.keys.sorted().joined(separator: ", "))")
        if let template {
            for name in BuildArguments.unknown(build.buildArgs, to: template.manifest) {
                line("note: the template \(template.name) does not know the build argument \(name)")
            }
        }
        file.append(String(repeating: "-", count: 50) + "\n")
    }

    private func line(_ text: String) { file.append("-- \(text)\n") }
}
