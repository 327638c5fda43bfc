import Foundation
import Testing

/// What `scripts/test.sh` prepares for the integration tests, as it names it in the environment.
enum TestMachine {
    private static let environment = ProcessInfo.processInfo.environment

    /// Under CI nothing is left out: what is missing fails.
    static var isCI: Bool { environment["CI"] == "true" }

    /// Folder of the executables under test.
    static var executables: String { get throws { try setting("CATAPULT_BIN_DIR") } }
    /// Image that the template llama-cpp builds on without a network.
    static var baseImage: String { get throws { try setting("CATAPULT_TEST_BASE_IMAGE") } }
    /// Folder with the tiny model, `tiny.gguf`.
    static var modelFolder: String { get throws { try setting("CATAPULT_TEST_MODEL_DIR") } }
    /// Folder of the Python packages that the programs beneath `Tests` need.
    static var pythonPackages: String { get throws { try setting("CATAPULT_TEST_PYTHON") } }
    /// What the tiny model answers to everything.
    static let answer = "Hello! I am a tiny language model with random weights, and I always say this."

    /// True where everything is there.
    static var isPrepared: Bool {
        environment["CATAPULT_TEST_ENGINE"] == "available" && (try? (executables, baseImage, modelFolder)) != nil
    }

    private static let checkout = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized
    /// The templates of this checkout.
    static let templates = checkout.appending(path: "Templates").path
    /// The tests of this checkout, with their Python programs.
    static let tests = checkout.appending(path: "Tests").path

    private static func setting(_ name: String) throws -> String {
        try #require(environment[name], "\(name) is not set: run the integration tests with scripts/test.sh")
    }
}

extension Trait where Self == ConditionTrait {
    /// Leaves tests out where engine, base image or executables are missing, except under `CI=true`, where they fail and say so.
    static var whereMachineIsPrepared: ConditionTrait {
        .enabled(
            if: TestMachine.isCI || TestMachine.isPrepared,
            "The integration tests need what scripts/test.sh prepares: an engine, a base image, the tiny model and the executables.")
    }

    /// Leaves tests out where the Python packages are missing, except under `CI=true`.
    static var wherePythonIsPrepared: ConditionTrait {
        .enabled(
            if: TestMachine.isCI || (try? TestMachine.pythonPackages) != nil,
            "Needs the Python packages of Tests/requirements.txt, which scripts/test.sh installs.")
    }
}

/// All integration tests: one after another, since they share one engine and two cores.
@Suite(.serialized, .whereMachineIsPrepared, .timeLimit(.minutes(10)))
struct Integration {}
