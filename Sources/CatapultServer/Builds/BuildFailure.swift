import CatapultAPI
import ContainerEngine

/// What a failure in the middle of a build means to the person who asked for it.
enum BuildFailure {
    /// The contract's error.
    ///
    /// - Parameters:
    ///   - step: the step that ran, as ``BuildProgress`` knows it.
    ///   - folder: the model's folder on this server, which is taken out of messages.
    static func catapultError(
        for error: any Error, step: (number: Int, of: Int, instruction: String)?, folder: String?
    ) -> any Error {
        switch error {
        case let error as ContainerEngineError: engineError(error, step)
        case let error as TarError: tarError(error, folder)
        case let error as Deadline.Exceeded:
            CatapultError(
                status: 504, code: "build_timeout", type: "BuildTimeoutError",
                message: "The build was stopped: it took longer than \(error.limit.components.seconds) seconds",
                hint: "See in the log which step is slow; a base image that carries its dependencies makes it quick.")
        default: error
        }
    }

    private static func engineError(_ error: ContainerEngineError, _ step: (number: Int, of: Int, instruction: String)?) -> any Error {
        guard case .buildFailed(let message, let exitCode) = error else { return error }
        let place = step.map { " at step \($0.number)/\($0.of) (\($0.instruction.prefix(200)))" } ?? ""
        let code = exitCode.map { " with code \($0)" } ?? ""
        let isBase = step?.instruction.uppercased().hasPrefix("FROM ") == true
        return CatapultError(
            status: 500, code: "build_failed", type: "DockerBuildError", message: "Docker build failed\(code)\(place): \(message)",
            hint: isBase
                ? "The base image is not on the engine and cannot be pulled: give an image that is there as the build argument BASE_IMAGE (scripts/make-local-base.sh makes one)."
                : "The log has the output of the step.")
    }

    private static func tarError(_ error: TarError, _ folder: String?) -> CatapultError {
        // Clients know files by their place in the model, not by their place on the server.
        let text =
            folder.map { error.description.replacing("\($0)/", with: "").replacing($0, with: "the model's folder") } ?? error.description
        return .conflict(
            "files_changed", type: "FilesChangedError", "The build's files cannot be sent: \(text)",
            hint: "Put the files back as they were, or register a new version.")
    }
}
