import Foundation
internal import GRDB
internal import GRDBSQLite

/// Copies an SQLite database while it is in use.
///
/// The pages are copied by SQLite's backup interface (https://www.sqlite.org/backup.html) inside one read transaction. So the copy is what
/// was committed when it began, whatever is written meanwhile, writers are not held up, and nothing has to begin anew. `VACUUM INTO` would
/// give the same guarantee and a smaller file, for several times the work.
enum SQLiteBackup {
    /// Pages between two looks at whether the task was cancelled: 4 MiB.
    private static let pagesPerStep: Int32 = 1024

    /// Copies the database that `source` has open into a new file that its owner alone may read. The file is on disk when this returns; on
    /// failure nothing is left of it.
    static func copy(from source: DatabaseQueue, to path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw DatabaseError.cannotOpen(path: path, message: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        do {
            try translatingSQLiteErrors {
                try source.read { try copyPages(of: $0, to: path) }
            }
            guard fsync(descriptor) == 0 else {
                throw DatabaseError.inputOutput(code: Int(errno), message: String(cString: strerror(errno)))
            }
        } catch {
            unlink(path)
            throw error
        }
    }

    private static func copyPages(of source: GRDB.Database, to path: String) throws {
        // A transaction takes its snapshot with its first query.
        _ = try Int.fetchOne(source, sql: "SELECT count(*) FROM sqlite_schema")
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
