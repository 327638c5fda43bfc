import AsyncHTTPClient
import CatapultAPI
import NIOCore
import NIOHTTP1

/// Sends requests and maps what can go wrong. The only place that knows the HTTP library.
struct Transport: Sendable {
    /// One pool for the process. It lives as long as the process, so no client has to be closed.
    static let shared = Transport(
        client: HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    )

    let client: HTTPClient

    /// No redirects, since the key must not travel to another host; no repetition within the library, since `RetryPolicy` decides.
    private static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5)),
            connectionPool: .init(idleTimeout: .seconds(15))
        )
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return configuration
    }

    /// One request, ready to be sent.
    struct Request {
        var method: String
        var url: String
        var headers: HTTPHeaders
        var body: HTTPClientRequest.Body?
        /// The whole exchange, answer included, must end within this; nil for streams, which may last.
        var timeout: Duration?

        var name: String { "\(method) \(url)" }
    }

    /// An answer whose body is still under way.
    typealias Body = HTTPClientResponse.Body

    /// The most bytes of an error's body that are read.
    private static let longestErrorBody = 1 << 20

    /// Sends a request and gives the body of a 2xx answer.
    ///
    /// - Throws: `CatapultError` for any other status, `ConnectionError`, `CancellationError`.
    func send(_ request: Request) async throws -> Body { try await open(request).body }

    /// The head of an answer of success, and its body under way.
    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var body: Body
    }

    /// Sends a request and gives the answer once its head is there.
    ///
    /// - Throws: `CatapultError` for every status but 2xx, `ConnectionError`, `CancellationError`.
    func open(_ request: Request) async throws -> Answer {
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method)
        message.headers = request.headers
        message.body = request.body
        let deadline = request.timeout.map { NIODeadline.now() + TimeAmount($0) } ?? .distantFuture
        let response = try await mapping(request.url) { try await client.execute(message, deadline: deadline) }
        let status = Int(response.status.code)
        guard (200..<300).contains(status) else {
            let bytes = try? await response.body.collect(upTo: Self.longestErrorBody)
            let body = bytes.flatMap { try? JSONParser.parse($0.readableBytesView) } ?? .null
            throw CatapultError(status: status, body: body, retryAfter: response.headers.first(name: "Retry-After").flatMap { Int($0) })
        }
        return Answer(status: status, headers: response.headers, body: response.body)
    }

    /// Sends a request and gives the whole body of its answer.
    func collect(_ request: Request, upTo limit: Int) async throws -> ByteBuffer {
        let body = try await send(request)
        do {
            return try await mapping(request.url) { try await body.collect(upTo: limit) }
        } catch is NIOTooManyBytesError {
            throw AnswerError(request: request.name, reason: "it is longer than \(ByteCount.text(Int64(limit)))")
        }
    }

    /// Runs a part of an exchange and turns the library's errors into ours.
    func mapping<Result>(_ url: String, _ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch {
            try Task.checkCancellation()
            throw ConnectionError(error, url: Self.origin(of: url)) ?? error
        }
    }

    /// Scheme, host and port, which is what people need to see.
    private static func origin(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        return String(url[..<(url[scheme.upperBound...].firstIndex(of: "/") ?? url.endIndex)])
    }
}
