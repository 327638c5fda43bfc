import DatabaseTesting
import Dispatch
import Logging
import SQLDatabase

/// Opens an empty database, and removes it afterwards, whatever `body` throws.
func withDatabase(
    on kind: TestDatabase, _ schema: String..., maximumReaders: Int = 4, busyTimeout: Duration = .seconds(5),
    _ body: (Database) async throws -> Void
) async throws {
    try await kind.withConfiguration { configuration in
        var configuration = configuration
        configuration.maximumReaders = maximumReaders
        configuration.busyTimeout = busyTimeout
        try await withDatabase(configuration, schema: schema, body)
    }
}

/// Opens a database and closes it afterwards, whatever `body` throws.
func withDatabase(_ configuration: Database.Configuration, schema: [String] = [], _ body: (Database) async throws -> Void) async throws {
    let database = try await openDatabase(configuration, schema: schema)
    do {
        try await body(database)
    } catch {
        try await database.close()
        throw error
    }
    try await database.close()
}

/// Opens an SQLite database in a directory of its own; `body` gets its path as well.
func withSQLite(
    _ schema: String..., maximumReaders: Int = 4, busyTimeout: Duration = .seconds(5), _ body: (Database, String) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let path = directory + "/test.sqlite"
        let configuration = Database.Configuration(
            location: .sqlite(path: path), maximumReaders: maximumReaders, busyTimeout: busyTimeout)
        try await withDatabase(configuration, schema: schema) { try await body($0, path) }
    }
}

/// Opens a database whose schema is one migration.
func openDatabase(_ configuration: Database.Configuration, schema: [String] = []) async throws -> Database {
    try await openDatabase(configuration, migrations: [Migration(number: 1, name: "schema", statements: schema)])
}

func openDatabase(_ configuration: Database.Configuration, migrations: [Migration]) async throws -> Database {
    try await Database.open(
        configuration, migrations: migrations, logger: Logger(label: "SQLDatabaseTests") { _ in SwiftLogNoOpLogHandler() })
}

/// Opens an SQLite database.
func openDatabase(_ path: String, schema: [String] = []) async throws -> Database {
    try await openDatabase(.init(location: .sqlite(path: path)), schema: schema)
}

extension SQLDialect {
    /// A condition on which a table, index or view of a name is there.
    func has(_ name: String) -> SQLQuery {
        switch self {
        case .sqlite: "SELECT 1 FROM sqlite_schema WHERE name = \(name)"
        case .postgresql: "SELECT 1 FROM pg_class WHERE relname = \(name)"
        }
    }
}

/// Holds a closure of the database at one point: the closure waits on its own thread, the test as a task.
final class Gate: Sendable {
    private let permission = DispatchSemaphore(value: 0)
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() {
        (arrivals, arrival) = AsyncStream.makeStream()
    }

    /// Called by the closure: says that it is here and waits to be let on.
    func pause() {
        arrive()
        permission.wait()
    }

    /// Called by the closure: says that it is here.
    func arrive() { arrival.yield() }

    /// Called by the test: waits for the closure.
    func reached() async {
        var iterator = arrivals.makeAsyncIterator()
        await iterator.next()
    }

    /// Called by the test: lets the closure on.
    func open() { permission.signal() }
}
