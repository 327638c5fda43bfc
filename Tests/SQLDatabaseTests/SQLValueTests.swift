import DatabaseTesting
import Testing

@testable import SQLDatabase

@Suite struct SQLValueTests {
    private enum Status: String { case ready, failed }
    private enum Level: Int, SQLValueEncodable, SQLValueDecodable { case low = 1, high = 2 }

    private func roundTrip<T: SQLValueConvertible & Equatable & Sendable>(_ value: T, on kind: TestDatabase) async throws -> T? {
        var result: T?
        try await withDatabase(on: kind) { database in
            let type = T.sqlType == .blob ? database.dialect.blobType : T.sqlType.rawValue
            try await database.write { connection in
                try connection.execute("CREATE TABLE t (v \(raw: type))")
                try connection.execute("INSERT INTO t VALUES (\(value))")
            }
            result = try await database.read { try $0.fetchFirst("SELECT v FROM t") { try $0.get(0) as T } }
        }
        return result
    }

    @Test(arguments: TestDatabase.all, ["", "plain", "Ünïcödé 🐈", "'; DROP TABLE t; --"])
    func textComesBack(on kind: TestDatabase, text: String) async throws {
        #expect(try await roundTrip(text, on: kind) == text)
    }

    @Test(arguments: TestDatabase.all, [0, -1, Int64.max, Int64.min])
    func integersComeBack(on kind: TestDatabase, number: Int64) async throws {
        #expect(try await roundTrip(number, on: kind) == number)
    }

    @Test(arguments: TestDatabase.all, [0, 1.5, -1e300, .infinity, 0.1 + 0.2])
    func realsComeBack(on kind: TestDatabase, number: Double) async throws {
        #expect(try await roundTrip(number, on: kind) == number)
    }

    @Test(arguments: TestDatabase.all, [[], [0], [0, 255, 0, 128]] as [[UInt8]])
    func bytesComeBack(on kind: TestDatabase, bytes: [UInt8]) async throws {
        #expect(try await roundTrip(bytes, on: kind) == bytes)
    }

    @Test(arguments: TestDatabase.all) func longValuesComeBack(on kind: TestDatabase) async throws {
        let text = String(repeating: "long ü ", count: 100_000)
        #expect(try await roundTrip(text, on: kind) == text)
        let bytes = [UInt8](repeating: 7, count: 1_000_000)
        #expect(try await roundTrip(bytes, on: kind) == bytes)
    }

    @Test(arguments: TestDatabase.all, [true, false])
    func booleansComeBack(on kind: TestDatabase, flag: Bool) async throws {
        #expect(try await roundTrip(flag, on: kind) == flag)
    }

    @Test(arguments: TestDatabase.all, [nil, "x"])
    func optionalsComeBack(on kind: TestDatabase, text: String?) async throws {
        #expect(try await roundTrip(text, on: kind) == .some(text))
    }

