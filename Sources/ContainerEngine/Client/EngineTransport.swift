import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends calls, negotiates the version, and turns what comes back into values or typed errors.
final class EngineTransport: Sendable {
    let host: EngineHost
    private let client: HTTPClient
    private let ownsClient: Bool
    private let callTimeout: Duration
    private let logger: Logger
    /// The version last agreed on; nil before the first call, and again once the engine was away.
    private let negotiated = Mutex<APIVersion?>(nil)

    /// The most bytes of an answer that is not a stream. A list of ten thousand containers stays below.
    private static let answerLimit = 64 << 20
    private static let errorLimit = 64 << 10

    init(configuration: ContainerEngine.Configuration, logger: Logger) {
        host = configuration.host
        callTimeout = configuration.callTimeout
        self.logger = logger
        if let given = configuration.httpClient {
            client = given
            ownsClient = false
        } else {
            var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
            settings.httpVersion = .http1Only
            settings.timeout.connect = .nanoseconds(configuration.connectTimeout.wholeNanoseconds)
            // An absent engine shall be told at once, and followed logs shall not use up the connections of other calls.
            settings.connectionPool.retryConnectionEstablishment = false
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4096
            client = HTTPClient(configuration: settings)
            ownsClient = true
        }
    }

    func shutdown() async throws {
        if ownsClient { try await client.shutdown() }
    }

    // MARK: - Calls

    /// Sends a call and reads its answer.
    func value<Value: Decodable & Sendable>(_ call: EngineCall, as type: Value.Type = Value.self) async throws -> Value {
        let bytes = try await withTimeLimit(of: call) {
            let response = try await self.response(to: call)
            return try await self.collect(response, call: call)
        }
        return try EngineJSON.decode(type, from: bytes.readableBytesView, call: call.name)
    }

    /// Sends a call whose answer has no content, or none of interest.
    func perform(_ call: EngineCall) async throws {
        try await withTimeLimit(of: call) {
            let response = try await self.response(to: call)
            _ = try await self.collect(response, call: call)
        }
    }

    /// Sends a call that is answered when something happens, however long that takes.
    func eventually<Value: Decodable>(_ call: EngineCall, as type: Value.Type = Value.self) async throws -> Value {
        let bytes = try await collect(try await response(to: call), call: call)
        return try EngineJSON.decode(type, from: bytes.readableBytesView, call: call.name)
    }

    /// Sends a call whose answer is a stream. Only the answer's head is awaited.
    func stream<Parser: StreamParser>(_ call: EngineCall, parser: Parser) async throws -> EngineStream<Parser.Element> {
        let response = try await response(to: call)
        return EngineStream(body: response.body, host: host, parser: parser)
    }

    /// The version to speak, agreed on with the engine when it is not known yet.
    func version() async throws -> APIVersion {
        if let known = negotiated.withLock({ $0 }) { return known }
        let call = EngineCall(method: .GET, path: "/version")
        let answer = try await withTimeLimit(of: call) {
            let response = try await self.check(try await self.execute(call, version: nil), call: call)
            return try EngineJSON.decode(
                EngineVersion.self, from: try await self.collect(response, call: call).readableBytesView, call: call.name)
        }
        let agreed = try APIVersion.negotiated(engineNewest: answer.apiVersion, engineOldest: answer.oldestAPIVersion)
        negotiated.withLock { $0 = agreed }
        logger.debug("Agreed on an API version", metadata: ["version": "\(agreed)", "engine": "\(answer.version)"])
        return agreed
    }

    // MARK: - Plumbing

    private func response(to call: EngineCall) async throws -> HTTPClientResponse {
        do {
            return try await check(try await execute(call, version: try await version()), call: call)
        } catch ContainerEngineError.badRequest(let message) where message.contains("client version") && call.isRepeatable {
            // Another engine came up on the same socket since the version was agreed on.
            negotiated.withLock { $0 = nil }
            return try await check(try await execute(call, version: try await version()), call: call)
        }
    }

    private func execute(_ call: EngineCall, version: APIVersion?) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: call.url(base: host.baseURL, version: version))
        request.method = call.method
        // async-http-client sends no Host for a unix socket, and the engine insists on one.
        if case .unixSocket = host { request.headers.add(name: "Host", value: "docker") }
        switch call.body {
        case .none:
            break
        case .json(let data):
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: data))
        case .stream(let body, let contentType):
            request.headers.add(name: "Content-Type", value: contentType)
            request.body = body
        }
        do {
            do {
                return try await client.execute(request, deadline: .distantFuture, logger: logger)
            } catch let error as HTTPClientError where error == .remoteConnectionClosed && call.method == .GET {
                // A kept connection of an engine that has restarted meanwhile.
                return try await client.execute(request, deadline: .distantFuture, logger: logger)
            }
        } catch {
            throw translate(error)
        }
    }

    private func check(_ response: HTTPClientResponse, call: EngineCall) async throws -> HTTPClientResponse {
        // 304 answers a start of what runs, and a stop of what is stopped: the caller has what it wants.
        if (200..<300).contains(response.status.code) || response.status == .notModified { return response }
        let bytes: ByteBuffer
        do {
            bytes = try await response.body.collect(upTo: Self.errorLimit)
        } catch is NIOTooManyBytesError {
            bytes = ByteBuffer(string: "The engine's error message is longer than \(Self.errorLimit) bytes.")
        } catch {
            throw translate(error)
        }
        throw ErrorMapping.error(
            status: Int(response.status.code), message: EngineJSON.message(from: bytes.readableBytesView), subject: call.subject)
    }

    private func collect(_ response: HTTPClientResponse, call: EngineCall) async throws -> ByteBuffer {
        do {
            return try await response.body.collect(upTo: Self.answerLimit)
        } catch is NIOTooManyBytesError {
            throw ContainerEngineError.unexpectedResponse(
                message: "The engine's answer to \(call.name) is larger than \(Self.answerLimit) bytes.")
        } catch {
            throw translate(error)
        }
    }

    private func translate(_ error: any Error) -> any Error {
        let translated = ErrorMapping.translate(error, host: host)
        if let known = translated as? ContainerEngineError, known.isUnavailable {
            negotiated.withLock { $0 = nil }
        }
        return translated
    }

    private func withTimeLimit<Result: Sendable>(
        of call: EngineCall, _ operation: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let limit = callTimeout + call.extraTime
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask(operation: operation)
            group.addTask {
                try await Task.sleep(for: limit)
                throw ContainerEngineError.timedOut(call: call.name, limit: limit)
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }
}

extension EngineCall {
    fileprivate var isRepeatable: Bool {
        if case .stream = body { false } else { true }
    }
}
