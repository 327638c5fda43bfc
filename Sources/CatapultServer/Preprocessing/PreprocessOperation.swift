import CatapultAPI
import ContainerEngine
import Glibc
import SQLDatabase

/// Runs a program over a model's files, in a container that can do nothing else.
///
/// An attempt that was cut short leaves its container under the operation's name; the next one removes it and begins anew.
struct PreprocessOperation: OperationHandler {
    static let kind = OperationKind.preprocess
    /// A program that takes longer is stopped.
    static let timeLimit = Duration.seconds(24 * 3_600)
    private static let maximumProcesses: Int64 = 4_096
    private static let temporaryBytes: Int64 = 4 << 30

    let storage: StoragePaths
    let engine: ContainerEngine
    var timeLimit = Self.timeLimit
    /// One at a time: it may use the whole host.
    var concurrency: Int { 1 }
    var place: OperationPlace { .leader }

    func run(_ run: OperationRun) async throws -> JSONValue {
        let input = try await run.input(PreprocessInput.self)
        let (id, modelID) = (run.operation.id, run.operation.subjectID)
        let model = try await run.write { connection in
            try PreprocessRecord("running", operation: id).store(of: modelID, in: connection)
            return try ModelStore.resolve(modelID, for: .everything, in: connection)
        }
        let name = "catapult-preprocess-\(id)"
        let specification = try Self.specification(input, PreprocessMounts(input.mounts, of: model, storage).resolved(), operation: id)
        try await remove(name)
        run.log.append("-- preprocessing \(model.name) with \(input.image)\n")
        _ = try await engine.containers.create(specification, name: name)
        let exit: ContainerExit
        do {
            exit = try await follow(name, run)
        } catch {
            // Also where this task was cancelled: the removal must not be.
            await Task { try? await remove(name) }.value
            throw error
        }
        try await remove(name)
        run.log.append("-- ended with exit code \(exit.code)\n")
        guard exit.code == 0 else {
            throw CatapultError(
                status: 500, code: "preprocessing_failed", type: "PreprocessingError",
                message: "The program ended with exit code \(exit.code)",
                hint: "`mcp operation logs \(id)` shows what it printed.")
        }
        return ["model_id": .string(model.id), "exit_code": .int(Int64(exit.code))]
    }

    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {
        let record =
            switch outcome {
            case .succeeded: PreprocessRecord("completed", operation: operation.id)
            case .failed(let error): PreprocessRecord("failed", operation: operation.id, error: error.message)
            case .cancelled: PreprocessRecord("cancelled", operation: operation.id)
            }
        try record.store(of: operation.subjectID, in: connection)
    }

    private static func specification(
        _ input: PreprocessInput, _ mounts: [ContainerSpecification.Mount], operation id: String
    ) -> ContainerSpecification {
        var specification = ContainerSpecification(
            image: input.image, command: input.command?.isEmpty == false ? input.command : nil,
            labels: [ContainerLabel.managed: "true", "catapult.operation": id], mounts: mounts)
        // Whoever owns the storage root owns what is written there.
        specification.user = "\(getuid()):\(getgid())"
        specification.temporaryFileSystems = ["/tmp": .init(sizeBytes: temporaryBytes)]
        specification.resources = .init(maximumProcesses: maximumProcesses)
        specification.security = .hardened
        specification.gpus = input.gpu ? .count(1) : nil
        specification.network = "none"
        specification.usesInit = true
        specification.healthCheck = .disabled
        specification.logRetention = .init(fileBytes: 10 << 20, files: 3)
        return specification
    }

    /// Starts the container, copies what it prints, and waits for its end.
    private func follow(_ name: String, _ run: OperationRun) async throws -> ContainerExit {
        try await engine.containers.start(name)
        try? await run.progress(0.05, "the program runs")
        return try await withThrowingTaskGroup(of: ContainerExit.self) { group in
            group.addTask {
                for try await line in try await engine.containers.logs(of: name, LogOptions(follow: true, timestamps: false)) {
                    run.log.append(line.text + "\n")
                }
                return try await engine.containers.wait(for: name)
            }
            group.addTask {
                try await Task.sleep(for: timeLimit)
                throw CatapultError(
                    status: 504, code: "preprocessing_timeout", type: "PreprocessingTimeoutError",
                    message: "The program was stopped: it ran for longer than \(timeLimit.components.seconds) seconds")
            }
            defer { group.cancelAll() }
            guard let exit = try await group.next() else { throw CancellationError() }
            return exit
        }
    }

    private func remove(_ name: String) async throws {
        do {
            try await engine.containers.remove(name, force: true)
        } catch let error as ContainerEngineError where error.isNotFound {
            // There is none.
        }
    }
}
