import NIOCore

/// The life of one client connection, request after request: a pure value. The handlers tell it what happened and do what it answers.
///
/// ```
/// idle → acquiring → awaitingHead → streaming → idle
///             ↑______________|  (repeat)     ↘ lingering → closed
/// ```
///
/// ## When a request is sent a second time
///
/// Only before the first byte of a response, only once, and only where the connection had served before. Servers close kept connections
/// whenever they like, some (llama.cpp's, after each stream) without announcing it, so a request can meet a connection whose end is already on
/// its way. The client must not see that. The request goes once more to the *same* upstream on a *fresh* connection, whatever its method, if
/// all that was read of it is still at hand (``ReplayBuffer``). It does not go to another upstream: a request that crashes a replica must not
/// be carried to the next. Where the fresh connection fails, a method that is idempotent looks elsewhere, as after any failed connect; the
/// others end with 502. A request that fails on a fresh connection is never repeated: that is the replica's own failure.
///
/// RFC 9110, section 9.2.2, forbids proxies to repeat what is not idempotent, and advises clients against it unless they know that the request
/// is idempotent in spite of its method. It describes repeating a POST that an idle connection lost before any response as the risk that some
/// clients take. A gateway acts for the server and not for the client (section 3.7), and this one knows what it serves: the POST of an inference
/// API computes and stores nothing. What is lost where the first copy was worked on after all is computing time, and a replica gets a request
/// twice at most. A failed repetition is not repeated, as that section asks.
struct Exchange: Sendable {
    enum Phase: Sendable, Equatable {
        /// Between requests.
        case idle
        /// A connection to an upstream is wanted; nothing of the request was written.
        case acquiring
        /// The request is on its way, nothing of the response was passed on.
        case awaitingHead
        /// The head of the response was passed on.
        case streaming
        /// The answer is complete but the request is not: the rest is read and dropped, so that the client can read the answer.
        case lingering
        /// No more of anything.
        case closed
    }

    /// What to do next about the request.
    enum Step: Sendable, Equatable {
        case nothing
        /// Get a connection; `fresh` where a used one will not do.
        case acquire(fresh: Bool)
        /// Get a fresh connection to the same upstream, where the request still counts as in flight.
        case reconnect
        /// Send the head, the body as far as it was sent before, and, with `withEnd`, at once the end; body parts follow as they come.
        case forward(body: ByteBuffer?, withEnd: Bool)
        /// Answer in the gateway's own name.
        case answer(Refusal)
        /// Close the client connection in a way that it cannot take for a clean end.
        case abort
        /// Close the client connection, which has nothing under way.
        case close
    }

    /// What to do with the client connection after a response.
    enum Continuation: Sendable, Equatable {
        case nextRequest
        case close
        case linger
    }

    private(set) var phase: Phase = .idle
    /// The client's request was read to its end.
    private(set) var requestComplete = true
    private var isIdempotent = false
    private var keepAlive = true
    private var quiescing = false
    /// What a second try would send; nil where there will be none.
    private(set) var replay: ReplayBuffer?
    /// The request was sent, and lost with its connection.
    private var isRepeating = false
    /// Only a connection that never served will do.
    private var needsFresh = false
    private var connectFailed = false

    /// Whether the next part that the client sent can be dealt with now.
    var takesRequestParts: Bool {
        switch phase {
        case .idle, .closed: true
        case .acquiring: false
        case .awaitingHead, .streaming, .lingering: !requestComplete
        }
    }

    // MARK: The request

    /// `bodyLength`: as announced, nil where it is not known. A body that could not be repeated never meets a connection that may be stale.
    mutating func requestStarted(keepAlive: Bool, isIdempotent: Bool, bodyLength: Int?) -> Step {
        self = Exchange(quiescing: quiescing)
        phase = .acquiring
        requestComplete = false
        self.keepAlive = keepAlive
        self.isIdempotent = isIdempotent
        needsFresh = (bodyLength ?? 0) > ReplayBuffer.limit
        return .acquire(fresh: needsFresh)
    }

