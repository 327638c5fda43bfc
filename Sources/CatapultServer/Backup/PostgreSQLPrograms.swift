import Foundation
import Subprocess

/// Runs pg_dump, pg_restore and psql. What they need to reach the database is in their environment and never on their command line, which
/// every user of the machine may read.
struct PostgreSQLPrograms: Sendable {
    private let environment: Subprocess.Environment

    /// - Parameter environment: libpq's variables, besides those that this process has.
    init(environment: [String: String]) {
        let updates = environment.map { (Subprocess.Environment.Key(stringLiteral: $0.key), $0.value as String?) }
        self.environment = .inherit.updating(Dictionary(uniqueKeysWithValues: updates))
    }

    /// Runs a program to its end and gives its standard output.
    ///
    /// - Parameter byHand: what a person would type, where the program is installed, for the hint of an error.
    /// - Throws: ``BackupFailure`` where the program is missing or fails, in its own words.
    @discardableResult
    func run(_ program: String, _ arguments: [String], byHand: String) async throws -> String {
        var options = PlatformOptions()
        // Told to stop, they close their connections; the server ends what they ran.
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(5))]
        do {
            let result = try await Subprocess.run(
                .name(program), arguments: Arguments(arguments), environment: environment, platformOptions: options, input: .none,
                output: .string(limit: 4 << 20), error: .string(limit: 64 << 10))
            guard result.terminationStatus.isSuccess else {
                try Task.checkCancellation()
                throw BackupFailure(.failure, "\(program) failed: \(Self.words(result.standardError, or: "\(result.terminationStatus)"))")
            }
            return result.standardOutput
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw BackupFailure(
                .unavailable, "\(program) is not installed here; it comes with PostgreSQL's client programs",
                hint: "Install them (Debian: apt-get install postgresql-client), or run where they are, with PGPASSWORD or PGPASSFILE set "
                    + "if there is a password: \(byHand)")
        } catch let error as SubprocessError {
            throw BackupFailure(.failure, "\(program) cannot be run: \(error)")
        }
    }

    /// The first lines of what a program said, as one.
    private static func words(_ text: String, or fallback: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).prefix(4).map { $0.trimmingCharacters(in: .whitespaces) }
        return lines.isEmpty ? fallback : lines.joined(separator: "; ")
    }
}
