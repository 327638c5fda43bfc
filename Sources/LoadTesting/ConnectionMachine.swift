import NIOCore

/// How a request ended.
struct Outcome: Sendable {
    enum Result: Sendable {
        case success(StreamMeter?)
        case failure(LoadTest.Failure, detail: String)
    }

    var ticket: Ticket
    /// When it was written; nil where it never was.
    var sent: NIODeadline?
    var ended: NIODeadline
    var result: Result
}

/// One keep-alive connection: takes what happens on it, and says what that means. No I/O.
///
/// It carries one request at a time. Its timer is lazy: it is armed once, and when it fires early for the request that is then under way it is
/// armed again, so that a fast exchange costs no timer at all.
struct ConnectionMachine: Sendable {
    enum Action: Sendable {
        case none
        /// The request ended; the connection can carry another, or must be closed.
        case finish(Outcome, reusable: Bool)
        /// Wake the machine at this time.
        case arm(NIODeadline)
    }

    private struct Exchange {
        let ticket: Ticket
        let sent: NIODeadline
        let deadline: NIODeadline
        var status: Int?
        var keepsAlive = false
        var mediaType = ""
        var meter: StreamMeter?
        var excerpt: [UInt8] = []

        var isSuccessStatus: Bool { status.map { (200..<300).contains($0) } ?? false }
    }

    private let timeout: TimeAmount
    private let streaming: LoadTest.Streaming
    private var exchange: Exchange?
    private var isArmed = false

    init(timeout: TimeAmount, streaming: LoadTest.Streaming) {
        self.timeout = timeout
        self.streaming = streaming
    }

    /// The request under way.
    var ticket: Ticket? { exchange?.ticket }

    /// A request is being written on this idle connection.
    mutating func begin(_ ticket: Ticket, at now: NIODeadline) -> Action {
        let exchange = Exchange(ticket: ticket, sent: now, deadline: ticket.due + timeout)
        self.exchange = exchange
        guard !isArmed else { return .none }
        isArmed = true
        return .arm(exchange.deadline)
    }

    /// The head of the answer came.
    mutating func receivedHead(status: Int, keepsAlive: Bool, contentType: String?) {
        exchange?.status = status
        exchange?.keepsAlive = keepsAlive
        guard streaming == .serverSentEvents, exchange?.isSuccessStatus == true else { return }
        let mediaType = (contentType ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
        exchange?.mediaType = mediaType
        if mediaType == "text/event-stream" { exchange?.meter = StreamMeter() }
    }

    /// Bytes of the answer's content came.
    mutating func receivedBody(_ bytes: UnsafeRawBufferPointer, at now: NIODeadline) -> Action {
        if exchange?.meter != nil {
            do { try exchange?.meter?.receive(bytes, at: now) } catch { return fail(.protocolViolation, error.detail, at: now) }
        } else if let exchange, !exchange.isSuccessStatus {
            self.exchange?.excerpt.append(contentsOf: bytes.prefix(Excerpt.limit - exchange.excerpt.count))
        }
        return .none
    }

    /// The answer ended as its framing says.
    mutating func receivedEnd(at now: NIODeadline) -> Action {
        guard let exchange else { return .none }
        guard exchange.isSuccessStatus, let status = exchange.status else {
            return finish(
                .failure(.status(exchange.status ?? 0), detail: Excerpt.of(exchange.excerpt)), reusable: exchange.keepsAlive, at: now)
        }
        guard streaming == .serverSentEvents else { return finish(.success(nil), reusable: exchange.keepsAlive, at: now) }
        let result: Outcome.Result
        if let meter = exchange.meter {
            if let error = meter.errorEvent {
                result = .failure(.streamError, detail: error)
            } else if meter.isComplete {
                result = .success(meter)
            } else {
                result = .failure(.cutStream, detail: "the stream ended without [DONE] or a finish_reason")
            }
        } else {
            let mediaType = exchange.mediaType.isEmpty ? "no content type" : Excerpt.of(exchange.mediaType.utf8)
            result = .failure(.protocolViolation, detail: "status \(status) with \(mediaType) instead of text/event-stream")
        }
        return finish(result, reusable: exchange.keepsAlive, at: now)
    }

    /// The connection is gone, or what came over it was not HTTP.
    mutating func fail(_ failure: LoadTest.Failure, _ detail: String, at now: NIODeadline) -> Action {
        finish(.failure(failure, detail: detail), reusable: false, at: now)
    }

    /// The connection was closed.
    mutating func closed(at now: NIODeadline) -> Action {
        fail(.cutStream, "the connection was closed \(exchange?.status == nil ? "before" : "in the middle of") the answer", at: now)
    }

    /// The time asked for with ``Action/arm(_:)`` has come.
    mutating func timerFired(at now: NIODeadline) -> Action {
        isArmed = false
        guard let exchange else { return .none }
        if now >= exchange.deadline { return fail(.timeout, "no end of the answer within \(Duration(timeout))", at: now) }
        isArmed = true
        return .arm(exchange.deadline)
    }

    private mutating func finish(_ result: Outcome.Result, reusable: Bool, at now: NIODeadline) -> Action {
        guard let exchange else { return .none }
        self.exchange = nil
        return .finish(Outcome(ticket: exchange.ticket, sent: exchange.sent, ended: now, result: result), reusable: reusable)
    }
}
