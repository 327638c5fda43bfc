import Dispatch
import Foundation
import Logging
import SQLDatabase

/// Opens a database in a directory of its own, and removes both afterwards, whatever `body` throws.
func withDatabase(
    _ schema: String..., maximumReaders: Int = 4, busyTimeout: Duration = .seconds(5), _ body: (Database, String) async throws -> Void
) async throws {
    try await withDirectory { directory in
        let path = directory + "/test.sqlite"
        let database = try await openDatabase(path, schema: schema, maximumReaders: maximumReaders, busyTimeout: busyTimeout)
        do {
            try await body(database, path)
        } catch {
            try await database.close()
            throw error
        }
        try await database.close()
    }
}

/// Opens a database whose schema is one migration.
func openDatabase(
    _ path: String, schema: [String] = [], maximumReaders: Int = 4, busyTimeout: Duration = .seconds(5)
) async throws -> Database {
    try await openDatabase(
        path, migrations: [Migration(number: 1, name: "schema", statements: schema)], maximumReaders: maximumReaders,
        busyTimeout: busyTimeout
    )
}

func openDatabase(
    _ path: String, migrations: [Migration], maximumReaders: Int = 4, busyTimeout: Duration = .seconds(5)
) async throws -> Database {
    try await Database.open(
        .init(location: .sqlite(path: path), maximumReaders: maximumReaders, busyTimeout: busyTimeout),
        migrations: migrations, logger: Logger(label: "SQLDatabaseTests") { _ in SwiftLogNoOpLogHandler() }
    )
}

func withDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("sqldatabase-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try await body(directory.path)
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
