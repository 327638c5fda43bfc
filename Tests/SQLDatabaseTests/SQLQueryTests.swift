import DatabaseTesting
import Testing

@testable import SQLDatabase

@Suite struct SQLQueryTests {
    private enum Status: String { case ready, failed }

    @Test func everyInterpolationIsAParameter() {
        let query: SQLQuery = "SELECT \(1) WHERE name = \("x'; DROP TABLE models; --") AND flag = \(true)"
        #expect(query.sql == "SELECT $1 WHERE name = $2 AND flag = $3")
        #expect(query.values == [.integer(1), .text("x'; DROP TABLE models; --"), .boolean(true)])
    }

    @Test(arguments: [true, false])
    func literalsAndConditionalsInsideAnInterpolationAreValuesNotText(flag: Bool) {
        let query: SQLQuery = "\("a") \(flag ? "x" : "y")"
        #expect(query.sql == "$1 $2")
        #expect(query.values == [.text("a"), .text(flag ? "x" : "y")])
    }

    @Test func optionalsAndEnumsAreBound() {
        let none: String? = nil
        let noStatus: Status? = nil
        let query: SQLQuery = "\(none) \(Int?.some(3)) \(Status.ready) \(noStatus) \(Status?.some(.failed)) \([UInt8](arrayLiteral: 1, 2))"
        #expect(query.values == [.null, .integer(3), .text("ready"), .null, .text("failed"), .blob([1, 2])])
    }

    @Test func splicedQueriesAreRenumbered() {
        let inner: SQLQuery = "SELECT id FROM tags WHERE name = \("t") AND weight > \(5)"
        let query: SQLQuery = "SELECT * FROM models WHERE a = \(1) AND id IN (\(inner)) AND b = \(2)"
        #expect(
            query.sql == "SELECT * FROM models WHERE a = $1 AND id IN (SELECT id FROM tags WHERE name = $2 AND weight > $3) AND b = $4"
        )
        #expect(query.values == [.integer(1), .text("t"), .integer(5), .integer(2)])
    }

    @Test func conditionsCompose() {
        let conditions: [SQLQuery] = ["a = \(1)", "b IS NULL", "c = \("x")"]
        var query: SQLQuery = "SELECT 1 WHERE " + conditions.joined(separator: " AND ")
        query += " LIMIT \(10)"
        #expect(query.sql == "SELECT 1 WHERE a = $1 AND b IS NULL AND c = $2 LIMIT $3")
        #expect(query.values == [.integer(1), .text("x"), .integer(10)])
        #expect([SQLQuery]().joined(separator: " AND ").isEmpty)
    }

    @Test func rawTextAndLists() {
        let query: SQLQuery = "SELECT \(raw: "name") WHERE id IN \(list: ["a", "b", "c"]) AND status IN \(list: [Status.ready])"
        #expect(query.sql == "SELECT name WHERE id IN ($1, $2, $3) AND status IN ($4)")
        #expect(query.values == [.text("a"), .text("b"), .text("c"), .text("ready")])
    }

    @Test func onlyShortListsAreWorthAPreparedStatement() {
        let short: SQLQuery = "\(list: Array(1...32))"
        let long: SQLQuery = "\(list: Array(1...33))"
        #expect(short.isCacheable)
        #expect(!long.isCacheable)
        #expect(!("SELECT 1 WHERE 1 IN " + long).isCacheable)
    }

    @Test func noRepresentationShowsAValue() {
        let query: SQLQuery = "SELECT \("secret")"
        var dumped = ""
        dump(query, to: &dumped)
        for text in ["\(query)", String(reflecting: query), dumped] {
            #expect(!text.contains("secret"))
        }
    }
}

/// The same, run: what is bound arrives where it belongs.
@Suite struct SQLQueryExecutionTests {
    @Test(arguments: TestDatabase.all) func parametersKeepTheirOrderWhereverTheyStand(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            let row = try await database.read { connection in
                let inner: SQLQuery = "SELECT \("in1") || \("in2")"
                return try connection.fetchFirst("SELECT \("a"), (\(inner)), \("b") WHERE \(3) > \(2)") { row in
                    [try row.get(0) as String, try row.get(1), try row.get(2)]
                }
            }
            #expect(row == ["a", "in1in2", "b"])
        }
    }

    @Test(arguments: TestDatabase.all) func tenAndMoreParametersAreNotConfused(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            let numbers = Array(1...40)
            let sql = numbers.map { number -> SQLQuery in "\(number)" }.joined(separator: ", ")
            let read = try await database.read { connection in
                try connection.fetchFirst("SELECT \(sql)") { row in try (0..<40).map { try row.get($0) as Int } }
            }
            #expect(read == numbers)
        }
    }

    @Test(
        arguments: TestDatabase.all,
        [
            "SELECT $1", "SELECT ?", "SELECT :name", "SELECT $2, \(1)", "SELECT \(1), $1", "SELECT ?1, \(1)", "SELECT \(1), ?1",
            "SELECT \(1), ?",
        ] as [SQLQuery])
    func placeholdersWrittenByHandAreRefused(on kind: TestDatabase, query: SQLQuery) async throws {
        try await withDatabase(on: kind) { database in
            await #expect { try await database.read { _ = try $0.fetchInt(query) } } throws: { error in
                if case DatabaseError.syntax = error { true } else { false }
            }
        }
    }

    @Test(arguments: TestDatabase.all) func anEmptyListIsAnEmptySet(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            try await database.read { connection throws in
                #expect(try connection.fetchInt("SELECT count(*) WHERE 1 IN \(list: [Int]())") == 0)
                #expect(try connection.fetchInt("SELECT count(*) WHERE 1 NOT IN \(list: [Int]())") == 1)
                #expect(try connection.fetchInt("SELECT count(*) WHERE 'a' NOT IN \(list: [String]())") == 1)
                #expect(try connection.fetchInt("SELECT count(*) WHERE 7 IN \(list: Array(1...500))") == 1)
            }
        }
    }

    @Test(arguments: TestDatabase.all) func severalStatementsInOneQueryAreRefused(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, "CREATE TABLE t (a BIGINT)") { database async throws in
            await #expect { try await database.write { try $0.execute("DELETE FROM t; DROP TABLE t") } } throws: { error in
                if case DatabaseError.syntax = error { true } else { false }
            }
            #expect(try await database.read { try $0.exists($0.dialect.has("t")) })
        }
    }

    @Test(arguments: TestDatabase.all) func aMapperMayRunTheSameQuery(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind) { database in
            let pairs = try await database.read { connection in
                let query: SQLQuery = "SELECT value FROM (SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3) AS n ORDER BY value"
                return try connection.fetchAll(query) { outer -> Int in
                    let value: Int = try outer.get(0)
                    return value * 10 + (try connection.fetchAll(query) { try $0.get(0) as Int }).reduce(0, +)
                }
            }
            #expect(pairs == [16, 26, 36])
        }
    }
}
