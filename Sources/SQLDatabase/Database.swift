import Logging

/// A database with transactions as closures.
///
/// ```swift
/// let database = try await Database.open(.init(location: .sqlite(path: path)), migrations: migrations, logger: logger)
/// let names = try await database.read { try $0.fetchColumn("SELECT name FROM models", as: String.self) }
/// ```
///
/// Closures run on threads of the database. Reads run beside each other and beside the one write. A closure whose task is cancelled
/// while it waits does not start; a write that has started is completed; a running read is interrupted. Both then throw `CancellationError`.
public final class Database: Sendable {
    /// What every write does last, inside its transaction.
    public typealias LastStep = @Sendable (any SQLConnection) throws -> Void

    private let backend: any DatabaseBackend
    private let lastStep: LastStep?

    init(backend: any DatabaseBackend, lastStep: LastStep? = nil) {
        self.backend = backend
        self.lastStep = lastStep
    }

    /// Opens a database and applies the migrations that it lacks.
    ///
    /// Throws ``DatabaseError``: `alreadyInUse` if another process has the embedded database open, `cannotOpen`, `migration`.
    ///
    /// - Parameter lastStep: run at the end of every write, inside its transaction: what is derived from the tables is thus never behind.
    ///   It must be short, and do nothing where nothing is to do. Migrations run without it.
    public static func open(
        _ configuration: Configuration, migrations: [Migration], logger: Logger, lastStep: LastStep? = nil
    ) async throws -> Database {
        let backend: any DatabaseBackend
        switch configuration.location {
        case .sqlite(let path): backend = try await SQLiteBackend.open(path: path, configuration: configuration)
        case .postgresql(let url): backend = try await PostgreSQLBackend.open(url, configuration: configuration)
        }
        do {
            try await Migrator(migrations: migrations, dialect: backend.dialect, logger: logger).run(on: backend)
        } catch {
            try? await backend.close()
            throw error
        }
        return Database(backend: backend, lastStep: lastStep)
    }

    /// The SQL dialect, where a query must differ.
    public var dialect: SQLDialect { backend.dialect }

    /// Runs queries on one consistent snapshot. A statement that writes throws ``DatabaseError/readOnly``.
    public func read<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await backend.read(body)
    }

    /// Runs statements in one transaction: committed, durably, when `body` returns; rolled back when it throws.
    ///
    /// Writes run one after the other. A statement that fails inside `body` leaves the transaction usable unless the database had to undo
    /// it (disk full, damaged file); then the write fails even if `body` swallows the error.
    @discardableResult
    public func write<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T {
        guard let lastStep else { return try await backend.write(body) }
        return try await backend.write { connection in
            let result = try body(connection)
            try lastStep(connection)
            return result
        }
    }

    /// Asks the database for a trivial answer: throws if it cannot give one.
    public func ping() async throws {
        _ = try await read { try $0.fetchInt("SELECT 1") }
    }

    /// Moves what the write-ahead log holds into the database file, so that a copy of that file alone is recent. Does not wait for readers.
    public func checkpoint() async throws {
        try await backend.checkpoint()
    }

    /// What writes send with ``SQLConnection/notify(_:_:)`` on a channel: those of all programs on a PostgreSQL database, those of this
    /// ``Database`` on SQLite. The first element is ``DatabaseNotification/resumed``.
    public func notifications(_ channel: String) -> DatabaseNotifications {
        backend.notifications(channel)
    }

    /// Waits for running closures, then closes the database and releases its lock. Later calls throw ``DatabaseError/closed``;
    /// closing again does nothing.
    public func close() async throws {
        try await backend.close()
    }
}
