import DatabaseTesting
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct PostgreSQLDumpTests {
    @Test func theHistoryIsReadFromAnArchivesScript() {
        let script = """
            SET search_path = '';
            COPY public.schema_migrations (number, name, checksum, applied_at) FROM stdin;
            2\taccess\tbb\t7
            1\tregistry\taa\t5
            \\.
            9\tafter the end\tcc\t1
            """
        let history = PostgreSQLDump.history(inScript: script)
        #expect(history == SchemaHistory([.init(number: 1, checksum: "aa"), .init(number: 2, checksum: "bb")]))
        #expect(history.version == 2)
        #expect(PostgreSQLDump.history(inScript: "COPY public.models (id) FROM stdin;\n1\n\\.\n").version == 0)
        #expect(PostgreSQLDump.history(inScript: "").version == 0)
    }

    @Test func aProgramThatIsMissingIsNamedWithWhatToRun() async throws {
        let programs = PostgreSQLPrograms(environment: ["PATH": "/nonexistent"])
        let failure = await #expect(throws: BackupFailure.self) {
            try await programs.run("pg_dump", ["--version"], byHand: "pg_dump BY-HAND")
        }
        #expect(failure?.meaning == .unavailable)
        #expect(failure?.description.contains("pg_dump is not installed") == true)
        #expect(failure?.hint?.contains("postgresql-client") == true && failure?.hint?.contains("pg_dump BY-HAND") == true)
    }

    /// A role that is no superuser, on a server that wants passwords.
    @Test(.enabled(if: TestDatabase.all.contains(.postgresql))) func aPasswordReachesTheProgramsAndNoError() async throws {
        try await PostgreSQLServer.withOwn { server, control async throws in
            try await server.run("CREATE ROLE owner LOGIN PASSWORD 'right-se%cret'")
            for name in ["source", "target"] { try await server.run("CREATE DATABASE \(name) OWNER owner") }
            try await control.requirePasswords()
            func url(_ database: String, password: String) throws -> String {
                try server.url(ofDatabase: database).replacing("catapult@", with: "owner:\(password)@")
            }
            let source = try url("source", password: "right-se%25cret")
            let database = try await Database.open(.init(url: source), migrations: Migrations.all, logger: CoreFixture.logger)
            try await database.close()
            try await withTemporaryDirectory { directory in
                let file = "\(directory)/copy"
                _ = try await DatabaseBackup(dataDirectory: directory, databaseURL: source).make(file)
                let target = try url("target", password: "right-se%25cret")
                let report = try await DatabaseBackup(dataDirectory: directory, databaseURL: target).restore(file)
                #expect(report.schemaVersion == Migrations.all.count)
                try await Database.open(.init(url: target), migrations: Migrations.all, logger: CoreFixture.logger).close()

                let wrong = try DatabaseBackup(dataDirectory: directory, databaseURL: try url("source", password: "wrong-secret"))
                let failure = await #expect(throws: BackupFailure.self) { try await wrong.make("\(directory)/second") }
                #expect(failure?.description.contains("password authentication failed") == true, "\(String(describing: failure))")
                #expect(failure?.description.contains("wrong-secret") == false)
                #expect(!FileManager.default.fileExists(atPath: "\(directory)/second"))
            }
        }
    }
}
