import DatabaseTesting
import Logging
import Testing

@testable import SQLDatabase

@Suite struct MigrationTests {
    private static let first = Migration(number: 1, name: "models", statements: ["CREATE TABLE models (id TEXT PRIMARY KEY)"])
    private static let second = Migration(
        number: 2, name: "tags",
        statements: ["CREATE TABLE tags (id TEXT); ; -- a comment\nCREATE INDEX tags_by_id ON tags (id);", "INSERT INTO tags VALUES ('x')"]
    )

    @Test(arguments: TestDatabase.all) func migrationsRunOnceAndInOrder(on kind: TestDatabase) async throws {
        try await kind.withConfiguration { configuration in
            for migrations in [[Self.first], [Self.first, Self.second], [Self.first, Self.second]] {
                try await openDatabase(configuration, migrations: migrations).close()
            }
            let database = try await openDatabase(configuration, migrations: [Self.first, Self.second])
            let records = try await database.read { connection in
                try connection.fetchAll("SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number") { row in
                    #expect(try row.get(3) as Int64 > 1_700_000_000_000_000)
                    return "\(try row.get(0) as Int) \(try row.get(1) as String) \((try row.get(2) as String).count)"
                }
            }
            #expect(records == ["1 models 16", "2 tags 16"])
            #expect(try await database.read { try $0.fetchColumn("SELECT id FROM tags", as: String.self) } == ["x"])
            #expect(try await database.read { try $0.exists($0.dialect.has("tags_by_id")) })
            try await database.close()
        }
    }

    @Test(arguments: TestDatabase.all) func aFailedMigrationLeavesNothingAndReleasesTheDatabase(on kind: TestDatabase) async throws {
        try await kind.withConfiguration { configuration in
            let broken = Migration(number: 2, name: "broken", statements: ["CREATE TABLE half (a BIGINT); INSERT INTO missing VALUES (1)"])
            let cause: DatabaseError =
                switch kind {
                case .sqlite: .syntax(sql: " INSERT INTO missing VALUES (1)", message: "no such table: missing")
                case .postgresql: .syntax(sql: "INSERT INTO missing VALUES (1)", message: #"relation "missing" does not exist"#)
                }
            await #expect(throws: DatabaseError.migration(.failed(number: 2, name: "broken", cause: cause))) {
                _ = try await openDatabase(configuration, migrations: [Self.first, broken])
            }
            let database = try await openDatabase(configuration, migrations: [Self.first])
            #expect(try await database.read { try !$0.exists($0.dialect.has("half")) })
            try await database.close()
        }
    }

    @Test(arguments: TestDatabase.all) func aMigrationCannotEndItsTransaction(on kind: TestDatabase) async throws {
        try await kind.withConfiguration { configuration in
            let sneaky = Migration(number: 1, name: "sneaky", statements: ["CREATE TABLE half (a BIGINT); COMMIT; SELECT 1"])
            let error = await #expect(throws: DatabaseError.self) {
                _ = try await openDatabase(configuration, migrations: [sneaky])
            }
            guard case .migration(.failed(1, "sneaky", .unsupported)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func statementsMayDependOnTheDialect() async throws {
        let migration = Migration(number: 1, name: "blobs") { ["CREATE TABLE blobs (b \($0.blobType))"] }
        #expect(migration.statements(for: .sqlite) == ["CREATE TABLE blobs (b BLOB)"])
        #expect(migration.statements(for: .postgresql) == ["CREATE TABLE blobs (b BYTEA)"])
        #expect(migration.checksum(for: .sqlite) != migration.checksum(for: .postgresql))
    }

    @Test func checksumsSeeEveryEdit() {
        let texts: [[String]] = [["a", "b"], ["ab"], ["a", "b", ""], ["b", "a"], ["a b"], []]
        let sums = Set(texts.map { Migration(number: 1, name: "m", statements: $0).checksum(for: .sqlite) })
        #expect(sums.count == texts.count)
        // A stored sum must stay valid for ever.
        #expect(Migration(number: 1, name: "m", statements: []).checksum(for: .sqlite) == "cbf29ce484222325")
    }

    @Test func numbersMustBeConsecutive() {
        let third = Migration(number: 3, name: "c", statements: [])
        expectRefusal([Self.first, third], applied: [], .numbering(expected: 2, found: 3))
        expectRefusal([Self.first, Self.first], applied: [], .numbering(expected: 2, found: 1))
        expectRefusal([Self.second], applied: [], .numbering(expected: 1, found: 2))
    }

    @Test func aChangedMigrationIsRefused() {
        expectRefusal([Self.first], applied: [.init(number: 1, checksum: "0")], .changed(number: 1, name: "models"))
    }

    @Test func aNewerDatabaseIsRefused() {
        let records = [Self.first, Self.second].map { SchemaHistory.Record(number: $0.number, checksum: $0.checksum(for: .sqlite)) }
        expectRefusal([Self.first], applied: records, .databaseIsNewer(database: 2, program: 1))
    }

    @Test func aGapInTheHistoryIsRefused() {
        let records = [SchemaHistory.Record(number: 2, checksum: Self.second.checksum(for: .sqlite))]
        expectRefusal([Self.first, Self.second], applied: records, .gapInHistory(missing: 1))
    }

    @Test(arguments: TestDatabase.all) func theRefusalsReachWhoOpensTheDatabase(on kind: TestDatabase) async throws {
        try await kind.withConfiguration { configuration in
            try await openDatabase(configuration, migrations: [Self.first, Self.second]).close()
            await #expect(throws: DatabaseError.migration(.databaseIsNewer(database: 2, program: 1))) {
                _ = try await openDatabase(configuration, migrations: [Self.first])
            }
            let edited = Migration(number: 2, name: "tags", statements: ["CREATE TABLE tags (id BIGINT)"])
            await #expect(throws: DatabaseError.migration(.changed(number: 2, name: "tags"))) {
                _ = try await openDatabase(configuration, migrations: [Self.first, edited])
            }
        }
    }

    /// What several servers on one shared database do: each applies what the others have not.
    @Test(arguments: TestDatabase.all) func concurrentMigratorsApplyEachMigrationOnce(on kind: TestDatabase) async throws {
        try await kind.withConfiguration { configuration in
            let backend: any DatabaseBackend =
                switch configuration.location {
                case .sqlite(let path): try await SQLiteBackend.open(path: path, configuration: configuration)
                case .postgresql(let url): try await PostgreSQLBackend.open(url, configuration: configuration)
                }
            let migrator = Migrator(
                migrations: [Self.first, Self.second], dialect: backend.dialect, logger: .init(label: "t") { _ in SwiftLogNoOpLogHandler() }
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await migrator.run(on: backend) } }
                try await group.waitForAll()
            }
            #expect(try await backend.read { try $0.fetchInt("SELECT count(*) FROM tags") } == 1)
            try await backend.close()
        }
    }

    private func expectRefusal(_ migrations: [Migration], applied: [SchemaHistory.Record], _ expected: MigrationError) {
        #expect(throws: DatabaseError.migration(expected)) { try SchemaHistory(applied).pending(of: migrations, for: .sqlite) }
    }
}
