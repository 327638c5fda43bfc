/// The life of one client connection, request after request: a pure value. The handlers tell it what happened and do what it answers.
///
/// ```
/// idle → acquiring → awaitingHead → streaming → idle
///             ↑______________|  (retry)      ↘ lingering → closed
/// ```
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
        /// Get a connection; `fresh` where a pooled one proved stale, since its neighbours may be as old.
        case acquire(fresh: Bool)
        /// Send the head and, with `withEnd`, at once the end; body parts follow as they come.
        case forward(withEnd: Bool)
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
    private var bodyForwarded = false
    private var isIdempotent = false
    private var keepAlive = true
    private var quiescing = false
    private var connectionWasPooled = false
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

    mutating func requestStarted(keepAlive: Bool, isIdempotent: Bool) -> Step {
        self = Exchange(quiescing: quiescing)
        phase = .acquiring
        requestComplete = false
        self.keepAlive = keepAlive
        self.isIdempotent = isIdempotent
        return .acquire(fresh: false)
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
    mutating func bodyArrived() -> Bool {
        guard phase == .awaitingHead || phase == .streaming else { return false }
        bodyForwarded = true
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
        connectionWasPooled = pooled
        return .forward(withEnd: requestComplete)
    }

    mutating func connectFailure() -> Step {
        guard phase == .acquiring else { return .nothing }
        connectFailed = true
        return .acquire(fresh: false)
    }

    /// There is no upstream left to try.
    mutating func noUpstream() -> Step {
        .answer(connectFailed ? .replicaUnreachable : .noReadyReplica)
    }

    /// The connection ended before the response did.
    mutating func upstreamLost(_ refusal: Refusal = .replicaClosed) -> Step {
        switch phase {
        case .awaitingHead where connectionWasPooled && isIdempotent && !bodyForwarded && refusal == .replicaClosed:
            phase = .acquiring
            return .acquire(fresh: true)
        case .awaitingHead:
            return .answer(refusal)
        case .streaming:
            return .abort
        case .idle, .acquiring, .lingering, .closed:
            return .nothing
        }
    }

    // MARK: The response

    /// The head of the response came. Returns whether it must say `Connection: close`.
    mutating func responseStarted(delimitedByClose: Bool) -> Bool {
        phase = .streaming
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
        defer { phase = .closed }
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
