import DatabaseTesting
import Testing

@testable import SQLDatabase

@Suite struct SQLDialectTests {
    @Test func patternsEscapeTheirSpecialCharacters() {
        for dialect in SQLDialect.allCases {
            #expect(dialect.likePattern(containing: #"50%_\x"#) == #"%50\%\_\\x%"#)
            #expect(dialect.likePattern(startingWith: "a_") == #"a\_%"#)
        }
    }

    @Test func truthIsAWord() {
        #expect(SQLDialect.sqlite.literal(true) == "TRUE" && SQLDialect.postgresql.literal(false) == "FALSE")
    }

    @Test(
        arguments: TestDatabase.all,
        [
            ("LLaMA", ["llama-3", "my-LLAMA"]), ("%", ["100%"]), ("_", ["a_b"]), (#"\"#, [#"back\slash"#]),
            ("", ["100%", "BÄR", "a_b", "axb", #"back\slash"#, "bär", "llama-3", "my-LLAMA"]), ("' OR 1=1 --", []),
        ])
    func searchFindsTextAsItStands(on kind: TestDatabase, example: (text: String, expected: [String])) async throws {
        try await withDatabase(on: kind, "CREATE TABLE t (name TEXT)") { database in
            try await database.write { connection in
                for name in ["llama-3", "my-LLAMA", "100%", "a_b", "axb", #"back\slash"#, "bär", "BÄR"] {
                    try connection.execute("INSERT INTO t VALUES (\(name))")
                }
            }
            let found = try await database.read { connection in
                try connection.fetchColumn(
                    """
                    SELECT name FROM t WHERE \(connection.dialect.contains("name", example.text))
                    ORDER BY name\(connection.dialect.byCodePoint)
                    """, as: String.self)
            }
            #expect(found == example.expected)
        }
    }

    @Test(arguments: TestDatabase.all) func prefixesAreFoundAtTheBeginningOnly(on kind: TestDatabase) async throws {
        try await withDatabase(
            on: kind, "CREATE TABLE t (name TEXT)", "INSERT INTO t VALUES ('Llama'), ('my-llama'), ('ll')"
        ) { database in
            let found = try await database.read { connection in
                try connection.fetchColumn("SELECT name FROM t WHERE \(connection.dialect.hasPrefix("name", "LLA"))", as: String.self)
            }
            #expect(found == ["Llama"])
        }
    }

    @Test(
        arguments: TestDatabase.all,
        [
            (["org/", ""], ["org/a", "org/b_c"]), (["", ""], ["Org/a", "a*b?[c]", "org/a", "org/b_c", "orgb"]), (["org/a"], ["org/a"]),
            (["", "_c"], ["org/b_c"]), (["o", "/", "a"], ["org/a"]), (["a*b?[c", ""], ["a*b?[c]"]), (["", "?[", "]"], ["a*b?[c]"]),
            (["o%"], []),
            (["o_", "a"], []),
        ])
    func globsFindWholeNamesByCase(on kind: TestDatabase, example: (pieces: [String], expected: [String])) async throws {
        let names = ["org/a", "org/b_c", "orgb", "Org/a", "a*b?[c]"]
        try await withDatabase(on: kind, "CREATE TABLE t (name TEXT)") { database in
            try await database.write { connection in
                for name in names { try connection.execute("INSERT INTO t VALUES (\(name))") }
            }
            let found = try await database.read { connection in
                try connection.fetchColumn(
                    "SELECT name FROM t WHERE \(connection.dialect.glob("name", pieces: example.pieces))", as: String.self)
            }
            #expect(found.sorted() == example.expected)
        }
    }

    @Test func aGlobWithAPrefixIsFoundThroughTheIndex() async throws {
        try await withSQLite("CREATE TABLE t (name TEXT PRIMARY KEY)") { database, _ in
            let plan = try await database.read { connection in
                try connection.fetchAll(
                    "EXPLAIN QUERY PLAN SELECT name FROM t WHERE \(connection.dialect.glob("name", pieces: ["org/", ""]))"
                ) { try $0.get(3) as String }
            }
            #expect(plan.joined().contains("SEARCH"))
        }
    }

    @Test(arguments: [(TestDatabase.sqlite, ["bär"]), (.postgresql, ["BÄR", "bär"])].filter { TestDatabase.all.contains($0.0) })
    func caseBeyondASCIIIsIgnoredByPostgreSQL(on kind: TestDatabase, expected: [String]) async throws {
        try await withDatabase(on: kind, "CREATE TABLE t (name TEXT)", "INSERT INTO t VALUES ('bär'), ('BÄR')") { database in
            let found = try await database.read { connection in
                try connection.fetchColumn(
                    """
                    SELECT name FROM t WHERE \(connection.dialect.contains("name", "är"))
                    ORDER BY name\(connection.dialect.byCodePoint)
                    """, as: String.self)
            }
            #expect(found == expected)
        }
    }
}
