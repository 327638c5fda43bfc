import CatapultAPI
import Synchronization

@testable import CatapultCLI

/// The surroundings of a command in a test: what it wrote can be read, and nothing of this process's environment gets in.
final class Stage: Sendable {
    private let written = Mutex<(output: String, errors: String)>(("", ""))
    private let environment: [String: String]
    private let input: String
    private let terminalWidth: Int?

    var output: String { written.withLock { $0.output } }
    var errors: String { written.withLock { $0.errors } }

    init(environment: [String: String] = [:], input: String = "", terminalWidth: Int? = nil) {
        self.environment = ["HOME": "/nonexistent"].merging(environment) { $1 }
        self.input = input
        self.terminalWidth = terminalWidth
    }

    var surroundings: Surroundings {
        let input = input
        return Surroundings(
            environment: environment,
            output: Sink(isTerminal: terminalWidth != nil, width: terminalWidth) { text in self.written.withLock { $0.output += text } },
            errors: Sink(isTerminal: terminalWidth != nil, width: terminalWidth) { text in self.written.withLock { $0.errors += text } },
            input: Source(isTerminal: false, readAll: { _ in input }, readLine: { _ in nil }),
            now: { Stage.now }
        )
    }

    /// The time of day in tests.
    static let now = Timestamp(microseconds: 1_790_000_000_000_000)

    /// Runs a command line against a server.
    func run(_ arguments: String...) async -> ToolStatus { await Tool.run(arguments, in: surroundings) }
}
