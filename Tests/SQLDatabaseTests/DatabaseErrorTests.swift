import DatabaseTesting
import Foundation
internal import GRDBSQLite
import Testing

@testable import SQLDatabase

@Suite struct DatabaseErrorTests {
    private static let schema = """
        CREATE TABLE parents (id TEXT PRIMARY KEY);
        CREATE TABLE children (
            id TEXT PRIMARY KEY, parent TEXT NOT NULL REFERENCES parents(id), name TEXT,
            size BIGINT CONSTRAINT size_is_positive CHECK (size > 0), UNIQUE (parent, name)
        );
        CREATE TABLE late (parent TEXT REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED);
        CREATE UNIQUE INDEX children_by_lower_id ON children (lower(id));
        CREATE TRIGGER parents_stay BEFORE DELETE ON parents BEGIN SELECT RAISE(ABORT, 'parents stay'); END;
        INSERT INTO parents VALUES ('p'), ('q');
        INSERT INTO children VALUES ('c', 'p', 'n', 1);
        """

    @Test(
        arguments: [
            ("INSERT INTO parents VALUES ('p')", .uniqueViolation(.init(table: "parents", columns: ["id"]))),
            ("INSERT INTO children VALUES ('d', 'p', 'n', 1)", .uniqueViolation(.init(table: "children", columns: ["parent", "name"]))),
            ("INSERT INTO children VALUES ('C', 'q', 'x', 1)", .uniqueViolation(.init(name: "children_by_lower_id"))),
            ("INSERT INTO children VALUES ('d', 'nobody', 'x', 1)", .foreignKeyViolation(.init())),
            ("INSERT INTO late VALUES ('nobody')", .foreignKeyViolation(.init())),
            ("INSERT INTO children VALUES ('d', 'p', 'x', 0)", .checkViolation(.init(name: "size_is_positive"))),
            ("DELETE FROM parents", .checkViolation(.init(name: "parents stay"))),
            ("INSERT INTO children VALUES ('d', NULL, 'x', 1)", .notNullViolation(.init(table: "children", columns: ["parent"]))),
            ("SELEC 1", .syntax(sql: "SELEC 1", message: #"near "SELEC": syntax error"#)),
            ("SELECT * FROM missing", .syntax(sql: "SELECT * FROM missing", message: "no such table: missing")),
        ] as [(SQLQuery, DatabaseError)])
    func failuresAreTyped(query: SQLQuery, expected: DatabaseError) async throws {
        try await withSQLite(Self.schema) { database, _ in
            await #expect(throws: expected) { try await database.write { try $0.execute(query) } }
            // Nothing is left of the failed transaction.
            let counts = try await database.read { connection in
                try ["parents", "children", "late"].map { try connection.fetchInt("SELECT count(*) FROM \(raw: $0)") }
            }
            #expect(counts == [2, 1, 0])
        }
    }

    @Test(
        arguments: [
            (2067, .uniqueViolation(.init())), (1555, .uniqueViolation(.init())), (2579, .uniqueViolation(.init())),
            (787, .foreignKeyViolation(.init())), (275, .checkViolation(.init())), (1299, .notNullViolation(.init())),
            (5, .busy), (517, .busy), (6, .busy), (13, .diskFull), (8, .readOnly), (1032, .readOnly),
            (11, .corrupt(message: "m")), (26, .corrupt(message: "m")), (10, .inputOutput(code: 10, message: "m")),
            (1034, .inputOutput(code: 1034, message: "m")), (8458, .corrupt(message: "m")), (7, .failed(code: 7, message: "m")),
        ] as [(Int32, DatabaseError)])
    func codesAreMapped(code: Int32, expected: DatabaseError) {
        #expect(DatabaseError(sqliteCode: code, message: "m") == expected)
    }

    @Test func noErrorShowsABoundValue() async throws {
        try await withSQLite(Self.schema, "CREATE VIRTUAL TABLE texts USING fts5(body)") { database, _ in
            let secret = "secret-value"
            let queries: [SQLQuery] = [
                "INSERT INTO parents VALUES (\(secret)), (\(secret))",
                "INSERT INTO children VALUES (\(secret), \(secret), \(secret), 1)",
                "INSERT INTO children VALUES (\(secret), 'p', \(secret), 0)",
                "SELECT json_extract('{}', \(secret))",
                "SELECT * FROM texts WHERE texts MATCH \(secret + "\"")",
                "SELECT * FROM missing WHERE a = \(secret)",
            ]
            for query in queries {
                let error = await #expect(throws: DatabaseError.self) { try await database.write { try $0.execute(query) } }
                let description = try #require(error).description
                #expect(!description.contains("secret") && !description.isEmpty)
            }
        }
    }

    @Test func aFullDiskUndoesTheWriteEvenIfTheClosureSwallowsTheError() async throws {
        try await withSQLite("CREATE TABLE blobs (b BLOB)") { database, _ in
            let limit = try await database.write { connection -> Int64? in
                let pages = try connection.fetchInt("PRAGMA page_count") ?? 0
                return try connection.fetchInt("PRAGMA max_page_count = \(raw: String(pages + 10))")
            }
            #expect(try #require(limit) < 100)
            let big = [UInt8](repeating: 1, count: 1 << 20)
            await #expect(throws: DatabaseError.diskFull) {
                try await database.write { connection in
                    try connection.execute("INSERT INTO blobs VALUES (x'00')")
                    do { try connection.execute("INSERT INTO blobs VALUES (\(big))") } catch {}
                    try connection.execute("INSERT INTO blobs VALUES (x'01')")
                }
            }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM blobs") } == 0)
            // There is room for small rows: the database goes on.
            try await database.write { try $0.execute("INSERT INTO blobs VALUES (x'02')") }
        }
    }

    @Test func aLockOfAnotherProgramTimesOut() async throws {
        try await withSQLite("CREATE TABLE t (a BIGINT)", busyTimeout: .milliseconds(20)) { database, path in
            var other: OpaquePointer?
            try #require(sqlite3_open(path, &other) == SQLITE_OK)
            defer { sqlite3_close(other) }
            try #require(sqlite3_exec(other, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
            await #expect(throws: DatabaseError.busy) { try await database.write { try $0.execute("INSERT INTO t VALUES (1)") } }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM t") } == 0)
            try #require(sqlite3_exec(other, "COMMIT", nil, nil, nil) == SQLITE_OK)
            try await database.write { try $0.execute("INSERT INTO t VALUES (1)") }
        }
    }

    @Test func aFileThatIsNoDatabaseIsCorrupt() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/test.sqlite"
            try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
            await #expect { _ = try await openDatabase(path) } throws: { error in
                if case DatabaseError.corrupt = error { true } else { false }
            }
        }
    }
}
