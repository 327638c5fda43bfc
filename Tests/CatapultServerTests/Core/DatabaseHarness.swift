import DatabaseTesting
import Foundation
import Logging
import SQLDatabase
import Testing

@testable import CatapultServer

extension TestSchema {
    /// The server's schema.
    static let server = TestSchema(name: "server", migrations: Migrations.all)
}

extension TestDatabase {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Opens a new database with the server's schema, and gives it with the path of an empty folder; both are gone afterwards.
    func open<Result>(
        _ signals: ChangeSignals = ChangeSignals(), _ body: (Database, _ directory: String) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            try await withConfiguration(.server) { configuration in
                let database = try await Database.open(
                    configuration, migrations: Migrations.all, logger: Self.quiet, lastStep: SearchIndexer.finish(signals))
                do {
                    let result = try await body(database, directory)
                    try await database.close()
                    return result
                } catch {
                    try? await database.close()
                    Issue.record("the next error came on \(self)")
                    throw error
                }
            }
        }
    }
}

extension Leader {
    /// A server that nobody contends with: on PostgreSQL it leads once its election runs.
    static func alone(_ database: Database, _ signals: ChangeSignals) -> Leader {
        Leader(
            server: ServerIdentity(url: "http://127.0.0.1:1"), database: database, signals: signals,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}
