import Foundation
internal import GRDB
internal import GRDBSQLite

/// Copies an SQLite database, also while a server has it open and writes.
///
/// The pages are copied by SQLite's backup interface (https://www.sqlite.org/backup.html) inside one read transaction of a connection of
/// its own. So the copy is what was committed when it began, whatever is written meanwhile, writers are not held up, and nothing has to
/// begin anew. `VACUUM INTO` would give the same guarantee and a smaller file, for several times the work.
public enum SQLiteBackup {
    /// Pages between two looks at whether the task was cancelled: 4 MiB.
    private static let pagesPerStep: Int32 = 1024

    /// Copies the database at `path` into a new file that its owner alone may read. The file is on disk when this returns; on failure
    /// nothing is left of it. ``SQLiteRestore`` puts such a copy back.
    ///
    /// - Returns: the number of the last migration in the copy; 0 if it has none.
    /// - Throws: ``DatabaseError``: `cannotOpen` if there is no database or there is a file already, `diskFull`; `CancellationError`.
    public static func copy(_ path: String, to copy: String) async throws -> Int {
        try await SerialThread(label: "catapult.database.backup").run {
            try Task.checkCancellation()
            // SQLite itself would say the same of a file that is missing and of one that may not be read.
            guard access(path, R_OK) == 0 else { throw DatabaseError.cannotOpen(path: path, message: String(cString: strerror(errno))) }
            var settings = Configuration()
            settings.readonly = true
            settings.busyMode = .timeout(5)
            let source = try translatingSQLiteErrors { try DatabaseQueue(path: path, configuration: settings) }
            defer { try? source.close() }
            return try Self.copy(source, to: copy)
        }
    }

    private static func copy(_ source: DatabaseQueue, to path: String) throws -> Int {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw DatabaseError.cannotOpen(path: path, message: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        do {
            let version = try translatingSQLiteErrors {
                try source.read { database in
                    // A transaction takes its snapshot with its first query.
                    let version =
                        try database.tableExists("schema_migrations")
                        ? Int.fetchOne(database, sql: "SELECT max(number) FROM schema_migrations") ?? 0 : 0
                    try copyPages(of: database, to: path)
                    return version
                }
            }
            guard fsync(descriptor) == 0 else {
                throw DatabaseError.inputOutput(code: Int(errno), message: String(cString: strerror(errno)))
            }
            return version
        } catch {
            unlink(path)
            throw error
        }
    }

    private static func copyPages(of source: GRDB.Database, to path: String) throws {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
        defer { sqlite3_close_v2(opened) }
        guard code == SQLITE_OK else { throw failure(code, opened) }
        // The file is of no use before it is complete, so it needs no journal.
        sqlite3_exec(opened, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", nil, nil, nil)
        guard let backup = sqlite3_backup_init(opened, "main", source.sqliteConnection, "main") else {
            throw failure(sqlite3_errcode(opened), opened)
        }
        var step = SQLITE_OK
        while step == SQLITE_OK, !Task.isCancelled { step = sqlite3_backup_step(backup, pagesPerStep) }
        let end = sqlite3_backup_finish(backup)
        if step == SQLITE_OK { throw CancellationError() }
        guard end == SQLITE_OK else { throw failure(end, opened) }
    }

    private static func failure(_ code: Int32, _ connection: OpaquePointer?) -> DatabaseError {
        DatabaseError(sqliteCode: code, message: sqlite3_errmsg(connection).map { String(cString: $0) } ?? "")
    }
}
