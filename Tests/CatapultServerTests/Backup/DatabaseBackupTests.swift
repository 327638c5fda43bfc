import CatapultAPI
import DatabaseTesting
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

/// Backup and restore as the commands do them, with the programs that they run.
@Suite struct DatabaseBackupTests {
    /// The URL of a database, as --database-url has it.
    private static func url(_ configuration: Database.Configuration, _ server: PostgreSQLServer?) throws -> String {
        switch configuration.location {
        case .sqlite(let path): "sqlite://\(path)"
        case .postgresql(let url): try #require(server).url(ofDatabase: String(url.location.split(separator: "/").last ?? ""))
        }
    }

    private static func backup(_ url: String) throws -> DatabaseBackup {
        try DatabaseBackup(dataDirectory: "/nonexistent", databaseURL: url)
    }

    private static func open(_ url: String) async throws -> Database {
        try await Database.open(.init(url: url), migrations: Migrations.all, logger: CoreFixture.logger)
    }

    /// Makes a database with models, and hands over its URL, the database while it is open, and a folder.
    private static func withModels(
        on kind: TestDatabase, _ body: (_ url: String, _ database: Database, _ directory: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try await kind.withConfiguration(.server) { configuration in
                let url = try url(configuration, kind == .sqlite ? nil : .forTests())
                let database = try await open(url)
                do {
                    let models = ModelService(database: database, storage: try StoragePaths(root: "\(directory)/storage"))
                    for name in ["org/first", "zweites-Modell ä\t\\"] {
                        _ = try await models.create(
                            CreateModel(name: "m-\(name.count)", storagePath: "m", description: name), CoreFixture.context())
                    }
                    try await body(url, database, directory)
                } catch {
                    try? await database.close()
                    throw error
                }
                try await database.close()
            }
        }
    }

    /// Hands over the URL of a place into which a backup can be restored.
    private static func withTarget(on kind: TestDatabase, _ directory: String, _ body: (String) async throws -> Void) async throws {
        switch kind {
        case .sqlite: try await body("sqlite://\(directory)/restored.sqlite")
        case .postgresql: try await PostgreSQLServer.forTests().withDatabase(body)
        }
    }

    @Test(arguments: TestDatabase.all) func whatWasThereAtTheBackupIsThereAfterTheRestore(on kind: TestDatabase) async throws {
        try await Self.withModels(on: kind) { url, database, directory async throws in
            let file = "\(directory)/copy"
            let rows: @Sendable (any SQLConnection) throws -> [[String]] = { connection in
                try connection.fetchAll("SELECT id, name, description FROM models ORDER BY name") { row in
                    [try row.get(0), try row.get(1), try row.get(2)]
                }
            }
            let before = try await database.read(rows)
            let made = try await Self.backup(url).make(file)
            #expect(made.file == file && made.database == kind.rawValue && made.schemaVersion == Migrations.all.count && made.sizeBytes > 0)
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
            try await database.write { try $0.execute("UPDATE models SET description = 'later'") }

            try await Self.withTarget(on: kind, directory) { target async throws in
                let restored = try await Self.backup(target).restore(file)
                #expect(restored.schemaVersion == Migrations.all.count && restored.previous == nil)
                let copy = try await Self.open(target)
                #expect(try await copy.read(rows) == before && before.count == 2)
                // Triggers came along: counters count on.
                try await copy.write { try $0.execute("DELETE FROM models WHERE name = 'm-9'") }
                #expect(try await copy.read { try $0.fetchInt("SELECT n FROM counters WHERE name = 'models'") } == 1)
                try await copy.close()
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.contains("partial") }.isEmpty)
        }
    }

    @Test(arguments: TestDatabase.all) func aBackupNeverReplacesAFile(on kind: TestDatabase) async throws {
        try await Self.withModels(on: kind) { url, _, directory async throws in
            let file = "\(directory)/copy"
            try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
            await Self.expect(.conflict, "already") { _ = try await Self.backup(url).make(file) }
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
            await Self.expect(.failure, "") { _ = try await Self.backup(url).make("\(directory)/no/such/folder") }
        }
    }

    @Test(arguments: TestDatabase.all) func aRestoreReplacesNothingThatIsInUse(on kind: TestDatabase) async throws {
        try await Self.withModels(on: kind) { url, database, directory async throws in
            let file = "\(directory)/copy"
            _ = try await Self.backup(url).make(file)
            await Self.expect(.conflict, kind == .sqlite ? "in use by another server" : "has tables already") {
                _ = try await Self.backup(url).restore(file)
            }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM models") } == 2)
        }
    }

    @Test(arguments: TestDatabase.all) func aBackupOfANewerReleaseIsRefused(on kind: TestDatabase) async throws {
        try await Self.withModels(on: kind) { url, database, directory async throws in
            let file = "\(directory)/copy"
            let next = Migrations.all.count + 1
            try await database.write {
                try $0.execute("INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (\(next), 'later', 'f00', 0)")
            }
            #expect(try await Self.backup(url).make(file).schemaVersion == next)
            try await Self.withTarget(on: kind, directory) { target async throws in
                await Self.expect(.conflict, "schema version \(next)") { _ = try await Self.backup(target).restore(file) }
                // Nothing of it got in.
                try await Self.open(target).close()
            }
            try await database.write { try $0.execute("DELETE FROM schema_migrations WHERE number = \(next)") }
        }
    }

    @Test(arguments: TestDatabase.all) func whatIsNoBackupIsRefused(on kind: TestDatabase) async throws {
        try await withTemporaryDirectory { directory in
            try await Self.withTarget(on: kind, directory) { target async throws in
                let backup = try Self.backup(target)
                await Self.expect(.notFound, "cannot read") { _ = try await backup.restore("\(directory)/missing") }
                for (name, text) in [("empty", ""), ("text", "hello, this is not a backup at all")] {
                    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
                    await Self.expect(.conflict, "is no backup") { _ = try await backup.restore("\(directory)/\(name)") }
                }
                let other = kind == .sqlite ? "PGDMP\u{1}\u{E}garbage" : "SQLite format 3\0garbage"
                try Data(other.utf8).write(to: URL(fileURLWithPath: "\(directory)/other"))
                await Self.expect(.conflict, "does not lead") { _ = try await backup.restore("\(directory)/other") }
                let same = kind == .sqlite ? "SQLite format 3\0garbage" : "PGDMP\u{1}\u{E}garbage"
                try Data(same.utf8).write(to: URL(fileURLWithPath: "\(directory)/same"))
                await #expect(throws: BackupFailure.self) { _ = try await backup.restore("\(directory)/same") }
                // There is no database yet, or one without tables.
                await Self.expect(.notFound, "") { _ = try await backup.make("\(directory)/copy") }
                #expect(!FileManager.default.fileExists(atPath: "\(directory)/copy"))
            }
        }
    }

    /// The sentence or the hint contains `text`.
    private static func expect(
        _ meaning: BackupFailure.Meaning, _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ work: () async throws -> Void
    ) async {
        let failure = await #expect(throws: BackupFailure.self, sourceLocation: sourceLocation) { try await work() }
        #expect(failure?.meaning == meaning, "\(String(describing: failure))", sourceLocation: sourceLocation)
        #expect(
            text.isEmpty || "\(failure?.description ?? "") \(failure?.hint ?? "")".contains(text), "\(String(describing: failure))",
            sourceLocation: sourceLocation)
    }
}
