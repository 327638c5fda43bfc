import Foundation
import Logging
public import SQLDatabase

/// What a test finds in its database: nothing, or what migrations make. Made once in a process.
public struct TestSchema: Sendable {
    let name: String
    let migrations: [Migration]
    let template: SQLiteTemplate?

    /// No tables at all.
    public static let empty = TestSchema(name: "empty", migrations: [])

    /// The tables that migrations make.
    ///
    /// - Parameter name: tells schemas apart.
    public init(name: String, migrations: [Migration]) {
        self.name = name
        self.migrations = migrations
        template = migrations.isEmpty ? nil : SQLiteTemplate(migrations)
    }
}

/// An SQLite database that tests begin with copies of: cheaper than a dozen migrations, each of which waits for the disk.
actor SQLiteTemplate {
    private let migrations: [Migration]
    private var making: Task<Data, any Error>?

    init(_ migrations: [Migration]) {
        self.migrations = migrations
    }

    /// Puts a copy under a path.
    func copy(to path: String) async throws {
        let making = making ?? Task { [migrations] in try await Self.make(migrations) }
        self.making = making
        try await making.value.write(to: URL(fileURLWithPath: path))
    }

    private static func make(_ migrations: [Migration]) async throws -> Data {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/template.sqlite"
            try await Database.open(
                .init(location: .sqlite(path: path)), migrations: migrations,
                logger: Logger(label: "DatabaseTesting") { _ in SwiftLogNoOpLogHandler() }
            ).close()
            return try Data(contentsOf: URL(fileURLWithPath: path))
        }
    }
}
