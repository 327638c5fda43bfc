import Foundation
import Logging

/// Brings a database's schema to the program's version.
struct Migrator {
    let migrations: [Migration]
    let dialect: SQLDialect
    let logger: Logger

    /// Applies what is missing. Each migration runs in a transaction that holds the write lock and reads the records again, so that of
    /// several servers that start at once, one applies it and the others see it applied.
    func run(on backend: any DatabaseBackend) async throws {
        while let migration = try await applyNext(on: backend) {
            logger.info("applied migration", metadata: ["number": "\(migration.number)", "name": "\(migration.name)"])
        }
    }

    private func applyNext(on backend: any DatabaseBackend) async throws -> Migration? {
        try await backend.migrate { connection in
            try connection.execute(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
                )
                """
            )
            let applied = try connection.fetchAll("SELECT number, checksum FROM schema_migrations ORDER BY number") { row in
                SchemaHistory.Record(number: try row.get(0), checksum: try row.get(1))
            }
            let migration = try SchemaHistory(applied).pending(of: migrations, for: dialect).first
            if let migration { try apply(migration, connection) }
            return migration
        }
    }

    private func apply(_ migration: Migration, _ connection: any SQLConnection) throws {
        do {
            for script in migration.statements(for: dialect) {
                try connection.executeScript(script)
            }
        } catch let error as DatabaseError {
            throw DatabaseError.migration(.failed(number: migration.number, name: migration.name, cause: error))
        }
        let microseconds = Int64((Date().timeIntervalSince1970 * 1_000_000).rounded())
        try connection.execute(
            """
            INSERT INTO schema_migrations (number, name, checksum, applied_at)
            VALUES (\(migration.number), \(migration.name), \(migration.checksum(for: dialect)), \(microseconds))
            """
        )
    }
}
