import Foundation

/// A PostgreSQL server on which a test may create databases.
public struct PostgreSQLServer: Sendable {
    /// The URL of a database of the server to which the test may connect.
    public let url: String

    public init(url: String) {
        self.url = url
    }

    /// The server that CATAPULT_TEST_POSTGRES names.
    public static func forTests() throws -> PostgreSQLServer {
        guard let url = TestDatabase.postgreSQLServer else { throw PostgreSQLMissing() }
        return PostgreSQLServer(url: url)
    }

    /// The same server's URL with another database.
    public func url(ofDatabase name: String) throws -> String {
        guard var components = URLComponents(string: url) else { throw PostgreSQLMissing() }
        components.path = "/\(name)"
        return components.string ?? url
    }

    /// Makes an empty database.
    func create(_ name: String) async throws {
        try await run("CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
    }

    /// Makes an empty database and drops it afterwards, whatever `body` throws and whoever is still connected.
    public func withDatabase<T>(_ body: (String) async throws -> T) async throws -> T {
        let name = "catapult_test_\(UUID().uuidString.lowercased().replacing("-", with: ""))"
        try await create(name)
        let result: Result<T, any Error>
        do { result = .success(try await body(try url(ofDatabase: name))) } catch { result = .failure(error) }
        try await run("DROP DATABASE \(name) WITH (FORCE)")
        return try result.get()
    }

    /// Runs a statement outside of a transaction and gives the first column of its rows, one a line.
    @discardableResult
    public func run(_ sql: String) async throws -> String {
        try await runProgram(
            "psql",
            ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname=\(url)", "--command=\(sql)"])
    }
}

extension PostgreSQLServer {
    /// Starts a server of the test's own and ends it afterwards, whatever `body` throws. `body` may stop and start it.
    public static func withOwn<T>(_ body: (PostgreSQLServer, PostgreSQLControl) async throws -> T) async throws -> T {
        // A socket's path is short.
        let control = PostgreSQLControl(folder: "/tmp/catapult-pg-\(UUID().uuidString.prefix(8))")
        let url = try await control.run("start").trimmingCharacters(in: .whitespacesAndNewlines)
        let result: Result<T, any Error>
        do { result = .success(try await body(PostgreSQLServer(url: url), control)) } catch { result = .failure(error) }
        try await control.run("remove")
        return try result.get()
    }
}

/// Stops and starts a server of the test's own.
public struct PostgreSQLControl: Sendable {
    fileprivate let folder: String

    /// Ends the server: connections break.
    public func stop() async throws { try await run("stop") }

    /// Starts the server anew.
    public func start() async throws { try await run("again") }

    /// From now on everybody but `catapult` needs a password.
    public func requirePasswords() async throws {
        let rules = "local all catapult trust\nlocal all all scram-sha-256\n"
        try rules.write(toFile: "\(folder)/data/pg_hba.conf", atomically: false, encoding: .utf8)
        try await stop()
        try await start()
    }

    @discardableResult
    fileprivate func run(_ action: String) async throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try await runProgram(root.appendingPathComponent("scripts/postgres.sh").path, [action, folder])
    }
}

/// There is no server for the tests.
public struct PostgreSQLMissing: Error {}
