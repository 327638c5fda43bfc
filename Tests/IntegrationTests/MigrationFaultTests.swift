import Catapult
import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// SIGKILL while a database of the first release is brought to this one's schema.
    @Suite struct MigrationFaults {
        private static let models = 20_000
        private static let versions = 100_000

        @Test func `a migration that is cut off again and again comes to its end, and no row is lost`() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "catapult-old-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: "\(folder)/data", withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let file = "\(folder)/data/catapult.sqlite"
            let made = try await python("Faults/older_database.py", [file, "\(Self.models)", "\(Self.versions)"])
            #expect(made.status == .exited(0), "\(made)")

            try await TestServer.run(data: "\(folder)/data", isStarted: false) { server in
                // The log that is written ahead grows with what has been changed and not committed.
                var cutOff = 0
                for megabytes in [1, 8, 16, 24] {
                    let listened = try await server.startAndKill { try Self.size(of: "\(file)-wal") >= megabytes << 20 }
                    if !listened { cutOff += 1 }
                }
                #expect(cutOff >= 2, "killed on the way, and not when all was done")

                try await server.start()
                #expect(try await server.send(ListVersions()).total == Self.versions)
                let everything = try await server.send(ListModels(includeOrphaned: true))
                #expect(everything.total == Self.models)
                let page = try await server.send(ListModels(search: "model-19998", serverType: .vllm))
                #expect(page.items.map(\.name) == ["team/model-19998"], "what the migration derives from rows is there")
                #expect(page.items.first?.versionCount == Self.versions / Self.models)
                try await waitForIndex(server)
                try await server.expectConsistentDatabase()
            }
        }

        /// Waits until the server has indexed all that the migration queued: it begins with the newest, so the first model is the last.
        private func waitForIndex(_ server: TestServer) async throws {
            while try await server.send(Search(q: "model-0", types: ["model"])).hits.first?.name != "team/model-0" {
                try await Task.sleep(for: .milliseconds(200))
            }
        }

        private static func size(of file: String) throws -> Int {
            (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
        }
    }
}
