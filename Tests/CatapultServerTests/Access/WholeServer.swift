import CatapultAPI
import DatabaseTesting
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import SQLDatabase

@testable import CatapultServer

/// A server with all its routes and none of its workers, whose requests go to the router: what is queued stays in the queue.
struct WholeServer: Sendable {
    /// What a request got.
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let text: String
        var json: JSONValue { (try? JSONParser.parse(text.utf8)) ?? .null }
        var isSuccess: Bool { (200..<300).contains(status) }
    }

    /// What is asked of a call.
    struct Request: Sendable {
        var path: [String: String] = [:]
        var query: [String: String] = [:]
        var body: JSONValue?
        var bytes: String?
    }

    static let adminKey = "admin.of-the-walks-of-tests"

    let server: Server
    let directory: String
    private let client: any TestClientProtocol

    var database: Database { server.database }

    /// Runs a test with a server, once on each database, and removes all that it made.
    static func with(
        _ configure: @Sendable (inout ServerConfiguration) -> Void = { _ in }, _ body: @Sendable (WholeServer) async throws -> Void
    ) async throws {
        for kind in TestDatabase.all {
            try await withTemporaryDirectory { directory in
                switch kind {
                case .sqlite: try await run(directory, url: nil, configure, body)
                case .postgresql:
                    try await PostgreSQLServer.forTests().withDatabase { try await run(directory, url: $0, configure, body) }
                }
            }
        }
    }

    private static func run(
        _ directory: String, url: String?, _ configure: (inout ServerConfiguration) -> Void,
        _ body: @Sendable (WholeServer) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration(dataDirectory: directory, templatesDirectory: "\(directory)/templates")
        configuration.databaseURL = url
        configuration.adminKey = adminKey
        // Walks show more wrong keys than a person would.
        configuration.admission.failedKeys = RateLimit(requestsPerSecond: 100_000)
        configure(&configuration)
        let server = try await Server(configuration, logger: CoreFixture.logger)
        do {
            try await Application(responder: server.responder, logger: CoreFixture.logger).test(.router) { client in
                try await body(WholeServer(server: server, directory: directory, client: client))
            }
            await server.close()
        } catch {
            await server.close()
            throw error
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil, key: String? = adminKey, headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if let key { headers[.apiKey] = key }
        let response = try await client.executeRequest(
            uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        return Answer(status: response.status.code, headers: response.headers, text: String(buffer: response.body))
    }

    func send(_ call: any APICall.Type, _ request: Request, key: String? = adminKey, headers: HTTPFields = [:]) async throws -> Answer {
        var uri = ""
        for segment in Route.segments(of: call.route.path) {
            switch segment {
            case .literal(let text): uri += "/\(text)"
            case .parameter(let name): uri += "/\(Self.encoded(request.path[name] ?? Self.nobody))"
            case .rest(let name): uri += "/\(request.path[name] ?? "weights.bin")"
            }
        }
        if uri.isEmpty { uri = "/" }
        if !request.query.isEmpty {
            uri += "?" + request.query.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.encoded($0.value))" }.joined(separator: "&")
        }
        let method = HTTPRequest.Method(rawValue: call.route.method.rawValue) ?? .get
        return try await send(method, uri, request.bytes ?? request.body?.jsonText, key: key, headers: headers)
    }

    /// An answer that must be a success, as JSON.
    func made(
        _ method: HTTPRequest.Method, _ uri: String, _ body: JSONValue? = nil, bytes: String? = nil, key: String? = adminKey
    ) async throws -> JSONValue {
        let answer = try await send(method, uri, bytes ?? body?.jsonText, key: key)
        guard answer.isSuccess else { throw Refused(what: "\(method) \(uri): \(answer.status) \(answer.text)") }
        return answer.json
    }

    struct Refused: Error { let what: String }

    /// A UUID that nothing has.
    static let nobody = "00000000-0000-4000-8000-000000000000"

    static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "-._~"))) ?? text
    }

    /// All rows of all tables as text, by table.
    func contents(except left: Set<String> = []) async throws -> [String: [String]] {
        try await database.read { connection in
            var contents: [String: [String]] = [:]
            let tables: [String] =
                switch connection.dialect {
                case .sqlite: try connection.fetchColumn("SELECT name FROM sqlite_master WHERE type = 'table'", as: String.self)
                case .postgresql:
                    try connection.fetchColumn(
                        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'", as: String.self)
                }
            for table in tables where !left.contains(table) && !table.hasPrefix("sqlite_") {
                let row: SQLQuery
                switch connection.dialect {
                case .sqlite:
                    let columns = try connection.fetchColumn("SELECT name FROM pragma_table_info(\(table))", as: String.self)
                    row = "\(raw: columns.map { "quote(\"\($0)\")" }.joined(separator: " || ',' || "))"
                case .postgresql: row = "CAST(t AS TEXT)"
                }
                contents[table] = try connection.fetchColumn("SELECT \(row) FROM \(raw: table) t", as: String.self).sorted()
            }
            return contents
        }
    }
}
