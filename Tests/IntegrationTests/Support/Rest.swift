import AsyncHTTPClient
import CatapultAPI
import NIOCore
import NIOHTTP1
import Testing

/// An answer as it came over the wire.
struct Answer: Sendable, CustomStringConvertible {
    let status: Int
    let headers: HTTPHeaders
    let text: String

    /// The body as JSON.
    var json: JSONValue { get throws { try JSONParser.parse(text.utf8) } }

    var description: String { "\(status) \(text)" }
}

/// Whose key a request carries.
enum Key: Sendable {
    case none
    case admin
    /// In the header `X-API-Key`.
    case header(String)
    /// In the header `Authorization`.
    case bearer(String)
}

extension TestServer {
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()

    /// Sends a request as it stands. A path without a host goes to this server.
    func request(
        _ method: Route.Method, _ path: String, key: Key = .admin, body: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        try await request(named: method.rawValue, path, key: key, body: body, headers: headers)
    }

    /// Sends a request with any method.
    func request(
        named method: String, _ path: String, key: Key = .admin, body: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: path.hasPrefix("http") ? path : url + path)
        request.method = HTTPMethod(rawValue: method)
        request.headers = headers
        switch key {
        case .none: break
        case .admin: request.headers.add(name: "X-API-Key", value: try adminKey)
        case .header(let key): request.headers.add(name: "X-API-Key", value: key)
        case .bearer(let key): request.headers.add(name: "Authorization", value: "Bearer \(key)")
        }
        request.body = body.map { .bytes(ByteBuffer(string: $0)) }
        let response = try await Self.http.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 16 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, text: String(buffer: bytes))
    }

    /// Opens an answer whose body is still under way.
    func open(_ method: Route.Method, _ url: String, body: String) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.body = .bytes(ByteBuffer(string: body))
        return try await Self.http.execute(request, deadline: .distantFuture)
    }
}
