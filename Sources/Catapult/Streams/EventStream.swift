import CatapultAPI

/// The events of an answer, as they come. Nothing is sent before the first is asked for; the server waits while nobody asks.
public struct EventStream: AsyncSequence, Sendable {
    public typealias Element = ServerSentEvent

    let method: Route.Method
    let url: String
    let transport: Transport
    let open: @Sendable () async throws -> Transport.Body

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Opens the stream at the first element.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: EventStream
        private var chunks: Transport.Body.AsyncIterator?
        private var parser = EventStreamParser()
        private var ready: ArraySlice<ServerSentEvent> = []

        init(stream: EventStream) { self.stream = stream }

        /// The next event, or nil at the end of the answer.
        ///
        /// - Throws: `CatapultError`, ``ConnectionError``, ``AnswerError``, `CancellationError`.
        public mutating func next() async throws -> ServerSentEvent? {
            while true {
                if let event = ready.popFirst() { return event }
                var chunks = if let chunks { chunks } else { try await stream.open().makeAsyncIterator() }
                let chunk = try await stream.transport.mapping(stream.url) { try await chunks.next() }
                self.chunks = chunks
                guard let chunk else { return nil }
                do {
                    ready = ArraySlice(try parser.consume(chunk.readableBytesView))
                } catch {
                    throw AnswerError(
                        request: "\(stream.method.rawValue) \(stream.url)",
                        reason: "an event is longer than \(ByteCount.text(Int64(parser.longestEvent)))")
                }
            }
        }
    }
}

/// The lines of an answer, as they come: of a growing text, or the data of events. Nothing is sent before the first is asked for.
public struct LineStream: AsyncSequence, Sendable {
    public typealias Element = String

    let url: String
    let transport: Transport
    let form: BodyForm
    let open: @Sendable () async throws -> Transport.Body

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            source: form == .events
                ? .events(EventStream(method: .get, url: url, transport: transport, open: open).makeAsyncIterator()) : .text(self))
    }

    /// Opens the stream at the first element.
    public struct Iterator: AsyncIteratorProtocol {
        enum Source {
            case events(EventStream.Iterator)
            case text(LineStream)
        }

        private var source: Source
        private var chunks: Transport.Body.AsyncIterator?
        private var splitter = LineSplitter()
        private var ready: ArraySlice<String> = []

        init(source: Source) { self.source = source }

        /// The next line, or nil when what the stream describes has ended.
        ///
        /// - Throws: `CatapultError` (also one that the server reports as an event named `error`), ``ConnectionError``, ``AnswerError``,
        ///   `CancellationError`.
        public mutating func next() async throws -> String? {
            switch source {
            case .events(var events):
                let event = try await events.next()
                source = .events(events)
                guard let event, event.event != "end" else { return nil }
                guard event.event != "error" else {
                    let body = (try? JSONParser.parse(event.data.utf8)) ?? ["detail": .string(event.data)]
                    throw CatapultError(status: body["status"]?.intValue ?? 500, body: body)
                }
                return event.data
            case .text(let stream): return try await nextTextLine(of: stream)
            }
        }

        private mutating func nextTextLine(of stream: LineStream) async throws -> String? {
            while true {
                if let line = ready.popFirst() { return line }
                var chunks = if let chunks { chunks } else { try await stream.open().makeAsyncIterator() }
                let chunk = try await stream.transport.mapping(stream.url) { try await chunks.next() }
                self.chunks = chunks
                guard let chunk else { return splitter.finish() }
                ready = ArraySlice(splitter.consume(chunk.readableBytesView))
            }
        }
    }
}

extension CatapultClient {
    /// The lines of a call that streams, such as `StreamBuildLogs`: to the end of what it describes, or until the task is cancelled.
    public func lines<Call: APICall>(of call: Call) throws -> LineStream where Call.Output == Streamed {
        let wire = try WireRequest(call)
        return LineStream(url: url.root + wire.path, transport: transport, form: Call.responseBody) {
            try await retrier.run(effect: Call.effect) { try await transport.send(request(wire, accept: Call.responseBody, timeout: nil)) }
        }
    }
}
