import DatabaseTesting
import Testing

@testable import SQLDatabase

@Suite struct TransactionTests {
    private static let counter = "CREATE TABLE counter (name TEXT PRIMARY KEY, n BIGINT NOT NULL)"

    @Test(arguments: TestDatabase.all) func executeCountsAffectedRows(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            try await database.write { connection throws in
                #expect(try connection.execute("INSERT INTO counter VALUES ('a', 1), ('b', 2)") == 2)
                #expect(try connection.execute("CREATE TABLE other (a BIGINT)") == 0)
                #expect(try connection.execute("UPDATE counter SET n = n + 1 WHERE name = 'missing'") == 0)
                #expect(try connection.execute("UPDATE counter SET n = n + 1") == 2)
                #expect(try connection.execute("SELECT * FROM counter") == 0)
                #expect(try connection.execute("DELETE FROM counter WHERE name = \("a")") == 1)
            }
        }
    }

    @Test(arguments: TestDatabase.all) func returningGivesTheRowsThatWereWritten(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            let first = try await database.write { connection in
                try connection.fetchFirst("INSERT INTO counter VALUES ('a', 1), ('b', 2) RETURNING name") { try $0.get(0) as String }
            }
            #expect(first == "a")
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM counter") } == 2)
        }
    }

    @Test(arguments: TestDatabase.all) func aThrowingClosureLeavesNothing(on kind: TestDatabase) async throws {
        struct Refusal: Error {}
        try await withDatabase(on: kind, Self.counter) { database async throws in
            await #expect(throws: Refusal.self) {
                try await database.write { connection in
                    try connection.execute("INSERT INTO counter VALUES ('a', 1)")
                    try connection.execute("CREATE TABLE other (a BIGINT)")
                    throw Refusal()
                }
            }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM counter") } == 0)
            #expect(try await database.read { try !$0.exists($0.dialect.has("other")) })
        }
    }

    @Test(arguments: TestDatabase.all) func aStatementThatFailsLeavesTheTransactionUsable(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            try await database.write { connection in
                try connection.execute("INSERT INTO counter VALUES ('a', 1)")
                #expect(throws: DatabaseError.self) { try connection.execute("INSERT INTO counter VALUES ('b', 1), ('a', 2)") }
                try connection.execute("INSERT INTO counter VALUES ('c', 3)")
            }
            #expect(try await database.read { try $0.fetchColumn("SELECT name FROM counter ORDER BY 1", as: String.self) } == ["a", "c"])
        }
    }

    @Test(arguments: TestDatabase.all) func readsCannotWrite(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            await #expect(throws: DatabaseError.readOnly) {
                try await database.read { try $0.execute("INSERT INTO counter VALUES ('a', 1)") }
            }
            await #expect(throws: DatabaseError.readOnly) {
                try await database.read { try $0.executeScript("CREATE TABLE other (a BIGINT)") }
            }
            try await database.ping()
        }
    }

    @Test(arguments: TestDatabase.all, ["COMMIT", " end", "\nROLLBACK", "BEGIN", "rollback transaction"] as [SQLQuery])
    func theClosureCannotEndItsTransaction(on kind: TestDatabase, statement: SQLQuery) async throws {
        try await withDatabase(on: kind, Self.counter) { database async throws in
            await #expect {
                try await database.write { connection in
                    try connection.execute("INSERT INTO counter VALUES ('a', 1)")
                    try connection.execute(statement)
                }
            } throws: { error in
                if case DatabaseError.unsupported = error { true } else { false }
            }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM counter") } == 0)
        }
    }

    @Test(arguments: TestDatabase.all) func savepointsAreAllowed(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            try await database.write { connection in
                try connection.execute("SAVEPOINT s")
                try connection.execute("INSERT INTO counter VALUES ('a', 1)")
                try connection.execute("ROLLBACK TO s")
                try connection.execute("RELEASE s")
                try connection.execute("INSERT INTO counter VALUES ('b', 1)")
            }
            #expect(try await database.read { try $0.fetchColumn("SELECT name FROM counter", as: String.self) } == ["b"])
        }
    }

    @Test(arguments: TestDatabase.all) func aConnectionIsUselessAfterItsClosure(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            // The test lets the connection escape on purpose, and uses it from one place at a time.
            nonisolated(unsafe) var escaped: (any SQLConnection)?
            try await database.write { escaped = $0 }
            let connection = try #require(escaped)
            #expect(throws: DatabaseError.closed) { try connection.execute("DELETE FROM counter") }
            #expect(throws: DatabaseError.closed) { _ = try connection.fetchInt("SELECT 1") }
            #expect(throws: DatabaseError.closed) { try connection.executeScript("SELECT 1") }
        }
    }

    @Test(arguments: TestDatabase.all) func concurrentWritersLoseNoUpdate(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter, "INSERT INTO counter VALUES ('a', 0)") { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<200 {
                            try await database.write { connection in
                                let n = try connection.fetchInt("SELECT n FROM counter WHERE name = 'a'") ?? 0
                                try connection.execute("UPDATE counter SET n = \(n + 1) WHERE name = 'a'")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.read { try $0.fetchInt("SELECT n FROM counter") } == 1600)
        }
    }

    @Test(arguments: TestDatabase.all) func readersSeeWholeTransactionsOnly(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter, "INSERT INTO counter VALUES ('a', 500), ('b', 500)") { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for amount in 1...200 {
                        try await database.write { connection in
                            try connection.execute("UPDATE counter SET n = n - \(amount) WHERE name = 'a'")
                            try connection.execute("UPDATE counter SET n = n + \(amount) WHERE name = 'b'")
                        }
                    }
                }
                for _ in 0..<6 {
                    group.addTask {
                        for _ in 0..<200 {
                            let sum = try await database.read { connection in
                                let a = try connection.fetchInt("SELECT n FROM counter WHERE name = 'a'") ?? 0
                                let b = try connection.fetchInt("SELECT n FROM counter WHERE name = 'b'") ?? 0
                                return a + b
                            }
                            #expect(sum == 1000)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: TestDatabase.all) func aReadKeepsItsSnapshotWhileAWriteCommits(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter) { database in
            let gate = Gate()
            async let counts = database.read { connection in
                let before = try connection.fetchInt("SELECT count(*) FROM counter")
                gate.pause()
                return [before, try connection.fetchInt("SELECT count(*) FROM counter")]
            }
            await gate.reached()
            try await database.write { try $0.execute("INSERT INTO counter VALUES ('a', 1)") }
            gate.open()
            #expect(try await counts == [0, 0])
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM counter") } == 1)
        }
    }

    @Test(arguments: TestDatabase.all) func aSchemaChangeReachesPreparedStatements(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.counter, "INSERT INTO counter VALUES ('a', 1)", maximumReaders: 1) { database in
            let query: SQLQuery = "SELECT * FROM counter"
            #expect(try await database.read { try $0.fetchFirst(query) { $0.columnCount } } == 2)
            try await database.write { connection in
                #expect(try connection.fetchFirst(query) { $0.columnCount } == 2)
                try connection.execute("ALTER TABLE counter ADD COLUMN extra TEXT")
                #expect(try connection.fetchFirst(query) { $0.columnCount } == 3)
            }
            #expect(try await database.read { try $0.fetchFirst(query) { $0.columnCount } } == 3)
        }
    }
}

