import Foundation
public import SQLDatabase

/// The kinds of database that tests run on: `@Test(arguments: TestDatabase.all)`.
///
/// PostgreSQL is there where CATAPULT_TEST_POSTGRES is the URL of a server on which the tests may create databases; scripts/test.sh starts
/// one of its own.
public enum TestDatabase: String, Sendable, CaseIterable, CustomStringConvertible {
    case sqlite, postgresql

    /// What there is to test on. Under CI=true nothing is left out: what is missing fails.
    public static let all: [TestDatabase] =
        postgreSQLServer == nil && ProcessInfo.processInfo.environment["CI"] != "true" ? [.sqlite] : [.sqlite, .postgresql]

    /// The URL of a database of the server for tests.
    public static let postgreSQLServer: String? = ProcessInfo.processInfo.environment["CATAPULT_TEST_POSTGRES"].flatMap {
        $0.isEmpty ? nil : $0
    }

    public var description: String { rawValue }

    /// Lends a database with a schema to `body`, and removes what it left in it, whatever it throws.
    public func withConfiguration<T>(
        _ schema: TestSchema = .empty, _ body: (Database.Configuration) async throws -> T
    ) async throws -> T {
        switch self {
        case .sqlite:
            try await withTemporaryDirectory { directory in
                let path = "\(directory)/test.sqlite"
                try await schema.template?.copy(to: path)
                return try await body(.init(location: .sqlite(path: path)))
            }
        case .postgresql:
            try await PostgreSQLPool.shared.with(schema, body)
        }
    }
}

/// Calls `body` with the path of an empty directory, which is removed afterwards.
public func withTemporaryDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try await body(directory.path)
}
