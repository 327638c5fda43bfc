import DatabaseTesting
import Foundation
import Testing

extension Integration {
    /// SIGKILL while clients write everything that a registry holds; CATAPULT_TEST_FAULT_SECONDS makes it go on for longer.
    @Suite(.wherePythonIsPrepared) struct KillUnderLoad {
        private static let seconds = ProcessInfo.processInfo.environment["CATAPULT_TEST_FAULT_SECONDS"] ?? "10"

        @Test(arguments: TestDatabase.all)
        func `whatever was acknowledged is there, and all that is kept twice agrees`(_ database: TestDatabase) async throws {
            var options = [
                "--server", try "\(TestMachine.executables)/catapult-server", "--templates", TestMachine.templates, "--seconds",
                Self.seconds,
            ]
            if database == .postgresql { options += ["--postgres", try PostgreSQLServer.forTests().url] }
            let run = try await python("Faults/kill_under_load.py", options, packages: try TestMachine.pythonPackages)
            #expect(run.status == .exited(0), "\(run)")
        }
    }
}
