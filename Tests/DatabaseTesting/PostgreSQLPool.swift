import Foundation
import Logging
import SQLDatabase
import Synchronization

/// Databases of the test server that serve one test after the other.
///
/// A test wants an empty database, or one with the server's schema. Making one costs PostgreSQL some 300 files and a checkpoint, most of a
/// second on a busy machine, whether the schema comes from migrations or from a template database; several hundred tests do not have that
/// time. So a database is made once, and what a test left in it is removed when the test has ended, which takes milliseconds. A database
/// that cannot be cleaned is dropped, and all that are left when the process ends.
final class PostgreSQLPool: Sendable {
    /// A database, with a connection of the pool's own.
    private struct Member: Sendable {
        var name: String
        var url: String
        var database: Database
    }

    private struct State {
        var free: [String: [Member]] = [:]
        /// The names of all databases that there are.
        var names: Set<String> = []
    }

    /// The pool of this process, on the server that CATAPULT_TEST_POSTGRES names.
    static let shared = PostgreSQLPool()

    private let state = Mutex(State())
    private let sweep = Task {
        // Databases of processes that were killed: nobody is connected, and the pool of a process that lives is.
        guard let server = try? PostgreSQLServer.forTests() else { return }
        let leftovers = try? await server.run(
            """
            SELECT datname FROM pg_database d WHERE NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)
            AND extract(epoch FROM now()) - CAST(substring(datname FROM '^catapult_pool_([0-9]{9,11})_') AS BIGINT) > 3600
            """)
        for name in (leftovers ?? "").split(separator: "\n") { _ = try? await server.run("DROP DATABASE IF EXISTS \(name)") }
    }

    private init() {
        atexit { PostgreSQLPool.shared.dropAll() }
    }

    /// Lends a database with a schema to `body`, whatever it throws.
    func with<T>(_ schema: TestSchema, _ body: (Database.Configuration) async throws -> T) async throws -> T {
        let member = try await take(schema)
        let result: Result<T, any Error>
        do { result = .success(try await body(try .init(url: member.url))) } catch { result = .failure(error) }
        do {
            try await clean(member, schema)
            state.withLock { $0.free[schema.name, default: []].append(member) }
        } catch {
            try? await member.database.close()
            try await drop(member.name)
        }
        return try result.get()
    }

    private func take(_ schema: TestSchema) async throws -> Member {
        await sweep.value
        if let member = state.withLock({ $0.free[schema.name]?.popLast() }) { return member }
        let server = try PostgreSQLServer.forTests()
        let name = "catapult_pool_\(Int(Date().timeIntervalSince1970))_\(UUID().uuidString.prefix(8).lowercased())"
        state.withLock { _ = $0.names.insert(name) }
        try await server.create(name)
        let url = try server.url(ofDatabase: name)
        let database = try await Database.open(
            .init(url: url), migrations: schema.migrations, logger: Logger(label: "DatabaseTesting") { _ in SwiftLogNoOpLogHandler() })
        let member = Member(name: name, url: url, database: database)
        if schema.migrations.isEmpty {
            try await clean(member, schema)
        } else {
            try await database.write { try $0.executeScript(Self.remember) }
        }
        return member
    }

    /// Keeps the rows that the migrations wrote, under other names: a search for a table by its name alone finds the server's.
    private static let remember = """
        DO $$
        DECLARE t name; filled boolean;
        BEGIN
            CREATE SCHEMA pristine;
            FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t) INTO filled;
                IF filled THEN EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', 'kept_' || t, t); END IF;
            END LOOP;
        END $$
        """

    /// Ends who is still connected.
    private static let disconnect = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        """

    /// Brings the rows back that the migrations wrote, and no others: triggers and foreign keys do not act meanwhile. A large table is
    /// truncated, which costs new files; the others are emptied in place.
    private static let restoreRows = """
        DO $$
        DECLARE t name; filled boolean;
        BEGIN
            PERFORM set_config('session_replication_role', 'replica', true);
            FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                IF pg_table_size(format('public.%I', t)::regclass) > 1000000 THEN
                    EXECUTE format('TRUNCATE public.%I CASCADE', t);
                ELSE
                    EXECUTE format('DELETE FROM public.%I', t);
                END IF;
            END LOOP;
            FOR t IN SELECT substr(tablename, 6) FROM pg_tables WHERE schemaname = 'pristine' LOOP
                EXECUTE format('INSERT INTO public.%I SELECT * FROM pristine.%I', t, 'kept_' || t);
            END LOOP;
        END $$
        """

    private func clean(_ member: Member, _ schema: TestSchema) async throws {
        try await member.database.write { connection in
            try connection.executeScript(Self.disconnect)
            try connection.executeScript(
                schema.migrations.isEmpty ? "DROP SCHEMA public CASCADE; CREATE SCHEMA public" : Self.restoreRows)
        }
    }

    private func drop(_ name: String) async throws {
        try await PostgreSQLServer.forTests().run("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
        state.withLock { _ = $0.names.remove(name) }
    }

    /// Drops all databases, without a task: the process is about to end.
    private func dropAll() {
        let names = state.withLock { $0.names }
        guard !names.isEmpty, let url = TestDatabase.postgreSQLServer else { return }
        let psql = Process()
        psql.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        psql.arguments =
            ["psql", "--no-psqlrc", "--quiet", "--dbname=\(url)"] + names.map { "--command=DROP DATABASE IF EXISTS \($0) WITH (FORCE)" }
        do {
            try psql.run()
            psql.waitUntilExit()
        } catch {
            FileHandle.standardError.write(Data("databases are left on the test server: \(names.sorted())\n".utf8))
        }
    }
}
