import DatabaseTesting
import Synchronization
import Testing

@testable import SQLDatabase

/// What only a database server has: connections that break, other programs that write, limits, logins.
@Suite(.enabled(if: TestDatabase.all.contains(.postgresql))) struct PostgreSQLTests {
    private static let table = "CREATE TABLE t (a BIGINT)"

    private func terminateOthers(_ connection: any SQLConnection) throws -> Int {
        try connection.fetchColumn(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
            as: Bool.self
        ).count
    }

    @Test func connectionsThatBreakWhileIdleAreReplaced() async throws {
        try await TestDatabase.postgresql.withConfiguration { configuration async throws in
            try await withDatabase(configuration, schema: [Self.table]) { database async throws in
                try await withDatabase(configuration, schema: [Self.table]) { killer async throws in
                    let query: SQLQuery = "SELECT count(*) FROM t WHERE a >= \(0)"
                    for round in 0..<3 {
                        #expect(try await database.read { try $0.fetchInt(query) } == Int64(round))
                        #expect(try await killer.write { try terminateOthers($0) } >= 2)
                        #expect(try await database.read { try $0.fetchInt(query) } == Int64(round))
                        try await database.write { try $0.execute("INSERT INTO t VALUES (\(round))") }
                    }
                }
            }
        }
    }

    @Test func aConnectionThatBreaksInsideATransactionFailsItWhole() async throws {
        try await TestDatabase.postgresql.withConfiguration { configuration async throws in
            try await withDatabase(configuration, schema: [Self.table]) { database async throws in
                try await withDatabase(configuration, schema: [Self.table]) { killer async throws in
                    let gate = Gate()
                    let write = Task {
                        try await database.write { connection in
                            try connection.execute("INSERT INTO t VALUES (1)")
                            gate.pause()
                            do { try connection.execute("INSERT INTO t VALUES (2)") } catch {}
                            // The failure is swallowed; the rest must not become a transaction of its own.
                            try connection.execute("INSERT INTO t VALUES (3)")
                        }
                    }
                    await gate.reached()
                    _ = try await killer.read { try terminateOthers($0) }
                    gate.open()
                    await #expect { try await write.value } throws: { error in
                        if case DatabaseError.connectionLost = error { true } else { false }
                    }
                    #expect(try await killer.read { try $0.fetchInt("SELECT count(*) FROM t") } == 0)
                }
            }
        }
    }

    @Test func aCommitWithoutAnswerSaysThatItsFateIsUnknown() async throws {
        try await TestDatabase.postgresql.withConfiguration { configuration async throws in
            try await withDatabase(configuration, schema: [Self.table]) { database async throws in
                try await withDatabase(configuration, schema: [Self.table]) { killer async throws in
                    let gate = Gate()
                    let write = Task {
                        try await database.write { connection in
                            try connection.execute("INSERT INTO t VALUES (1)")
                            gate.pause()
                        }
                    }
                    await gate.reached()
                    _ = try await killer.read { try terminateOthers($0) }
                    gate.open()
                    await #expect { try await write.value } throws: { error in
                        if case DatabaseError.commitUnknown = error { true } else { false }
                    }
                    try await database.ping()
                }
            }
        }
    }

    @Test func aServerThatRestartsIsFoundAgain() async throws {
        try await PostgreSQLServer.withOwn { server, control async throws in
            try await withDatabase(.init(url: server.url), schema: [Self.table]) { database async throws in
                var heard = database.notifications("c").makeAsyncIterator()
                #expect(await heard.next() == .resumed)
                try await database.write { try $0.execute("INSERT INTO t VALUES (1)") }
                try await control.stop()
                // A long outage fails calls; it does not hold them.
                for _ in 0..<2 {
                    await #expect { try await database.read { try $0.fetchInt("SELECT count(*) FROM t") } } throws: { error in
                        if case DatabaseError.connectionLost = error { true } else { false }
                    }
                }
                try await control.start()
                #expect(await heard.next() == .resumed)
                var count: Int64?
                // Attempts are a second apart.
                let deadline = ContinuousClock.now.advanced(by: .seconds(20))
                while count == nil, ContinuousClock.now < deadline {
                    count = try? await database.read { try $0.fetchInt("SELECT count(*) FROM t") }
                }
                #expect(count == 1)
                try await database.write { connection in
                    try connection.execute("INSERT INTO t VALUES (2)")
                    try connection.notify("c", "back")
                }
                #expect(await heard.next() == .payload("back"))
            }
        }
    }

    @Test func writesOfAllProgramsAreInOneOrder() async throws {
        try await TestDatabase.postgresql.withConfiguration { configuration async throws in
            let counter = ["CREATE TABLE counter (n BIGINT NOT NULL)", "INSERT INTO counter VALUES (0)"]
            try await withDatabase(configuration, schema: counter) { first async throws in
                try await withDatabase(configuration, schema: counter) { second async throws in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for database in [first, second, first, second] {
                            group.addTask {
                                for _ in 0..<50 {
                                    try await database.write { connection in
                                        let n = try connection.fetchInt("SELECT n FROM counter") ?? 0
                                        try connection.execute("UPDATE counter SET n = \(n + 1)")
                                    }
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(try await second.read { try $0.fetchInt("SELECT n FROM counter") } == 200)
                }
            }
        }
    }

    @Test func aProgramThatStopsInsideAWriteHoldsTheOthersUpForAWhileOnly() async throws {
        try await TestDatabase.postgresql.withConfiguration { configuration async throws in
            var configuration = configuration
            configuration.busyTimeout = .milliseconds(500)
            try await withDatabase(configuration, schema: [Self.table]) { frozen async throws in
                try await withDatabase(configuration, schema: [Self.table]) { other async throws in
                    let gate = Gate()
                    let write = Task {
                        try await frozen.write { connection in
                            try connection.execute("INSERT INTO t VALUES (1)")
                            gate.pause()
                        }
                    }
                    await gate.reached()
                    // Waits less for the lock than the frozen one may hold it, or finds it free.
                    var isStored = false
                    for _ in 0..<4 where !isStored {
                        isStored = (try? await other.write { try $0.execute("INSERT INTO t VALUES (2)") }) != nil
                    }
                    #expect(isStored)
                    gate.open()
                    await #expect(throws: DatabaseError.self) { try await write.value }
                    #expect(try await other.read { try $0.fetchColumn("SELECT a FROM t", as: Int.self) } == [2])
                }
            }
        }
    }

    /// The second statement lets a lock go and then sleeps: who gets the lock knows that it runs.
    @Test func aRunningReadIsStopped() async throws {
        try await withDatabase(on: .postgresql, maximumReaders: 2) { database async throws in
            let gate = Gate()
            let sleep = Task {
                try await database.read { connection in
                    _ = try connection.fetchInt("SELECT 1 FROM pg_advisory_lock(7)")
                    gate.arrive()
                    _ = try connection.fetchFirst("SELECT pg_advisory_unlock(7), pg_sleep(600)") { _ in }
                }
            }
            await gate.reached()
            _ = try await database.write { try $0.fetchInt("SELECT 1 FROM pg_advisory_lock(7)") }
            sleep.cancel()
            await #expect(throws: CancellationError.self) { try await sleep.value }
            for _ in 0..<4 { try await database.ping() }
        }
    }

    @Test func cancellationsHitNoOtherRead() async throws {
        try await withDatabase(on: .postgresql, maximumReaders: 1) { database async throws in
            for _ in 0..<100 {
                let read = Task { try await database.read { try $0.fetchInt("SELECT count(*) FROM generate_series(1, 20000)") } }
                let next = Task { try await database.read { try $0.fetchInt("SELECT count(*) FROM generate_series(1, 2000)") } }
                await Task.yield()
                read.cancel()
                _ = await read.result
                #expect(try await next.value == 2000)
            }
        }
    }

    @Test func moreReadsThanConnectionsWaitTheirTurn() async throws {
        try await withDatabase(on: .postgresql, maximumReaders: 2) { database async throws in
            let backends = try await withThrowingTaskGroup(of: Int64?.self) { group in
                for _ in 0..<40 { group.addTask { try await database.read { try $0.fetchInt("SELECT pg_backend_pid()") } } }
                return try await group.reduce(into: Set<Int64?>()) { $0.insert($1) }
            }
            #expect(backends.count <= 2)
        }
    }

    @Test func aServerWithoutConnectionsToSpareSaysSo() async throws {
        try await PostgreSQLServer.withOwn { server, _ async throws in
            try await server.run("CREATE ROLE guest LOGIN CONNECTION LIMIT 1")
            try await server.run("CREATE DATABASE guests OWNER guest")
            let url = try server.url(ofDatabase: "guests").replacing("catapult@", with: "guest@")
            try await withDatabase(.init(url: url)) { database async throws in
                await #expect { try await database.read { try $0.fetchInt("SELECT 1") } } throws: { error in
                    if case DatabaseError.connectionLost(let message) = error { message.contains("too many connections") } else { false }
                }
                try await database.write { _ = try $0.fetchInt("SELECT 1") }
            }
        }
    }

    @Test func failedLoginsSayWhatToDo() async throws {
        try await PostgreSQLServer.withOwn { server, control async throws in
            try await server.run("CREATE ROLE guest LOGIN PASSWORD 'right-secret'")
            try await control.requirePasswords()
            func failure(_ url: String) async -> String {
                do {
                    try await openDatabase(.init(url: url)).close()
                    return "opened"
                } catch {
                    return "\(error)"
                }
            }
            let guest = server.url.replacing("catapult@", with: "guest@")
            let wrong = await failure(guest.replacing("guest@", with: "guest:wrong-secret@"))
            #expect(wrong.contains("password authentication failed") && wrong.contains("check user and password"))
            #expect(!wrong.contains("wrong-secret"))
            #expect(await failure(guest).contains("check user and password"))
            let right = server.url.replacing("catapult@", with: "guest:right-secret@")
            let missing = await failure(right.replacing("/postgres?", with: "/missing?"))
            #expect(missing.contains("database \"missing\" does not exist") && missing.contains("createdb missing"))
            let nobody = await failure("postgresql://guest:right-secret@127.0.0.1:1/db")
            #expect(nobody.contains("127.0.0.1 port 1") && nobody.contains("check that a PostgreSQL server listens"))
            let unknown = await failure("postgresql://guest:right-secret@127.0.0.1/db?sslmod=require")
            #expect(unknown.contains("libpq does not understand"))
            #expect(![missing, nobody, unknown].contains { $0.contains("right-secret") })
        }
    }

    @Test(
        arguments: [
            ("INSERT INTO parents VALUES ('p')", .uniqueViolation(.init(name: "parents_pkey", table: "parents"))),
            (
                "INSERT INTO children VALUES ('d', 'nobody', 1)",
                .foreignKeyViolation(.init(name: "children_parent_fkey", table: "children"))
            ),
            ("INSERT INTO late VALUES ('nobody')", .foreignKeyViolation(.init(name: "late_parent_fkey", table: "late"))),
            ("INSERT INTO children VALUES ('d', 'p', 0)", .checkViolation(.init(name: "size_is_positive", table: "children"))),
            ("INSERT INTO children VALUES ('d', NULL, 1)", .notNullViolation(.init(table: "children", columns: ["parent"]))),
            ("SELEC 1", .syntax(sql: "SELEC 1", message: #"syntax error at or near "SELEC""#)),
            ("SELECT * FROM missing", .syntax(sql: "SELECT * FROM missing", message: #"relation "missing" does not exist"#)),
            ("SELECT 1/\(0)", .failed(code: 0, message: "a value does not fit its type (SQLSTATE 22012) in: SELECT 1/$1")),
        ] as [(SQLQuery, DatabaseError)])
    func failuresAreTyped(query: SQLQuery, expected: DatabaseError) async throws {
        try await withDatabase(
            on: .postgresql,
            """
            CREATE TABLE parents (id TEXT PRIMARY KEY);
            CREATE TABLE children (
                id TEXT PRIMARY KEY, parent TEXT NOT NULL REFERENCES parents(id), size BIGINT CONSTRAINT size_is_positive CHECK (size > 0));
            CREATE TABLE late (parent TEXT REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO parents VALUES ('p');
            """
        ) { database async throws in
            await #expect(throws: expected) { try await database.write { try $0.execute(query) } }
            #expect(try await database.read { try $0.fetchInt("SELECT count(*) FROM children") } == 0)
        }
    }

    @Test(
        arguments: [
            ("40001", .busy), ("40P01", .busy), ("55P03", .busy), ("53100", .diskFull), ("57014", .timedOut),
            ("25P02", .transactionAborted),
            ("57P01", .connectionLost(message: "m")), ("08006", .connectionLost(message: "m")), ("25006", .readOnly),
            ("XX001", .corrupt(message: "m (SQLSTATE XX001)")), ("58030", .inputOutput(code: 0, message: "m (SQLSTATE 58030)")),
            ("53300", .connectionLost(message: "the server has no connection to spare")), ("P0001", .checkViolation(.init(name: "m"))),
        ] as [(String, DatabaseError)])
    func codesAreMapped(state: String, expected: DatabaseError) {
        #expect(DatabaseError(sqlState: state, message: "m") == expected)
    }

    @Test func noErrorShowsABoundValue() async throws {
        try await withDatabase(on: .postgresql, "CREATE TABLE t (a TEXT PRIMARY KEY, n BIGINT CHECK (n > 0))") { database async throws in
            let secret = "secret-value"
            let queries: [SQLQuery] = [
                "INSERT INTO t VALUES (\(secret), 1), (\(secret), 2)", "INSERT INTO t VALUES (\(secret), 0)",
                "SELECT CAST(\(secret) AS BIGINT)", "SELECT CAST(\(secret) AS JSON)", "SELECT * FROM missing WHERE a = \(secret)",
                "SELECT 'x' ~ \(secret + "(")",
            ]
            for query in queries {
                let error = await #expect(throws: DatabaseError.self) { try await database.write { try $0.execute(query) } }
                let description = try #require(error).description
                #expect(!description.contains("secret") && !description.isEmpty)
            }
        }
    }
}

@Suite(.enabled(if: TestDatabase.all.contains(.postgresql))) struct PostgreSQLEnvironmentTests {
    @Test func aURLBecomesVariables() throws {
        let url = try PostgreSQLURL(
            "postgres://jo%40:se%2Fcret@db.example:6543/my%20base?sslmode=require&application_name=x&keepalives_idle=7")
        #expect(
            try url.environment() == [
                "PGUSER": "jo@", "PGPASSWORD": "se/cret", "PGHOST": "db.example", "PGPORT": "6543", "PGDATABASE": "my base",
                "PGSSLMODE": "require", "PGAPPNAME": "x",
            ])
        #expect(
            try PostgreSQLURL("postgresql:///db?host=/run/postgresql").environment() == ["PGDATABASE": "db", "PGHOST": "/run/postgresql"])
        #expect(try PostgreSQLURL("postgresql://").environment().isEmpty)
    }

    @Test func anOptionWithoutAVariableIsNamedAndNotItsValue() throws {
        let url = try PostgreSQLURL("postgresql://h/d?sslpassword=hidden-value")
        let error = #expect(throws: DatabaseError.self) { try url.environment() }
        #expect(error?.description.contains("sslpassword") == true && error?.description.contains("hidden-value") == false)
    }
}

@Suite struct ReconnectScheduleTests {
    @Test func aShortOutageIsWaitedOutAndALongOneIsNot() {
        var schedule = ReconnectSchedule()
        let start = ContinuousClock.now
        #expect(schedule.decision(at: start) == .connect)
        schedule.failed(at: start, jitter: 1)
        #expect(schedule.decision(at: start) == .wait(.milliseconds(50)))
        #expect(schedule.decision(at: start.advanced(by: .milliseconds(50))) == .connect)
        var now = start
        for _ in 0..<10 {
            now = now.advanced(by: .seconds(1))
            #expect(schedule.decision(at: now) == .connect)
            schedule.failed(at: now, jitter: 0)
        }
        // Long out of patience, and tried again within a second.
        #expect(schedule.decision(at: now) == .giveUp)
        #expect(schedule.decision(at: now.advanced(by: .milliseconds(749))) == .giveUp)
        #expect(schedule.decision(at: now.advanced(by: .milliseconds(750))) == .connect)
        schedule.succeeded()
        #expect(schedule.decision(at: now) == .connect)
    }
}

@Suite struct SQLScannerTests {
    @Test(arguments: [
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]), (";; ", []), ("-- nothing; here\n", []),
        ("a /* ; /* ; */ ; */ b; c", ["a /* ; /* ; */ ; */ b", "c"]),
        ("SELECT ';', 'it''s;' ; x", ["SELECT ';', 'it''s;'", "x"]), (#"SELECT E'\';' ; x"#, [#"SELECT E'\';'"#, "x"]),
        (#"SELECT ";" ; x"#, [#"SELECT ";""#, "x"]), ("DO $$ BEGIN; END; $$; x", ["DO $$ BEGIN; END; $$", "x"]),
        ("f $a$ ; $$ ; $a$; x", ["f $a$ ; $$ ; $a$", "x"]), ("a$b$c ; x$", ["a$b$c", "x$"]), ("'open ; x", ["'open ; x"]),
        ("$$ open ; x", ["$$ open ; x"]),
    ])
    func statementsEndAtSemicolonsOutsideOfQuotes(sql: String, statements: [String]) {
        #expect(SQLScanner(sql).statements == statements)
    }

    @Test(arguments: [
        ("SELECT $1", true), ("SELECT '$1'", false), ("SELECT $$ $1 $$", false), ("-- $1", false), ("a$1", false), ("$ 1", false),
        ("x=$12", true),
    ])
    func placeholdersAreFoundOutsideOfQuotes(sql: String, isThere: Bool) {
        #expect(SQLScanner(sql).hasPlaceholder == isThere)
    }

    @Test func theFirstWordsAreReadPastComments() {
        #expect(SQLScanner(" /* x */ -- y\n rollback To s; commit").firstWords == ["ROLLBACK", "TO", "S"])
        #expect(SQLScanner("").firstWords.isEmpty)
    }
}

@Suite(.enabled(if: TestDatabase.all.contains(.postgresql))) struct PostgreSQLNumericTests {
    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("-1", -1), ("10000", 10_000), ("123456789012345678", 123_456_789_012_345_678), ("100000000", 100_000_000),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("5.00", 5),
        ] as [(String, Int64)])
    func wholeNumbersAreIntegers(text: String, number: Int64) async throws {
        try await withDatabase(on: .postgresql) { database async throws in
            #expect(try await database.read { try $0.fetchInt("SELECT \(raw: text)::numeric") } == number)
        }
    }

    @Test(arguments: [
        ("0.5", 0.5), ("-1234.5678", -1234.5678), ("1e-20", 1e-20), ("123456.000001", 123456.000001), ("1e30", 1e30), ("7", 7),
    ])
    func allNumbersAreReal(text: String, number: Double) async throws {
        try await withDatabase(on: .postgresql) { database async throws in
            #expect(try await database.read { try $0.fetchValue("SELECT \(raw: text)::numeric", as: Double.self) } == number)
        }
    }
}
