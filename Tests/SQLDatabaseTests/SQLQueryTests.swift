import Testing

@testable import SQLDatabase

@Suite struct SQLQueryTests {
    @Test func interpolationBinds() {
        let query: SQLQuery = "SELECT \(1) WHERE a = \("x")"
        #expect(query.sql == "SELECT $1 WHERE a = $2")
        #expect(query.values == [.integer(1), .text("x")])
    }
}
