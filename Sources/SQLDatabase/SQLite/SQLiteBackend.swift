internal import CSQLite
import Foundation
internal import GRDB
import Synchronization

/// The embedded database: one writer and a pool of readers in WAL mode.
///
/// The connections are GRDB's. Its `DatabasePool` is not used: for each read it hops through two queues and asks for the schema's
/// version, which together cost as much as the query.
final class SQLiteBackend: DatabaseBackend {
    let dialect = SQLDialect.sqlite
    private let writer: DatabaseQueue
    private let writerThread: SerialThread
    private let readers: ConnectionPool<DatabaseQueue>
    private let lock: FileLock
    private let hub = NotificationHub()
    private let closing = Mutex<Task<Void, any Error>?>(nil)

    private init(writer: DatabaseQueue, writerThread: SerialThread, readers: [DatabaseQueue], lock: FileLock) {
        self.writer = writer
        self.writerThread = writerThread
        self.readers = ConnectionPool(readers)
        self.lock = lock
    }

    /// Locks and opens the file, which is created for its owner alone if it is not there.
    static func open(path: String, configuration: Database.Configuration) async throws -> SQLiteBackend {
        let thread = SerialThread(label: "\(configuration.label).write")
        return try await thread.run {
            let path = try canonical(path)
            let lock = try FileLock(databasePath: path)
            try createForOwner(path)
            let settings = connectionSettings(configuration)
            let writer = try open(path, settings, label: "\(configuration.label).writer", readonly: false)
            // After the opening: GRDB's own set-up of WAL chooses NORMAL, under which a power loss can undo acknowledged writes.
            try translatingSQLiteErrors {
                try writer.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            }
            let readers = try (1...max(1, configuration.maximumReaders)).map {
                try open(path, settings, label: "\(configuration.label).reader.\($0)", readonly: true)
            }
            return SQLiteBackend(writer: writer, writerThread: thread, readers: readers, lock: lock)
        }
    }

    private static func open(_ path: String, _ settings: Configuration, label: String, readonly: Bool) throws -> DatabaseQueue {
        var settings = settings
        settings.label = label
        settings.readonly = readonly
        do {
            return try DatabaseQueue(path: path, configuration: settings)
        } catch let error as GRDB.DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            throw DatabaseError.cannotOpen(path: path, message: error.message ?? "SQLite cannot open it")
        } catch let error as GRDB.DatabaseError {
            throw DatabaseError(error)
        }
    }

    /// Whether the library allocates without a lock; made once, before the first connection, since later it cannot be.
    private static let isSetUp = catapult_sqlite_stop_counting_memory() == SQLITE_OK

    private static func connectionSettings(_ configuration: Database.Configuration) -> Configuration {
        // Too late where something in the process has used SQLite before; all works then as well, with more waiting.
        _ = isSetUp
        let milliseconds = Int(max(0, min(configuration.busyTimeout / .milliseconds(1), Double(Int32.max))))
        var settings = Configuration()
        settings.journalMode = .wal
        settings.foreignKeysEnabled = true
        settings.prepareDatabase { connection in
            catapult_sqlite_keep_plans(connection.sqliteConnection)
            try connection.execute(
                sql: """
                    PRAGMA busy_timeout = \(milliseconds);
                    -- 16 MiB of page cache and up to 256 MiB of the file mapped, both taken only as pages are used.
                    PRAGMA cache_size = -16384;
                    PRAGMA mmap_size = 268435456;
                    PRAGMA temp_store = MEMORY;
                    -- A commit copies the log back once it holds 1000 pages; after a burst its file shrinks to 64 MiB.
                    PRAGMA wal_autocheckpoint = 1000;
                    PRAGMA journal_size_limit = 67108864;
                    """
            )
        }
        return settings
    }

    /// The path without symbolic links: two names of one file must meet at one lock.
    private static func canonical(_ path: String) throws -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        let url = URL(fileURLWithPath: path)
        guard let directory = realpath(url.deletingLastPathComponent().path, nil) else {
            throw DatabaseError.cannotOpen(path: path, message: "its directory: \(String(cString: strerror(errno)))")
        }
        defer { free(directory) }
        return URL(fileURLWithPath: String(cString: directory)).appendingPathComponent(url.lastPathComponent).path
    }

    /// SQLite would create the file readable for everybody; the log files inherit its permissions.
    private static func createForOwner(_ path: String) throws {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw DatabaseError.cannotOpen(path: path, message: String(cString: strerror(errno))) }
        Foundation.close(descriptor)
    }

    func read<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await readers.withConnection { reader in
            do {
                // Interrupts the query that runs when the task is cancelled.
                return try await reader.unsafeRead { try SQLiteConnection.withTransaction(.read, $0, body) }
            } catch let error as GRDB.DatabaseError {
                throw DatabaseError(error)
            }
        }
    }

    func write<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await onWriter { database in
            try SQLiteConnection.withTransaction(.write, database, onCommit: post, body)
        }
    }

    private func post(_ notifications: [PendingNotification]) {
        for notification in notifications { hub.post(.payload(notification.payload), to: notification.channel) }
    }

    func notifications(_ channel: String) -> DatabaseNotifications {
        let (queue, notifications) = hub.subscribe(channel)
        queue.add(.resumed)
        return notifications
    }

    func migrate<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await write(body)
    }

    func checkpoint() async throws {
        try await onWriter { _ = try $0.checkpoint(.passive) }
    }

    /// Runs work on the writer's connection, to its end: GRDB's asynchronous call would interrupt it when its task is cancelled.
    private func onWriter<T: Sendable>(_ work: @Sendable (GRDB.Database) throws -> T) async throws -> T {
        try await writerThread.run {
            try Task.checkCancellation()
            return try translatingSQLiteErrors {
                try writer.writeWithoutTransaction { database in
                    // GRDB's checkpoint would hand SQLite a null pointer.
                    guard database.sqliteConnection != nil else { throw DatabaseError.closed }
                    return try work(database)
                }
            }
        }
    }

    func close() async throws {
        let task = closing.withLock { closing in
            // In a task of its own: closing must not stop half-way when who asks for it is cancelled.
            let task = closing ?? Task { try await self.closeConnections() }
            closing = task
            return task
        }
        try await task.value
    }

    private func closeConnections() async throws {
        hub.finish()
        let idle = await readers.close()
        try await writerThread.run {
            defer { lock.release() }
            try translatingSQLiteErrors {
                for reader in idle { try reader.close() }
                // Last, since SQLite copies the log into the file when the last connection closes, and only a writer can.
                try writer.close()
            }
        }
    }
}
