import DatabaseTesting
import Foundation
import Testing

@testable import SQLDatabase

@Suite struct ConfigurationTests {
    @Test(arguments: [
        ("sqlite:///var/lib/catapult/a.sqlite", "/var/lib/catapult/a.sqlite"), ("sqlite:data/a.sqlite", "data/a.sqlite"),
        ("sqlite:/a.sqlite", "/a.sqlite"), ("SQLite:///with%20space/a%3Fb", "/with space/a?b"),
    ])
    func urlsNameFiles(url: String, path: String) throws {
        #expect(try Database.Configuration(url: url).location == .sqlite(path: path))
        #expect(try Database.Configuration(url: url).maximumReaders == 4)
    }

    @Test(arguments: [
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgres://user:secret@host:5433/db?password=secret", "postgresql://host:5433/db"),
        ("PostgreSQL://user:p%40secret@h1,h2:5/db", "postgresql://h1,h2:5/db"), ("postgres:///db?host=/run/postgresql", "postgresql:///db"),
        ("postgresql://us@er:secret@[::1]", "postgresql://[::1]"),
    ])
    func urlsNameServers(url: String, location: String) throws {
        guard case .postgresql(let server) = try Database.Configuration(url: url).location else {
            Issue.record("not a server")
            return
        }
        var dumped = ""
        dump(server, to: &dumped)
        #expect(server.location == location.replacing("postgres://", with: "postgresql://"))
        #expect(!"\(server) \(String(reflecting: server)) \(dumped)".contains("secret"))
    }

    @Test(arguments: [
        "postgresql:host/secret", "postgres://user:%secret@host/db", "postgresql://host/%00secret", "mysql://user:secret@host/db",
        "sqlite://secret/a.sqlite", "sqlite:", "sqlite://", "sqlite:///a?mode=secret", "sqlite:a#secret", "sqlite::memory:",
        "sqlite:%00secret", "sqlite:%zzsecret", "secret.sqlite", "",
    ])
    func otherURLsAreRefusedWithoutRepeatingThem(url: String) {
        let error = #expect(throws: DatabaseError.self) { try Database.Configuration(url: url) }
        guard case .unsupported(let message) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!message.contains("secret"))
        #expect(message.contains(url.hasPrefix("postgres") ? "postgresql://" : "sqlite"))
    }
}

@Suite struct OpeningTests {
    @Test func theWriterIsDurableAndChecksForeignKeys() async throws {
        try await withSQLite { database, _ in
            @Sendable func pragma(_ name: String, _ connection: any SQLConnection) throws -> String? {
                try connection.fetchFirst("SELECT CAST(\(raw: name) AS TEXT) FROM pragma_\(raw: name)") { try $0.get(0) }
            }
            try await database.write { connection throws in
                #expect(try pragma("journal_mode", connection) == "wal")
                #expect(try pragma("synchronous", connection) == "2")
                #expect(try pragma("foreign_keys", connection) == "1")
                #expect(try connection.fetchInt("PRAGMA busy_timeout") == 5000)
            }
            try await database.read { connection throws in
                #expect(try pragma("journal_mode", connection) == "wal")
                #expect(try connection.fetchInt("PRAGMA busy_timeout") == 5000)
            }
        }
    }

    /// A copy of the files is what a crash would leave: nothing that is only in the process's memory is in it.
    @Test func whatWasAcknowledgedIsInTheFiles() async throws {
        try await withSQLite("CREATE TABLE t (a BIGINT)") { database, path in
            for number in 1...20 {
                try await database.write { try $0.execute("INSERT INTO t VALUES (\(number))") }
                let copy = path + "-copy-\(number)"
                for suffix in ["", "-wal"] { try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix) }
                let recovered = try await openDatabase(copy, schema: ["CREATE TABLE t (a BIGINT)"])
                #expect(try await recovered.read { try $0.fetchInt("SELECT sum(a) FROM t") } == Int64(number * (number + 1) / 2))
                #expect(try await recovered.read { try $0.fetchString("PRAGMA integrity_check") } == "ok")
                try await recovered.close()
            }
        }
    }

    @Test func aSecondOpenerIsRefusedUntilTheFirstCloses() async throws {
        try await withSQLite { database, path in
            let link = path + ".link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            for name in [path, link] {
                await #expect(throws: DatabaseError.alreadyInUse(path: path)) { _ = try await openDatabase(name) }
            }
            try await database.ping()
            try await database.close()
            try await openDatabase(link).close()
        }
    }

    @Test func ofManyOpenersAtOnceOneWins() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/test.sqlite"
            let winners = await withTaskGroup(of: Database?.self) { group in
                for _ in 0..<6 { group.addTask { try? await openDatabase(path) } }
                return await group.reduce(into: []) { $0.append($1) }.compactMap { $0 }
            }
            #expect(winners.count == 1)
            for winner in winners { try await winner.close() }
        }
    }

    @Test func aDatabaseThatIsDroppedReleasesItsLock() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/test.sqlite"
            for _ in 0..<3 { try await openDatabase(path).ping() }
        }
    }

    @Test func closingWaitsForWhatRunsAndRefusesTheRest() async throws {
        try await withSQLite("CREATE TABLE t (a BIGINT)", maximumReaders: 1) { database, path in
            let gate = Gate()
            async let running = database.read { connection in
                gate.pause()
                return try connection.fetchInt("SELECT count(*) FROM t")
            }
            await gate.reached()
            let closing = Task { try await database.close() }
            // Reads are refused from the moment that the closing has begun; until then they wait for the one reader.
            await #expect(throws: DatabaseError.closed) { try await database.read { _ in } }
            gate.open()
            #expect(try await running == 0)
            try await closing.value
            await #expect(throws: DatabaseError.closed) { try await database.write { _ in } }
            await #expect(throws: DatabaseError.closed) { try await database.ping() }
            await #expect(throws: DatabaseError.closed) { try await database.checkpoint() }
            try await database.close()
            #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        }
    }

    @Test func aCheckpointMovesTheLogIntoTheFile() async throws {
        try await withSQLite("CREATE TABLE t (a BIGINT)") { database, path in
            try await database.write { try $0.execute("INSERT INTO t VALUES (7)") }
            try await database.checkpoint()
            let copy = path + "-copy"
            try FileManager.default.copyItem(atPath: path, toPath: copy)
            let alone = try await openDatabase(copy, schema: ["CREATE TABLE t (a BIGINT)"])
            #expect(try await alone.read { try $0.fetchInt("SELECT a FROM t") } == 7)
            try await alone.close()
        }
    }

    @Test func theFilesAreTheOwnersAlone() async throws {
        try await withSQLite { _, path in
            for suffix in ["", "-wal", ".lock"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
        }
    }

    @Test func aMissingDirectoryIsNamed() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/missing/test.sqlite"
            let expected = DatabaseError.cannotOpen(path: path, message: "its directory: No such file or directory")
            await #expect(throws: expected) { _ = try await openDatabase(path) }
        }
    }
}
