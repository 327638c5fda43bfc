import Foundation
import Logging

/// Brings a database's schema to the program's version.
struct Migrator {
    let migrations: [Migration]
    let dialect: SQLDialect
    let logger: Logger

    /// What the database remembers of an applied migration.
    struct Record: Equatable {
        var number: Int
        var checksum: String
    }

    /// The migrations that a database with these records still needs, in order.
    static func pending(_ migrations: [Migration], applied: [Record], dialect: SQLDialect) throws(MigrationError) -> [Migration] {
        for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
            throw .numbering(expected: index + 1, found: migration.number)
        }
        if let newest = applied.last, newest.number > migrations.count {
            throw .databaseIsNewer(database: newest.number, program: migrations.count)
        }
        for (index, record) in applied.enumerated() {
            guard record.number == index + 1 else { throw .gapInHistory(missing: index + 1) }
            let migration = migrations[index]
            guard record.checksum == migration.checksum(for: dialect) else {
                throw .changed(number: migration.number, name: migration.name)
            }
        }
        return Array(migrations.dropFirst(applied.count))
    }

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
                Record(number: try row.get(0), checksum: try row.get(1))
            }
            let migration: Migration?
            do throws(MigrationError) {
                migration = try Self.pending(migrations, applied: applied, dialect: dialect).first
            } catch {
                throw DatabaseError.migration(error)
            }
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
