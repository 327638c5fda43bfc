import Foundation
import Logging
import Testing

@testable import SQLDatabase

@Suite struct DatabaseTests {
    @Test func writesAndReads() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let migration = Migration(number: 1, name: "models", statements: ["CREATE TABLE models (id TEXT PRIMARY KEY, size BIGINT)"])
        let database = try await Database.open(
            .init(location: .sqlite(path: directory.appendingPathComponent("a.sqlite").path)), migrations: [migration],
            logger: Logger(label: "t")
        )
        let changed = try await database.write { try $0.execute("INSERT INTO models VALUES (\("a"), \(3)), ('b', \(Int?.none))") }
        #expect(changed == 2)
        let rows = try await database.read { connection in
            try connection.fetchAll("SELECT id, size FROM models ORDER BY id") { row in
                var columns = row.cursor()
                return (try columns.next(String.self), try columns.next(Int?.self))
            }.map { "\($0.0) \($0.1 ?? -1)" }
        }
        #expect(rows == ["a 3", "b -1"])
        await #expect(throws: DatabaseError.readOnly) { try await database.read { try $0.execute("DELETE FROM models") } }
        try await database.close()
        await #expect(throws: DatabaseError.closed) { try await database.ping() }
        await #expect(throws: DatabaseError.closed) { try await database.write { _ in } }
    }
}
