import AsyncHTTPClient
import CatapultAPI
import NIOCore
import NIOHTTP1

/// Talks to an endpoint that speaks the OpenAI chat completions API, such as a deployment's.
public struct ChatClient: Sendable {
    /// The endpoint's root, without `/v1`.
    public let endpoint: ServerURL
    /// The model to ask for; nil takes the first that the endpoint lists.
    public let model: String?
    private let apiKey: String?
    private let transport = Transport.shared

    /// The longest list of models that is read, in bytes.
    private static let longestList = 4 << 20

    /// A client of an endpoint.
    ///
    /// - Parameters:
    ///   - endpoint: the endpoint's root, such as `http://127.0.0.1:9000`; a trailing `/v1` is understood.
    ///   - model: the model to ask for; nil takes the first that the endpoint lists.
    ///   - apiKey: the endpoint's own key, where it wants one (sent as a bearer token).
    /// - Throws: `ConfigurationError` for an endpoint that is no URL.
    public init(endpoint: String, model: String? = nil, apiKey: String? = nil) throws(ConfigurationError) {
        self.endpoint = try ServerURL(endpoint.hasSuffix("/v1") ? String(endpoint.dropLast(3)) : endpoint)
        self.model = model
        self.apiKey = apiKey
    }

    /// The names of the models that the endpoint serves.
    ///
    /// - Throws: `CatapultError`, ``ConnectionError``, ``AnswerError``, `CancellationError`.
    public func models() async throws -> [String] {
        let request = request("GET", "/v1/models", accept: .json, body: nil, timeout: .seconds(30))
        let bytes = try await understood { try await transport.collect(request, upTo: Self.longestList) }
        guard let list = try? JSONParser.parse(bytes.readableBytesView), let data = list["data"]?.arrayValue else {
            throw AnswerError(request: request.name, reason: "it is no list of models")
        }
        return data.compactMap { $0["id"]?.stringValue }
    }

    /// Asks, and gives the answer piece by piece. Nothing is sent before the first piece is asked for.
    public func stream(_ messages: [ChatMessage], options: ChatOptions = ChatOptions()) -> ChatStream {
        let events = EventStream(method: .post, url: endpoint.root + "/v1/chat/completions", transport: transport) {
            let model = if let model { model } else { try await models().first }
            let body = Self.body(messages, model: model, options: options)
            return try await understood {
                try await transport.send(request("POST", "/v1/chat/completions", accept: .events, body: body, timeout: nil))
            }
        }
        return ChatStream(events: events)
    }

    /// The JSON body of a streamed chat completion.
    ///
    /// - Parameters:
    ///   - messages: the conversation so far.
    ///   - model: the model to ask for.
    ///   - options: what can be set for the answer.
    public static func body(_ messages: [ChatMessage], model: String?, options: ChatOptions = ChatOptions()) -> JSONValue {
        var body: [String: JSONValue] = [
            "messages": .array(messages.map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
            "stream": true,
            "stream_options": ["include_usage": true],
        ]
        body["model"] = model.map(JSONValue.string)
        body["max_tokens"] = options.maxTokens.map { .int(Int64($0)) }
        body["temperature"] = options.temperature.map(JSONValue.double)
        return .object(body)
    }

    private func request(_ method: String, _ path: String, accept: BodyForm, body: JSONValue?, timeout: Duration?) -> Transport.Request {
        var headers: HTTPHeaders = ["Accept": accept.mediaType, "User-Agent": "catapult/\(CatapultVersion.current)"]
        if let apiKey { headers.add(name: "Authorization", value: "Bearer \(apiKey)") }
        if body != nil { headers.add(name: "Content-Type", value: BodyForm.json.mediaType) }
        return Transport.Request(
            method: method, url: endpoint.root + path, headers: headers, body: body.map { .bytes(ByteBuffer(bytes: $0.jsonBytes)) },
            timeout: timeout
        )
    }

    /// Endpoints of this kind wrap what went wrong: `{"error": {"message": …}}`.
    private func understood<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch var error as CatapultError {
            if let wrapped = error.details["error"], let message = wrapped["message"]?.stringValue ?? wrapped.stringValue {
                error.message = message
            }
            throw error
        }
    }
}

/// The pieces of an answer, as they come.
public struct ChatStream: AsyncSequence, Sendable {
    public typealias Element = ChatDelta

    let events: EventStream

    public func makeAsyncIterator() -> Iterator { Iterator(events: events.makeAsyncIterator()) }

    /// Asks the endpoint at the first element.
    public struct Iterator: AsyncIteratorProtocol {
        var events: EventStream.Iterator

        /// The next piece, or nil at the end of the answer.
        ///
        /// - Throws: `CatapultError`, ``ConnectionError``, ``AnswerError`` (also where an event is no chunk of an answer), `CancellationError`.
        public mutating func next() async throws -> ChatDelta? {
            guard let event = try await events.next(), event.data != "[DONE]" else { return nil }
            guard let chunk = try? JSONParser.parse(event.data.utf8) else {
                throw AnswerError(request: "POST /v1/chat/completions", reason: "an event is no JSON")
            }
            return try ChatDelta(chunk: chunk)
        }
    }
}

extension ChatDelta {
    /// Reads a chunk of the OpenAI API ("The chat completion chunk object").
    init(chunk: JSONValue) throws {
        if let error = chunk["error"] {
            throw CatapultError(
                status: error["code"]?.intValue ?? 502, code: "endpoint_error", type: "EndpointError",
                message: error["message"]?.stringValue ?? error.stringValue ?? "the endpoint reported an error in its answer"
            )
        }
        let choice = chunk["choices"]?[0]
        let delta = choice?["delta"]
        self.init(
            content: delta?["content"]?.stringValue ?? "",
            reasoning: delta?["reasoning_content"]?.stringValue ?? delta?["reasoning"]?.stringValue ?? "",
            finishReason: choice?["finish_reason"]?.stringValue
        )
        if let prompt = chunk["usage"]?["prompt_tokens"]?.intValue, let completion = chunk["usage"]?["completion_tokens"]?.intValue {
            usage = Usage(promptTokens: prompt, completionTokens: completion)
        }
    }
}
