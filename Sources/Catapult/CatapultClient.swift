import CatapultAPI
import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Speaks to a Catapult server.
///
/// Every call of the contract is a value that is sent:
///
/// ```swift
/// let client = try CatapultClient.fromEnvironment()
/// let page = try await client.send(ListModels(size: 20))
/// let deployment = try await client.send(ExecuteDeployment(releaseID: "gpt-model:1.0", environment: "staging", replicas: 2))
/// if let operation = deployment.operationID { try await client.waitForOperation(operation) }
/// ```
///
/// A client is a cheap value; all clients of a process share their connections, and none has to be closed.
/// Three types of errors come out of it: `CatapultError` (the server said no), ``ConnectionError`` (no answer came) and
/// ``AnswerError`` (the answer makes no sense).
public struct CatapultClient: Sendable {
    /// What can be tuned.
    public struct Options: Sendable {
        /// The face that speaks, for the server's audit log.
        public enum Face: String, Sendable {
            case sdk
            case cli
        }

        /// The face that speaks.
        public var face = Face.sdk
        /// How long one exchange may take. Streams, uploads and long polls have their own rules.
        public var timeout = Duration.seconds(60)
        /// When a request is sent again.
        public var retry = RetryPolicy()
        /// The longest answer that is read into memory, in bytes.
        public var longestAnswer = 256 << 20

        /// The usual options.
        public init() {}
    }

    /// The server.
    public let url: ServerURL
    let apiKey: String?
    let options: Options
    let transport: Transport
    let clock: any Clock<Duration>
    let jitter: @Sendable () -> Double

    /// A client of a server.
    ///
    /// - Parameters:
    ///   - url: the root of the server.
    ///   - apiKey: the key that lets the client in, `prefix.secret`; nil reaches only what is open to anybody.
    ///   - options: what can be tuned.
    /// - Throws: `ConfigurationError` for a key that cannot stand in a header.
    public init(url: ServerURL = .standard, apiKey: String?, options: Options = Options()) throws(ConfigurationError) {
        try self.init(url: url, apiKey: apiKey, options: options, clock: ContinuousClock()) { Double.random(in: 0..<1) }
    }

    init(
        url: ServerURL, apiKey: String?, options: Options, clock: any Clock<Duration>, jitter: @escaping @Sendable () -> Double
    ) throws(ConfigurationError) {
        if let apiKey, !apiKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw ConfigurationError(
                setting: "API key", reason: "has a space, a line break or a character outside ASCII",
                hint: "Give the key alone, as it was shown when it was made."
            )
        }
        self.url = url
        self.apiKey = apiKey
        self.options = options
        self.transport = .shared
        self.clock = clock
        self.jitter = jitter
    }

    /// A client as `REGISTRY_URL` (default `http://127.0.0.1:8080`) and `REGISTRY_API_KEY` say.
    ///
    /// - Throws: `ConfigurationError` where one of them cannot be used.
    public static func fromEnvironment(
        _ environment: [String: String] = ProcessInfo.processInfo.environment, options: Options = Options()
    ) throws(ConfigurationError) -> CatapultClient {
        let url = try environment["REGISTRY_URL"].flatMap { $0.isEmpty ? nil : $0 }.map { text throws(ConfigurationError) in
            try ServerURL(text)
        }
        return try CatapultClient(
            url: url ?? .standard, apiKey: environment["REGISTRY_API_KEY"].flatMap { $0.isEmpty ? nil : $0 }, options: options
        )
    }

    /// Sends a call and gives its answer.
    ///
    /// - Parameters:
    ///   - call: the call with its parameters; it must answer with JSON (streams have ``lines(of:)``).
    ///   - timeout: how long the exchange may take, where the client's own limit does not fit.
    /// - Throws: `CatapultError`, ``ConnectionError``, ``AnswerError``, `CancellationError`.
    public func send<Call: APICall>(_ call: Call, timeout: Duration? = nil) async throws -> Call.Output {
        let wire = try WireRequest(call)
        let bytes = try await retrier.run(effect: Call.effect) {
            try await transport.collect(request(wire, timeout: timeout ?? options.timeout), upTo: options.longestAnswer)
        }
        return try Self.decode(Call.Output.self, from: bytes, of: wire)
    }

    var retrier: Retrier { Retrier(policy: options.retry, clock: clock, jitter: jitter) }

    func request(_ wire: WireRequest, accept: BodyForm = .json, timeout: Duration?) -> Transport.Request {
        var headers: HTTPHeaders = [
            "Accept": accept.mediaType,
            "User-Agent": "catapult/\(CatapultVersion.current)",
            "X-Catapult-Face": options.face.rawValue,
        ]
        if let apiKey { headers.add(name: "X-API-Key", value: apiKey) }
        if wire.body != nil { headers.add(name: "Content-Type", value: BodyForm.json.mediaType) }
        return Transport.Request(
            method: wire.method.rawValue, url: url.root + wire.target, headers: headers,
            body: wire.body.map { .bytes(ByteBuffer(bytes: $0.jsonBytes)) }, timeout: timeout
        )
    }

    static func decode<Output: Decodable>(_ type: Output.Type, from bytes: ByteBuffer, of wire: WireRequest) throws -> Output {
        func unreadable(_ reason: String) -> AnswerError { AnswerError(request: "\(wire.method.rawValue) \(wire.path)", reason: reason) }
        do {
            return try WireDecoder.decode(type, from: bytes.readableBytesView)
        } catch let error as JSONParser.Failure {
            throw unreadable("it is no JSON: \(error.reason) (at byte \(error.offset))")
        } catch let error as FieldProblem {
            throw unreadable("\(error.field.isEmpty ? "the value" : error.field) \(error.message)")
        }
    }
}