    @Test(arguments: TestDatabase.all) func cursorsReadColumnsInOrder(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            try await database.read { connection in
                let isRead = try connection.fetchFirst("SELECT 'ready', 2, NULL, 'unused', 7, NULL, 'failed', 1.5, TRUE") { row in
                    #expect(row.columnCount == 9)
                    var columns = row.cursor()
                    let status: Status = try columns.next()
                    let level: Level = try columns.next()
                    let noStatus: Status? = try columns.next()
                    columns.skip()
                    let number: Int = try columns.next()
                    let noLevel: Level? = try columns.next()
                    let someStatus: Status? = try columns.next()
                    let real: Double = try columns.next()
                    let flag: Bool = try columns.next()
                    #expect(status == .ready && level == .high && noStatus == nil && number == 7)
                    #expect(noLevel == nil && someStatus == .failed && real == 1.5 && flag)
                    return true
                }
                #expect(isRead == true)
            }
        }
    }

    @Test(arguments: TestDatabase.all) func nullInARequiredColumnNamesColumnAndQuery(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            let expected = DatabaseError.conversion(
                .init(
                    column: "size", expected: "integer", found: "NULL",
                    sql: "SELECT 1, NULL AS size WHERE \(kind == .sqlite ? "?" : "$1") = 1")
            )
            await #expect(throws: expected) {
                try await database.read { connection in
                    _ = try connection.fetchFirst("SELECT 1, NULL AS size WHERE \(1) = 1") { try $0.get(1) as Int }
                }
            }
        }
    }

    @Test(
        arguments: [
            (TestDatabase.sqlite, "SELECT 'secret' AS c", "text"), (.sqlite, "SELECT 1.5 AS c", "real"),
            (.sqlite, "SELECT x'00' AS c", "bytes"), (.postgresql, "SELECT 'secret' AS c", "text"),
            (.postgresql, "SELECT 1.5 AS c", "real"),
            (.postgresql, "SELECT 1.5::float8 AS c", "real"), (.postgresql, "SELECT 9223372036854775808 AS c", "real"),
            (.postgresql, "SELECT '\\x00'::bytea AS c", "bytes"), (.postgresql, "SELECT now() AS c", "PostgreSQL's type 1184"),
        ].filter { TestDatabase.all.contains($0.0) })
    func aWrongTypeIsAnErrorThatShowsNoValue(on kind: TestDatabase, sql: String, found: String) async throws {
        try await withDatabase(on: kind) { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.read { _ = try $0.fetchValue(SQLQuery(raw: sql), as: Int.self) }
            }
            #expect(error == .conversion(.init(column: "c", expected: "integer", found: found, sql: sql)))
        }
    }

    @Test(arguments: TestDatabase.all) func onlyZeroAndOneAreBooleans(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            await #expect(throws: DatabaseError.self) { try await database.read { _ = try $0.fetchValue("SELECT 2", as: Bool.self) } }
            await #expect(throws: DatabaseError.self) { try await database.read { _ = try $0.fetchValue("SELECT 'true'", as: Bool.self) } }
        }
    }

    @Test(arguments: TestDatabase.all) func anUnknownEnumValueIsAnErrorThatDoesNotShowIt(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.read { connection in
                    _ = try connection.fetchFirst("SELECT 'stale' AS status") { try $0.get(0) as Status }
                }
            }
            let sentence = try #require(error).description
            #expect(sentence.contains("column status"))
            #expect(sentence.contains("Status"))
            #expect(!sentence.replacing("'stale' AS", with: "").contains("stale"))
        }
    }

    @Test(arguments: TestDatabase.all, [-1, 1, 1000, Int.max])
    func aColumnThatIsNotThereIsAnError(on kind: TestDatabase, index: Int) async throws {
        try await withDatabase(on: kind) { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.read { _ = try $0.fetchFirst("SELECT 1") { try $0.get(index) as Int? } }
            }
            #expect(
                error
                    == .conversion(.init(column: "number \(index)", expected: "an index below 1", found: "no such column", sql: "SELECT 1"))
            )
        }
    }

    @Test(arguments: TestDatabase.all) func textWithNULIsRefusedBeforeItIsStored(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, "CREATE TABLE t (v TEXT)") { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.write { try $0.execute("INSERT INTO t VALUES (\("hidden\0tail"))") }
            }
            let sentence = try #require(error).description
            #expect(sentence.contains("NUL") && !sentence.contains("hidden"))
        }
    }

    @Test(arguments: TestDatabase.all) func sugarReadsOneValue(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            try await database.read { connection throws in
                #expect(try connection.fetchInt("SELECT 5") == 5)
                #expect(try connection.fetchInt("SELECT NULL") == nil)
                #expect(try connection.fetchInt("SELECT 5 WHERE FALSE") == nil)
                #expect(try connection.fetchString("SELECT 'a'") == "a")
                #expect(try connection.fetchString("SELECT NULL") == nil)
                #expect(try connection.fetchColumn("SELECT 3 UNION ALL SELECT 4", as: Int.self) == [3, 4])
                #expect(try connection.exists("SELECT 1"))
                #expect(try !connection.exists("SELECT 1 WHERE FALSE"))
            }
        }
    }
}
