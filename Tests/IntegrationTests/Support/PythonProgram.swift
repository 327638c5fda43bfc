import Subprocess
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

extension TestServer {
    /// Runs a Python program beneath `Tests` with this server's address and admin key, and gives back what it printed and how it ended.
    func python(_ program: String, _ options: [String] = []) async throws -> CommandResult {
        let environment: [Subprocess.Environment.Key: String?] = [
            "PYTHONPATH": try TestMachine.pythonPackages, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
        ]
        let result = try await Subprocess.run(
            .name("python3"), arguments: Arguments(["\(TestMachine.tests)/\(program)", "--url", url, "--key", adminKey] + options),
            environment: .inherit.updating(environment), output: .string(limit: 8 << 20), error: .string(limit: 8 << 20))
        return CommandResult(status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
    }
}

/// Runs a Python program beneath `Tests`, with the folder of packages that it needs.
func python(_ program: String, _ arguments: [String], packages: String? = nil) async throws -> CommandResult {
    var environment: [Subprocess.Environment.Key: String?] = ["PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"]
    if let packages { environment["PYTHONPATH"] = packages }
    let result = try await Subprocess.run(
        .name("python3"), arguments: Arguments(["\(TestMachine.tests)/\(program)"] + arguments),
        environment: .inherit.updating(environment), output: .string(limit: 8 << 20), error: .string(limit: 8 << 20))
    return CommandResult(status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
}

extension TestServer {
    /// Stops the server, and expects its database to be whole: SQLite's own checks, and counters that count what is there.
    func expectConsistentDatabase(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await stop()
        let found = try await IntegrationTests.python("Fuzzing/consistency.py", ["\(data)/catapult.sqlite"])
        #expect(found.status == .exited(0), "\(found)", sourceLocation: sourceLocation)
    }
}
