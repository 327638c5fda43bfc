import Foundation
internal import GRDB

/// Puts a copy that ``SQLiteBackup`` made in the place of an SQLite database.
public enum SQLiteRestore {
    /// What was put back.
    public struct Outcome: Sendable, Equatable {
        /// The number of the last migration in the copy; 0 if it has none.
        public var schemaVersion: Int
        /// Where the database that was there lies now; nil if there was none.
        public var previousPath: String?
    }

    /// Checks a copy and puts it in the place of the database at `path`.
    ///
    /// The database must be closed. Before anything is replaced, the copy is copied beside the database and checked: it must be whole, and
    /// not newer than the program. What was there is kept under another name. Stopped at any point, this leaves the old database or the
    /// new one under its name, and nothing in between.
    ///
    /// - Parameters:
    ///   - copy: The file that a backup made.
    ///   - path: The database. Its directory must exist.
    ///   - migrations: What the program knows; a copy with later ones is refused.
    ///   - stamp: Becomes part of the name under which the old database is kept: `catapult.sqlite.before-STAMP`.
    ///
    /// Throws ``DatabaseError``: `alreadyInUse` if a server has the database open, `cannotOpen`, `corrupt`, `migration`, `diskFull`.
    public static func restore(from copy: String, to path: String, migrations: [Migration], stamp: String) throws -> Outcome {
        let lock = try FileLock(databasePath: path)
        defer { lock.release() }
        let staged = "\(path).restoring"
        try stage(copy, at: staged)
        do {
            let version = try check(staged, migrations)
            let previous = try replace(path, by: staged, keepingAs: "\(path).before-\(stamp)")
            return Outcome(schemaVersion: version, previousPath: previous)
        } catch {
            for suffix in ["", "-wal", "-shm"] { unlink(staged + suffix) }
            throw error
        }
    }

    /// Copies the file, so that what was checked is what is put in place, on the file system of the database.
    private static func stage(_ copy: String, at staged: String) throws {
        let source = open(copy, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw DatabaseError.cannotOpen(path: copy, message: reason()) }
        defer { close(source) }
        for suffix in ["", "-wal", "-shm"] { unlink(staged + suffix) }
        let target = open(staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard target >= 0 else { throw DatabaseError.cannotOpen(path: staged, message: reason()) }
        defer { close(target) }
        do {
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            while case let count = read(source, &bytes, bytes.count), count != 0 {
                guard count > 0 else { throw DatabaseError.inputOutput(code: Int(errno), message: "\(copy): \(reason())") }
                var written = 0
                while written < count {
                    let step = bytes.withUnsafeBytes { write(target, $0.baseAddress?.advanced(by: written), count - written) }
                    guard step > 0 else {
                        throw errno == ENOSPC ? .diskFull : DatabaseError.inputOutput(code: Int(errno), message: reason())
                    }
                    written += step
                }
            }
            guard fsync(target) == 0 else { throw DatabaseError.inputOutput(code: Int(errno), message: reason()) }
        } catch {
            unlink(staged)
            throw error
        }
    }

    /// The copy's schema version, if the copy is whole and the program understands it.
    private static func check(_ path: String, _ migrations: [Migration]) throws -> Int {
        var settings = Configuration()
        settings.foreignKeysEnabled = false
        let applied: [SchemaHistory.Record] = try translatingSQLiteErrors {
            let database = try DatabaseQueue(path: path, configuration: settings)
            defer { try? database.close() }
            // One file without a log: what is put in place is this file alone.
            return try database.inDatabase { database in
                try database.execute(sql: "PRAGMA journal_mode = DELETE")
                let findings = try String.fetchAll(database, sql: "PRAGMA integrity_check(10)")
                guard findings == ["ok"] else { throw DatabaseError.corrupt(message: findings.joined(separator: "; ")) }
                guard try database.tableExists("schema_migrations") else {
                    throw DatabaseError.corrupt(message: "it is an SQLite database, and not one of Catapult")
                }
                return try Row.fetchAll(database, sql: "SELECT number, checksum FROM schema_migrations ORDER BY number").map {
                    SchemaHistory.Record(number: $0["number"], checksum: $0["checksum"])
                }
            }
        }
        let history = SchemaHistory(applied)
        _ = try history.pending(of: migrations, for: .sqlite)
        return history.version
    }

    /// Puts `staged` in the place of `path`.
    private static func replace(_ path: String, by staged: String, keepingAs previous: String) throws -> String? {
        let isThere = access(path, F_OK) == 0
        if isThere {
            guard access(previous, F_OK) != 0 else { throw DatabaseError.cannotOpen(path: previous, message: "it is there already") }
            // Opening and closing moves the log into the file. Where the database is too damaged for that, its log goes aside with it:
            // SQLite would take it for the new one's.
            try? DatabaseQueue(path: path).close()
            for suffix in ["-wal", "-shm"] where access(path + suffix, F_OK) == 0 { try move(path + suffix, to: previous + suffix) }
            // A second name, so that there is a database under the first one at any time. Few file systems have no links.
            if link(path, previous) != 0 { try move(path, to: previous) }
        }
        try move(staged, to: path)
        let directory = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
        return isThere ? previous : nil
    }

    private static func move(_ path: String, to other: String) throws {
        guard rename(path, other) == 0 else { throw DatabaseError.cannotOpen(path: path, message: "cannot rename it: \(reason())") }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
