import Foundation
internal import GRDB

/// The embedded database: one writer and pooled readers in WAL mode, kept by GRDB.
final class SQLiteBackend: DatabaseBackend {
    let dialect = SQLDialect.sqlite
    private let pool: DatabasePool
    private let writer: SerialThread
    private let lock: FileLock

    private init(pool: DatabasePool, writer: SerialThread, lock: FileLock) {
        self.pool = pool
        self.writer = writer
        self.lock = lock
    }

    /// Locks and opens the file, which is created for its owner alone if it is not there.
    static func open(path: String, configuration: Database.Configuration) async throws -> SQLiteBackend {
        let writer = SerialThread(label: "\(configuration.label).writer")
        return try await writer.run {
            // Two names of one file must meet at one lock.
            let path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            let lock = try FileLock(databasePath: path)
            try createForOwner(path)
            let pool = try translatingOpenErrors(path: path) {
                try DatabasePool(path: path, configuration: poolConfiguration(configuration))
            }
            // After the pool: in WAL mode GRDB sets NORMAL, under which a power loss can undo acknowledged writes.
            try translatingSQLiteErrors {
                try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            }
            return SQLiteBackend(pool: pool, writer: writer, lock: lock)
        }
    }

    private static func poolConfiguration(_ configuration: Database.Configuration) -> GRDB.Configuration {
        let timeout = configuration.busyTimeout / .milliseconds(1)
        var result = GRDB.Configuration()
        result.label = configuration.label
        result.maximumReaderCount = max(1, configuration.maximumReaders)
        result.foreignKeysEnabled = true
        result.persistentReadOnlyConnections = true
        result.prepareDatabase { connection in
            try connection.execute(sql: "PRAGMA busy_timeout = \(Int(max(0, min(timeout, Double(Int32.max)))))")
            // 16 MiB of page cache and up to 256 MiB of the file mapped, per connection; pages are only taken when used.
            try connection.execute(sql: "PRAGMA cache_size = -16384; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY")
            // 4 MiB of log before a commit copies it back; the file itself shrinks to 64 MiB after a burst.
            try connection.execute(sql: "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 67108864")
        }
        return result
    }

    /// SQLite would create the file readable for everybody; the log files inherit its permissions.
    private static func createForOwner(_ path: String) throws {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DatabaseError.cannotOpen(path: path, message: String(cString: strerror(errno))) }
        Foundation.close(descriptor)
    }

    private static func translatingOpenErrors<T>(path: String, _ work: () throws -> T) throws -> T {
        do {
            return try work()
        } catch let error as GRDB.DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            throw DatabaseError.cannotOpen(path: path, message: error.message ?? "SQLite cannot open it")
        } catch let error as GRDB.DatabaseError {
            throw DatabaseError(error)
        }
    }

    func read<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        do {
            return try await pool.unsafeRead { database in
                try SQLiteConnection.withTransaction(.read, database, body)
            }
        } catch let error as GRDB.DatabaseError {
            throw DatabaseError(error)
        }
    }

    func write<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await writer.run {
            try Task.checkCancellation()
            // The synchronous call: GRDB's asynchronous one would interrupt a running write when its task is cancelled.
            return try translatingSQLiteErrors {
                try pool.writeWithoutTransaction { database in
                    try SQLiteConnection.withTransaction(.write, database, body)
                }
            }
        }
    }

    func checkpoint() async throws {
        try await writer.run {
            try translatingSQLiteErrors {
                try pool.writeWithoutTransaction { _ = try $0.checkpoint(.passive) }
            }
        }
    }

    func close() async throws {
        try await writer.run {
            // GRDB closes the writer before the readers, so SQLite's own checkpoint at the last close does not happen.
            try? pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try translatingSQLiteErrors { try pool.close() }
            lock.release()
        }
    }
}
