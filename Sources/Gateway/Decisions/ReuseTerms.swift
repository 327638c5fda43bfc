import NIOCore

/// How long, and how often, a connection may be used again: what its peer said in `Keep-Alive` fields, kept over all its responses.
///
/// RFC 2068, section 19.7.1.1, gave the field a syntax but defined no parameters, and later RFCs leave it out; servers (Apache, cpp-httplib,
/// Node.js) send two all the same. `timeout` is after how many seconds without a request they close. `max` is how many requests they still
/// take; some count it down and some repeat the number they began with, so the smallest total that it can mean counts. What makes no sense
/// is ignored: the field is a hint.
struct ReuseTerms: Sendable, Equatable {
    /// A peer's time limit is left by this much: it is counted from when the peer was done, which is before its response was read.
    static let margin = TimeAmount.seconds(1)

    /// Responses so far.
    private(set) var uses = 0
    private(set) var allowedUses: Int?
    private(set) var timeout: TimeAmount?

    /// A response came, with these values of `Keep-Alive`, mostly one or none.
    mutating func answered(keepAlive values: [String]) {
        uses += 1
        for member in values.flatMap(\.listMembers) {
            let parts = member.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let number = Int32(parts[1]), number >= 0 else { continue }
            if parts[0].isField("timeout") {
                timeout = .seconds(Int64(number))
            } else if parts[0].isField("max") {
                allowedUses = allowedUses.map { min($0, uses + Int(number)) } ?? Int(number)
            }
        }
    }

    /// How long the connection may be kept unused now, at most `limit`; nil where it must not be used again.
    func idleTime(limit: TimeAmount) -> TimeAmount? {
        if let allowedUses, uses >= allowedUses { return nil }
        guard let timeout else { return limit }
        let time = min(limit, timeout - Self.margin)
        return time > .zero ? time : nil
    }
}
