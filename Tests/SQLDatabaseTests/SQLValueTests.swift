import Testing

@testable import SQLDatabase

@Suite struct SQLValueTests {
    private enum Status: String { case ready, failed }
    private enum Level: Int, SQLValueEncodable, SQLValueDecodable { case low = 1, high = 2 }

    private func roundTrip<T: SQLValueConvertible & Equatable & Sendable>(_ value: T, column: String = "TEXT") async throws -> T? {
        var result: T?
        try await withDatabase("CREATE TABLE t (v \(column))") { database, _ in
            try await database.write { try $0.execute("INSERT INTO t VALUES (\(value))") }
            result = try await database.read { try $0.fetchFirst("SELECT v FROM t") { try $0.get(0) as T } }
        }
        return result
    }

    @Test(arguments: ["", "plain", "Ünïcödé 🐈", "'; DROP TABLE t; --"])
    func textComesBack(text: String) async throws {
        #expect(try await roundTrip(text) == text)
    }

    @Test(arguments: [0, -1, Int64.max, Int64.min])
    func integersComeBack(number: Int64) async throws {
        #expect(try await roundTrip(number, column: "BIGINT") == number)
    }

    @Test(arguments: [0, 1.5, -1e300, .infinity, 0.1 + 0.2])
    func realsComeBack(number: Double) async throws {
        #expect(try await roundTrip(number, column: "DOUBLE PRECISION") == number)
    }

    @Test(arguments: [[], [0], [0, 255, 0, 128]] as [[UInt8]])
    func bytesComeBack(bytes: [UInt8]) async throws {
        #expect(try await roundTrip(bytes, column: "BLOB") == bytes)
    }

    @Test func longValuesComeBack() async throws {
        let text = String(repeating: "long ü ", count: 100_000)
        #expect(try await roundTrip(text) == text)
        let bytes = [UInt8](repeating: 7, count: 1_000_000)
        #expect(try await roundTrip(bytes, column: "BLOB") == bytes)
    }

    @Test(arguments: [true, false])
    func booleansComeBack(flag: Bool) async throws {
        #expect(try await roundTrip(flag, column: "BOOLEAN") == flag)
    }

    @Test(arguments: [nil, "x"])
    func optionalsComeBack(text: String?) async throws {
        #expect(try await roundTrip(text) == .some(text))
    }

    @Test func cursorsReadColumnsInOrder() async throws {
        try await withDatabase { database, _ in
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

    @Test func nullInARequiredColumnNamesColumnAndQuery() async throws {
        try await withDatabase { database, _ in
            let expected = DatabaseError.conversion(
                .init(column: "size", expected: "integer", found: "NULL", sql: "SELECT 1, NULL AS size WHERE ? = 1")
            )
            await #expect(throws: expected) {
                try await database.read { connection in
                    _ = try connection.fetchFirst("SELECT 1, NULL AS size WHERE \(1) = 1") { try $0.get(1) as Int }
                }
            }
        }
    }

    @Test(arguments: [
        ("SELECT 'secret' AS c", "integer", "text"), ("SELECT 1.5 AS c", "integer", "real"), ("SELECT x'00' AS c", "integer", "bytes"),
    ])
    func aWrongTypeIsAnErrorThatShowsNoValue(sql: String, expected: String, found: String) async throws {
        try await withDatabase { database, _ in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.read { _ = try $0.fetchValue(SQLQuery(raw: sql), as: Int.self) }
            }
            #expect(error == .conversion(.init(column: "c", expected: expected, found: found, sql: sql)))
        }
    }

    @Test func onlyZeroAndOneAreBooleans() async throws {
        try await withDatabase { database, _ in
            await #expect(throws: DatabaseError.self) { try await database.read { _ = try $0.fetchValue("SELECT 2", as: Bool.self) } }
            await #expect(throws: DatabaseError.self) { try await database.read { _ = try $0.fetchValue("SELECT 'true'", as: Bool.self) } }
        }
    }

    @Test func anUnknownEnumValueIsAnErrorThatDoesNotShowIt() async throws {
        try await withDatabase { database, _ in
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

    @Test(arguments: [-1, 1, 1000, Int.max])
    func aColumnThatIsNotThereIsAnError(index: Int) async throws {
        try await withDatabase { database, _ in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.read { _ = try $0.fetchFirst("SELECT 1") { try $0.get(index) as Int? } }
            }
            #expect(
                error
                    == .conversion(.init(column: "number \(index)", expected: "an index below 1", found: "no such column", sql: "SELECT 1"))
            )
        }
    }

    @Test func textWithNULIsRefusedBeforeItIsStored() async throws {
        try await withDatabase("CREATE TABLE t (v TEXT)") { database, _ in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.write { try $0.execute("INSERT INTO t VALUES (\("hidden\0tail"))") }
            }
            let sentence = try #require(error).description
            #expect(sentence.contains("NUL") && !sentence.contains("hidden"))
        }
    }

    @Test func sugarReadsOneValue() async throws {
        try await withDatabase { database, _ in
            try await database.read { connection throws in
                #expect(try connection.fetchInt("SELECT 5") == 5)
                #expect(try connection.fetchInt("SELECT NULL") == nil)
                #expect(try connection.fetchInt("SELECT 5 WHERE FALSE") == nil)
                #expect(try connection.fetchString("SELECT 'a'") == "a")
                #expect(try connection.fetchString("SELECT NULL") == nil)
                #expect(try connection.fetchColumn("SELECT value FROM json_each('[3,4]')", as: Int.self) == [3, 4])
                #expect(try connection.exists("SELECT 1"))
                #expect(try !connection.exists("SELECT 1 WHERE FALSE"))
            }
        }
    }
}