@Suite struct CancellationTests {
    private static let table = "CREATE TABLE t (a BIGINT)"

    @Test(arguments: TestDatabase.all) func aWriteThatWaitsIsSkipped(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.table) { database in
            let gate = Gate()
            async let first: Void = database.write { _ in gate.pause() }
            await gate.reached()
            let second = Task { try await database.write { try $0.execute("INSERT INTO t VALUES (1)") } }
            second.cancel()
            gate.open()
            try await first
            await #expect(throws: CancellationError.self) { try await second.value }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM t") } == 0)
        }
    }

    @Test(arguments: TestDatabase.all) func aWriteThatHasStartedIsCompleted(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, Self.table) { database async throws in
            let gate = Gate()
            let write = Task {
                try await database.write { connection in
                    gate.pause()
                    return try connection.execute("INSERT INTO t VALUES (1)")
                }
            }
            await gate.reached()
            write.cancel()
            gate.open()
            #expect(try await write.value == 1)
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM t") } == 1)
        }
    }

    @Test(arguments: TestDatabase.all) func aReadThatWaitsForAReaderGivesUpAtOnce(on kind: TestDatabase) async throws {
        try await withDatabase(on: kind, maximumReaders: 1) { database in
            let gate = Gate()
            async let first: Void = database.read { _ in gate.pause() }
            await gate.reached()
            let second = Task { try await database.read { try $0.fetchInt("SELECT 1") } }
            second.cancel()
            // The first read still holds the only reader: the answer cannot have waited for it.
            await #expect(throws: CancellationError.self) { try await second.value }
            gate.open()
            try await first
            try await database.ping()
        }
    }

    @Test func aRunningReadIsInterrupted() async throws {
        try await withSQLite(maximumReaders: 1) { database, _ in
            let gate = Gate()
            let endless = Task {
                try await database.read { connection in
                    _ = try connection.fetchAll("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n") { row in
                        if try row.get(0) as Int == 1 { gate.arrive() }
                    }
                }
            }
            await gate.reached()
            endless.cancel()
            await #expect(throws: CancellationError.self) { try await endless.value }
            // The connection is fit for the next read.
            for _ in 0..<3 { try await database.ping() }
        }
    }
}
