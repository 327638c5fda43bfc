import CatapultAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Everything of the outer world that the commands touch besides the network and files: a test replaces it as one value.
struct Surroundings: Sendable {
    /// The environment variables.
    var environment: [String: String]
    /// Where results go.
    var output: Sink
    /// Where progress, notes and errors go.
    var errors: Sink
    /// Where text is read from, such as a key or a question.
    var input: Source
    /// The time of day.
    var now: @Sendable () -> Timestamp
    /// The path of this tool's executable.
    var toolPath: String? = ServerProgram.ownPath()
    /// Hands the process over to another program.
    var become: @Sendable (_ program: String, _ arguments: [String]) throws -> Void = ServerProgram.become

    /// Those of this process.
    static let process = Surroundings(
        environment: ProcessInfo.processInfo.environment, output: .standardOutput, errors: .standardError, input: .standardInput,
        now: { Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) }
    )

    /// Those that the commands of this task see.
    @TaskLocal static var current = Surroundings.process
}
