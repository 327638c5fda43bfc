import NIOCore

/// Times the events of one streamed answer. A pure value: bytes and their time of arrival in, figures out.
struct StreamMeter: Sendable {
    /// Why the stream is of no use.
    struct Rejected: Error, Hashable {
        var detail: String
    }

    /// The most content events of one answer that are timed.
    static let maximumContentEvents = 1_000_000

    private var parser = ServerSentEventParser()
    /// When the first and the last event with content came.
    private(set) var firstContent: NIODeadline?
    private(set) var lastContent: NIODeadline?
    /// The times between events with content, in nanoseconds.
    private(set) var gaps: [Int64] = []
    private(set) var contentEvents = 0
    private(set) var completionTokens: Int?
    private(set) var promptTokens: Int?
    /// Whether the stream said that it is complete.
    private(set) var isComplete = false
    /// What the server reported as an error, cut short.
    private(set) var errorEvent: String?

    /// The tokens of the answer: as the server counted them, else one per event with content.
    var outputTokens: Int { completionTokens ?? contentEvents }

    /// The mean time per token after the first; nil for answers of fewer than two tokens.
    var timePerOutputToken: TimeAmount? {
        guard let firstContent, let lastContent, outputTokens > 1 else { return nil }
        return .nanoseconds((lastContent - firstContent).nanoseconds / Int64(outputTokens - 1))
    }

    /// Takes the bytes that came at a time.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, at now: NIODeadline) throws(Rejected) {
        let events: [ServerSentEvent]
        do { events = try parser.consume(bytes) } catch { throw Rejected(detail: error.description) }
        for event in events { try receive(event, at: now) }
    }

    private mutating func receive(_ event: ServerSentEvent, at now: NIODeadline) throws(Rejected) {
        guard event.data != CompletionChunk.done else {
            isComplete = true
            return
        }
        let chunk: CompletionChunk
        do { chunk = try CompletionChunk(event.data) } catch { throw Rejected(detail: "an event of \(error)") }
        if chunk.hasError, errorEvent == nil { errorEvent = Excerpt.of(event.data) }
        if chunk.isFinished { isComplete = true }
        // With `continuous_usage_stats` each chunk brings the count so far: the last one holds.
        if let tokens = chunk.completionTokens { completionTokens = tokens }
        if let tokens = chunk.promptTokens { promptTokens = tokens }
        guard chunk.hasContent else { return }
        guard contentEvents < Self.maximumContentEvents else {
            throw Rejected(detail: "over \(Self.maximumContentEvents) events in one answer")
        }
        contentEvents += 1
        if let lastContent { gaps.append((now - lastContent).nanoseconds) } else { firstContent = now }
        lastContent = now
    }
}

/// Makes a short, printable piece of foreign bytes for an error message.
enum Excerpt {
    static let limit = 200

    static func of(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.prefix(limit).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: " ") }, as: UTF8.self)
    }
}
