import DatabaseTesting
import Foundation
import Testing

@testable import SQLDatabase

@Suite struct BackupTests {
    private static let schema = ["CREATE TABLE accounts (name TEXT PRIMARY KEY, n BIGINT NOT NULL)", "CREATE TABLE filler (b BLOB)"]
    private static let migrations = [Migration(number: 1, name: "schema", statements: schema)]

    @Test func aBackupDuringAStormOfWritesIsOneMoment() async throws {
        try await withSQLite(Self.schema[0], Self.schema[1]) { database, path async throws in
            try await database.write { connection in
                try connection.execute("INSERT INTO accounts VALUES ('a', 500), ('b', 500)")
                let block = [UInt8](repeating: 1, count: 1 << 20)
                for _ in 0..<24 { try connection.execute("INSERT INTO filler VALUES (\(block))") }
            }
            let storm = Task {
                var writes = 0
                while !Task.isCancelled {
                    let row = writes % 24 + 1
                    do {
                        try await database.write { connection in
                            try connection.execute("UPDATE accounts SET n = n - 1 WHERE name = 'a'")
                            try connection.execute("UPDATE accounts SET n = n + 1 WHERE name = 'b'")
                            try connection.execute("UPDATE filler SET b = zeroblob(70000) WHERE rowid = \(row)")
                        }
                    } catch is CancellationError {
                        // The write that was waiting as the storm ended.
                        break
                    }
                    writes += 1
                }
                return writes
            }
            for number in 1...3 {
                let copy = path + ".backup-\(number)"
                #expect(try await SQLiteBackup.copy(path, to: copy) == 1)
                let permissions = try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int
                #expect(permissions == 0o600)
                let target = path + ".restored-\(number)"
                let outcome = try SQLiteRestore.restore(from: copy, to: target, migrations: Self.migrations, stamp: "now")
                #expect(outcome == .init(schemaVersion: 1, previousPath: nil))
                let restored = try await openDatabase(target, schema: Self.schema)
                #expect(try await restored.read { try $0.fetchInt("SELECT sum(n) FROM accounts") } == 1000)
                #expect(try await restored.read { try $0.fetchString("PRAGMA integrity_check") } == "ok")
                try await restored.close()
            }
            storm.cancel()
            // The storm went on while the copies were made.
            #expect(try await storm.value > 0)
        }
    }

    @Test func aBackupReplacesNothingAndLeavesNothingHalf() async throws {
        try await withSQLite(Self.schema[0]) { database, path async throws in
            let copy = path + ".backup"
            try Data("mine".utf8).write(to: URL(fileURLWithPath: copy))
            await #expect(throws: DatabaseError.cannotOpen(path: copy, message: "File exists")) {
                _ = try await SQLiteBackup.copy(path, to: copy)
            }
            #expect(try String(contentsOfFile: copy, encoding: .utf8) == "mine")
            let cancelled = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await SQLiteBackup.copy(path, to: path + ".second")
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(!FileManager.default.fileExists(atPath: path + ".second"))
        }
    }

    @Test func aDatabaseThatNobodyHasOpenIsCopiedToo() async throws {
        try await withSQLite(Self.schema[0], Self.schema[1]) { database, path async throws in
            try await database.write { try $0.execute("INSERT INTO accounts VALUES ('a', 1)") }
            try await database.close()
            #expect(try await SQLiteBackup.copy(path, to: path + ".backup") == 1)
            _ = try SQLiteRestore.restore(from: path + ".backup", to: path + ".restored", migrations: Self.migrations, stamp: "s")
            let restored = try await openDatabase(path + ".restored", schema: Self.schema)
            #expect(try await restored.read { try $0.fetchInt("SELECT n FROM accounts") } == 1)
            try await restored.close()
            await #expect(throws: DatabaseError.cannotOpen(path: path + ".missing", message: "No such file or directory")) {
                _ = try await SQLiteBackup.copy(path + ".missing", to: path + ".second")
            }
        }
    }

    @Test func aRestoreKeepsWhatWasThere() async throws {
        try await withSQLite(Self.schema[0], Self.schema[1]) { database, path async throws in
            try await database.write { try $0.execute("INSERT INTO accounts VALUES ('then', 1)") }
            let copy = path + ".backup"
            _ = try await SQLiteBackup.copy(path, to: copy)
            try await database.write { try $0.execute("INSERT INTO accounts VALUES ('now', 2)") }
            #expect(throws: DatabaseError.alreadyInUse(path: path)) {
                try SQLiteRestore.restore(from: copy, to: path, migrations: Self.migrations, stamp: "s")
            }
            try await database.close()
            let outcome = try SQLiteRestore.restore(from: copy, to: path, migrations: Self.migrations, stamp: "s")
            #expect(outcome == .init(schemaVersion: 1, previousPath: "\(path).before-s"))
            for (file, names) in [(path, ["then"]), ("\(path).before-s", ["now", "then"])] {
                let opened = try await openDatabase(file, schema: Self.schema)
                #expect(try await opened.read { try $0.fetchColumn("SELECT name FROM accounts ORDER BY 1", as: String.self) } == names)
                try await opened.close()
            }
            // The copy is as it was.
            let again = try SQLiteRestore.restore(from: copy, to: path + ".third", migrations: Self.migrations, stamp: "s")
            #expect(again.previousPath == nil)
        }
    }

    @Test(arguments: [0, 20, 100, 4096 * 3]) func aDamagedCopyIsRefusedAndNothingIsTouched(offset: Int) async throws {
        try await withSQLite(Self.schema[0], Self.schema[1]) { database, path async throws in
            try await database.write { connection in
                for number in 0..<500 { try connection.execute("INSERT INTO accounts VALUES (\("account \(number)"), \(number))") }
            }
            let copy = path + ".backup"
            _ = try await SQLiteBackup.copy(path, to: copy)
            try await database.close()
            var bytes = try Data(contentsOf: URL(fileURLWithPath: copy))
            for position in offset..<offset + 40 { bytes[position] ^= 0xff }
            try bytes.write(to: URL(fileURLWithPath: copy))
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(throws: DatabaseError.self) {
                try SQLiteRestore.restore(from: copy, to: path, migrations: Self.migrations, stamp: "s")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            let names = try FileManager.default.contentsOfDirectory(atPath: (path as NSString).deletingLastPathComponent)
            #expect(names.sorted() == ["test.sqlite", "test.sqlite.backup", "test.sqlite.lock"])
        }
    }

    @Test func copiesOfOtherProgramsAreRefused() async throws {
        try await withSQLite(Self.schema[0]) { database, path async throws in
            try await database.close()
            let foreign = path + ".foreign"
            let configuration = Database.Configuration(location: .sqlite(path: foreign))
            try await openDatabase(configuration, migrations: Self.migrations + [Migration(number: 2, name: "later", statements: [])])
                .close()
            #expect(throws: DatabaseError.migration(.databaseIsNewer(database: 2, program: 1))) {
                try SQLiteRestore.restore(from: foreign, to: path, migrations: Self.migrations, stamp: "s")
            }
            #expect(throws: DatabaseError.cannotOpen(path: path + ".missing", message: "No such file or directory")) {
                try SQLiteRestore.restore(from: path + ".missing", to: path, migrations: Self.migrations, stamp: "s")
            }
        }
    }
}
