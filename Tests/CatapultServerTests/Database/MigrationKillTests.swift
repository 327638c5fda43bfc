import DatabaseTesting
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

/// SIGKILL while a PostgreSQL database of the first release is brought to this one's schema: each step is there as a whole or not at all.
/// (IntegrationTests does the same to the embedded database.)
@Suite(
    .enabled(
        if: TestDatabase.postgreSQLServer != nil && ProcessInfo.processInfo.environment["CATAPULT_BIN_DIR"] != nil,
        "needs what scripts/test.sh prepares"))
struct MigrationKillTests {
    private static let models = 4_000
    private static let versions = 40_000

    @Test(.timeLimit(.minutes(5))) func aServerThatIsKilledWhileItMigratesLeavesADatabaseThatTheNextOneFinishes() async throws {
        try await withTemporaryDirectory { directory in
            try await PostgreSQLServer.forTests().withDatabase { url in
                let server = PostgreSQLServer(url: url)
                try await Self.fill(url)
                var stopped: [Int] = []
                for step in 5..<Migrations.all.count {
                    let run = try Run(url, directory)
                    // Killed as soon as it is in the next step, wherever that is.
                    while true {
                        let (newest, isAtWork) = try await Self.look(server)
                        if newest >= step && isAtWork || newest == Migrations.all.count { break }
                    }
                    await run.end(SIGKILL)
                    stopped.append(try await Self.look(server).newest)
                }
                #expect(stopped.count { $0 < Migrations.all.count } >= 2, "killed on the way, and not when all was done: \(stopped)")

                let run = try Run(url, directory)
                while try await Self.look(server).newest < Migrations.all.count {}
                await run.end(SIGTERM)
                try await Self.expectWhole(url)
            }
        }
    }

    /// A database as the first release left it, with rows.
    private static func fill(_ url: String) async throws {
        let database = try await Database.open(
            .init(url: url), migrations: Array(Migrations.all.prefix(5)), logger: CoreFixture.logger)
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO models (id, name, storage_path, tags, metadata, requires_gpu, server_type, source, created_at, updated_at)
                SELECT 'm' || n, 'team/model-' || n, 'm', '[]', '{}', FALSE, CASE WHEN n % 2 = 0 THEN 'vllm' END,
                    CASE WHEN n % 10 = 0 THEN 'orphaned' ELSE 'manual' END, n, n
                FROM generate_series(1, \(Self.models)) n
                """)
            try connection.execute(
                """
                INSERT INTO versions (id, model_id, version, tag, digest, size_bytes, platform, architecture, os, metadata, is_release, status,
                    created_at)
                SELECT 'v' || n, 'm' || (n % \(Self.models) + 1), 'v' || n, 't', 'd', 3, 'p', 'a', 'o', '{}', n % 5 = 0, 'active', n
                FROM generate_series(1, \(Self.versions)) n
                """)
        }
        try await database.close()
    }

    /// The last step that is there as a whole, and whether a transaction is open that has written.
    private static func look(_ server: PostgreSQLServer) async throws -> (newest: Int, isAtWork: Bool) {
        let words = try await server.run(
            """
            SELECT max(number), (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL)
            FROM schema_migrations
            """
        ).trimmingCharacters(in: .whitespacesAndNewlines).split(separator: "|")
        return (Int(try #require(words.first)) ?? 0, words.last != "0")
    }

    /// The schema is that of a new database, and what is derived from rows fits them.
    private static func expectWhole(_ url: String) async throws {
        let migrated = try await Database.open(.init(url: url), migrations: Migrations.all, logger: CoreFixture.logger)
        let schema = try await schema(of: migrated)
        let fresh = try await TestDatabase.postgresql.open { database, _ in try await Self.schema(of: database) }
        #expect(Set(schema).symmetricDifference(fresh) == [])
        let numbers = try await migrated.read { connection in
            try [
                "SELECT n FROM counters WHERE name = 'versions'", "SELECT CAST(sum(n) AS BIGINT) FROM version_counts",
                "SELECT count(*) FROM versions", "SELECT CAST(sum(version_count) AS BIGINT) FROM models",
                "SELECT CAST(sum(size_bytes) AS BIGINT) / 3 FROM model_sizes",
            ].map { try connection.fetchInt($0) }
        }
        #expect(numbers == Array(repeating: Int64(versions), count: 5))
        #expect(try await migrated.read { try $0.fetchInt("SELECT CAST(sum(n) AS BIGINT) FROM model_counts") } == Int64(models))
        try await migrated.close()
    }

    /// Columns, indexes, triggers and functions, each as a line.
    private static func schema(of database: Database) async throws -> [String] {
        try await database.read { connection in
            try connection.fetchColumn(
                """
                SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, collation_name)
                    FROM information_schema.columns WHERE table_schema = 'public'
                UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
                UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
                UNION ALL SELECT pg_get_constraintdef(oid) || ' ' || conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                UNION ALL SELECT proname || ' ' || prosrc FROM pg_proc
                    WHERE pronamespace = 'public'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
                """, as: String.self)
        }
    }

    /// A run of `catapult-server`.
    private final class Run {
        private let process = Process()
        private let ends: AsyncStream<Void>

        init(_ url: String, _ directory: String) throws {
            let folder = try #require(ProcessInfo.processInfo.environment["CATAPULT_BIN_DIR"])
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..").standardizedFileURL
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            self.ends = ends
            process.executableURL = URL(fileURLWithPath: "\(folder)/catapult-server")
            process.arguments = [
                "--database-url", url, "--data-dir", "\(directory)/data", "--port", "0", "--templates",
                root.appendingPathComponent("Templates").path,
            ]
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            process.terminationHandler = { _ in end.finish() }
            try process.run()
        }

        /// Ends it with a signal, and waits until it is gone.
        func end(_ signal: Int32) async {
            kill(process.processIdentifier, signal)
            for await _ in ends {}
        }
    }
}
