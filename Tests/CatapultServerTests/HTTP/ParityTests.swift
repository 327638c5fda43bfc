import CatapultAPI
import Foundation
import Testing

@testable import CatapultServer

@Suite struct ParityTests {
    /// A call that is declared and not served would be a promise in the SDK, the CLI and the documents that nobody keeps.
    @Test func everyDeclaredCallIsServed() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-parity-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var configuration = ServerConfiguration(dataDirectory: directory, templatesDirectory: "\(directory)/no-templates")
        configuration.adminKey = "admin.of-the-parity-test"
        let server = try await Server(configuration, logger: CoreFixture.logger)
        let declared = Set(Catalogue.calls.map { $0.name })
        #expect(declared.subtracting(server.handledCalls).isEmpty)
        #expect(server.handledCalls.subtracting(declared).isEmpty)
        await server.close()
    }
}
