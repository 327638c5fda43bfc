/// Whether this server leads: the one of several servers on a database that keeps deployments, builds images and listens on the stable
/// endpoints. A value: answers of the database and moments in, changes out.
///
/// Leadership is a lease in the database, measured by the database's clock. The holder counts from before it asked, and stops acting some
/// time before the lease ends, so that nobody else can have it while the holder still acts; clocks need only run equally fast.
struct Leadership: Sendable, Equatable {
    typealias Instant = ContinuousClock.Instant

    /// The lengths that all servers on a database agree on.
    struct Terms: Sendable, Equatable {
        /// For how long the lease is granted.
        var lease = Duration.seconds(15)
        /// How often the leader prolongs it.
        var renewal = Duration.seconds(4)
        /// How often another server asks whether it is free.
        var candidacy = Duration.seconds(3)
        /// How long before the end of the lease its holder stops acting.
        var safety = Duration.seconds(4)
    }

    /// What the database said to a server that asked for the lease.
    enum Answer: Sendable, Equatable {
        /// It has the lease, under this number, which grows with every change of hands.
        case held(term: Int64)
        /// Another server has it.
        case refused
        /// There was no answer.
        case unknown
    }

    /// What follows.
    enum Change: Sendable, Equatable {
        case began(term: Int64)
        case ended(term: Int64)
    }

    let terms: Terms
    /// The number under which this server leads; nil while it does not.
    private(set) var term: Int64?
    /// Until when it may act.
    private(set) var end: Instant?
    /// Whether another server was seen to have the lease. False while this one has it, and while nobody is known to.
    private(set) var isFollowing = false

    init(terms: Terms = Terms()) { self.terms = terms }

    /// Takes the answer to a request for the lease that was sent at `asked`.
    mutating func hear(_ answer: Answer, asked: Instant, now: Instant) -> [Change] {
        let changes = expire(now: now)
        switch answer {
        case .unknown: return changes
        case .refused:
            let ended = stop()
            isFollowing = true
            return changes + ended
        case .held(let granted):
            let end = asked + terms.lease - terms.safety
            // An answer that was long on its way is worth nothing: the lease may be another's by now.
            guard end > now else { return changes }
            isFollowing = false
            if term == granted {
                self.end = end
                return changes
            }
            let ended = stop()
            (term, self.end) = (granted, end)
            return changes + ended + [.began(term: granted)]
        }
    }

    /// The number under which this server may act at a moment, whether or not the end of its time was noted.
    func term(at now: Instant) -> Int64? {
        guard let end, end > now else { return nil }
        return term
    }

    /// Notes the time: leadership that was not prolonged ends by itself.
    mutating func expire(now: Instant) -> [Change] {
        guard let end, end <= now else { return [] }
        return stop()
    }

    /// Gives leadership up.
    mutating func stop() -> [Change] {
        guard let term else { return [] }
        (self.term, end) = (nil, nil)
        return [.ended(term: term)]
    }

    /// How long to wait until the lease is asked for again.
    var pause: Duration { term == nil ? terms.candidacy : terms.renewal }
}
