import Foundation
import Subprocess
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// One run of the executable `catapult-server`.
struct ServerProcess: Sendable {
    /// Where it listens, as it said on standard output.
    let url: String
    private let signal: @Sendable (Signal) throws -> Void
    private let run: Task<TerminationStatus, any Error>

    /// How a start failed.
    struct StartFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// Starts a server and waits until it says where it listens. Its log is appended to a file.
    static func start(_ options: [String], environment: [String: String], log: String) async throws -> ServerProcess {
        typealias Announcement = (url: String, signal: @Sendable (Signal) throws -> Void)
        let (announcements, announcement) = AsyncStream<Announcement>.makeStream()
        let executable = try "\(TestMachine.executables)/catapult-server"
        let errors = try FileDescriptor.open(log, .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
        let updates = Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value as String?) })
        let run = Task {
            defer { announcement.finish() }
            let result = try await Subprocess.run(
                .path(FilePath(executable)), arguments: Arguments(options), environment: .inherit.updating(updates), input: .none,
                output: .sequence,
                error: .fileDescriptor(errors, closeAfterSpawningProcess: true)
            ) { execution in
                for try await line in execution.standardOutput.strings() {
                    guard let range = line.range(of: " listens on ") else { continue }
                    announcement.yield((String(line[range.upperBound...]), { try execution.send(signal: $0) }))
                }
            }
            return result.terminationStatus
        }
        for await (url, signal) in announcements { return ServerProcess(url: url, signal: signal, run: run) }
        let status = try await run.value
        let words = (try? String(contentsOfFile: log, encoding: .utf8))?.suffix(2_000) ?? ""
        throw StartFailure(description: "catapult-server ended with \(status) before it listened: \(words)")
    }

    /// Starts a server and kills it with SIGKILL as soon as `isTime`, whether or not it listens by then.
    ///
    /// - Returns: whether it listened.
    static func startAndKill(
        _ options: [String], environment: [String: String], log: String, when isTime: @escaping @Sendable () throws -> Bool
    ) async throws -> Bool {
        let executable = try "\(TestMachine.executables)/catapult-server"
        let errors = try FileDescriptor.open(log, .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
        let updates = Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value as String?) })
        let result = try await Subprocess.run(
            .path(FilePath(executable)), arguments: Arguments(options), environment: .inherit.updating(updates), input: .none,
            output: .sequence, error: .fileDescriptor(errors, closeAfterSpawningProcess: true)
        ) { execution in
            // A file that grows tells nobody; the server's end without a kill is a failure of the test that waits.
            let end = ContinuousClock.now + .seconds(60)
            while try !isTime(), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(2)) }
            try execution.send(signal: .kill)
            var listened = false
            for try await line in execution.standardOutput.strings() where line.contains(" listens on ") { listened = true }
            return listened
        }
        return result.closureResult
    }

    /// Sends a signal.
    func send(_ signal: Signal) throws { try self.signal(signal) }

    /// Waits for the end.
    @discardableResult
    func end() async throws -> TerminationStatus { try await run.value }
}