    /// The head, or something after it, is not acceptable: nothing that follows on this connection can be trusted.
    mutating func requestRefused(_ refusal: Refusal) -> Step {
        switch phase {
        case .idle, .acquiring, .awaitingHead:
            requestComplete = false
            keepAlive = false
            return .answer(refusal)
        case .streaming:
            return .abort
        case .lingering, .closed:
            return .nothing
        }
    }

    /// A body part came; true where it goes upstream, false where it is dropped.
    mutating func bodyArrived(_ bytes: ByteBuffer) -> Bool {
        guard phase == .awaitingHead || phase == .streaming else { return false }
        if replay?.keep(bytes) == false { replay = nil }
        return true
    }

    /// The end of the request came; true where it goes upstream.
    mutating func requestEnded() -> Bool {
        requestComplete = true
        return phase == .awaitingHead || phase == .streaming
    }

    // MARK: The upstream

    mutating func connected(pooled: Bool) -> Step {
        guard phase == .acquiring else { return .nothing }
        phase = .awaitingHead
        let body = replay?.bytes
        replay = pooled ? ReplayBuffer() : nil
        return .forward(body: body, withEnd: requestComplete)
    }

    mutating func connectFailure() -> Step {
        guard phase == .acquiring else { return .nothing }
        if isRepeating && !isIdempotent { return .answer(.replicaClosed) }
        connectFailed = true
        return .acquire(fresh: needsFresh)
    }

    /// There is no upstream left to try.
    mutating func noUpstream() -> Step {
        .answer(connectFailed ? .replicaUnreachable : .noReadyReplica)
    }

    /// The connection ended before the response did.
    mutating func upstreamLost(_ refusal: Refusal = .replicaClosed) -> Step {
        switch phase {
        case .awaitingHead where replay != nil && refusal == .replicaClosed:
            phase = .acquiring
            isRepeating = true
            needsFresh = true
            return .reconnect
        case .awaitingHead:
            return .answer(refusal)
        case .streaming:
            return .abort
        case .idle, .acquiring, .lingering, .closed:
            return .nothing
        }
    }

    // MARK: The response

    /// The first byte of a response came, though not yet its head: the upstream got the request, which is not repeated from here on.
    mutating func responseBegan() {
        replay = nil
    }

    /// The head of the response came. Returns whether it must say `Connection: close`.
    mutating func responseStarted(delimitedByClose: Bool) -> Bool {
        phase = .streaming
        replay = nil
        if delimitedByClose || quiescing || !requestComplete { keepAlive = false }
        return !keepAlive
    }

    /// The response was passed on to its end, by an upstream or by the gateway itself. `reuse`: the upstream connection may serve again.
    mutating func responseEnded() -> (reuse: Bool, client: Continuation) {
        let reuse = requestComplete
        if !requestComplete {
            phase = .lingering
            return (reuse, .linger)
        }
        guard keepAlive, !quiescing else {
            phase = .closed
            return (reuse, .close)
        }
        phase = .idle
        return (reuse, .nextRequest)
    }

    // MARK: Ends

    /// The deadline of the present phase passed. `clientStalled`: what is missing is the client's doing.
    mutating func timedOut(clientStalled: Bool) -> Step {
        switch phase {
        case .idle, .lingering, .closed: .close
        case .awaitingHead: .answer(clientStalled ? .requestTimeout : .responseTimeout)
        case .streaming: .abort
        case .acquiring: .nothing
        }
    }

    /// The client connection is gone. Returns whether a request was under way.
    mutating func clientLost() -> Bool {
        defer {
            phase = .closed
            replay = nil
        }
        return phase == .acquiring || phase == .awaitingHead || phase == .streaming
    }

    /// No further request is wanted after the present one.
    mutating func quiesce() -> Step {
        quiescing = true
        return phase == .idle ? .close : .nothing
    }

    init() {}

    private init(quiescing: Bool) {
        self.quiescing = quiescing
    }
}
