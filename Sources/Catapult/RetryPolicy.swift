import CatapultAPI

/// When a failed request is sent again, and after how long. A pure value.
///
/// Calls that only read are repeated when the connection failed, or when the server said that it cannot answer now (429, 502, 503, 504).
/// Calls that write are repeated only where nothing was sent, since the server may have acted.
public struct RetryPolicy: Sendable, Equatable {
    /// How often a request is sent at most; 1 means never again.
    public var attempts: Int
    /// The wait after the first failure; each further one doubles it.
    public var base: Duration
    /// The longest wait between two attempts. A server that asks for more with Retry-After gets no further attempt.
    public var longest: Duration

    /// A policy with its three numbers.
    public init(attempts: Int = 4, base: Duration = .milliseconds(100), longest: Duration = .seconds(10)) {
        self.attempts = attempts
        self.base = base
        self.longest = longest
    }

    /// Never sends anything twice.
    public static let never = RetryPolicy(attempts: 1)

    /// Why a request failed, as far as this policy cares.
    public enum Failure: Sendable, Equatable {
        /// No connection came about: the server saw nothing.
        case nothingSent
        /// The connection broke, or no answer came in time.
        case noAnswer
        /// The server answered with this status, and perhaps with a wish of how many seconds to wait.
        case status(Int, retryAfter: Int?)
    }

    /// How long to wait before sending again, or nil to give up.
    ///
    /// - Parameters:
    ///   - failed: how often the request was sent so far, from 1.
    ///   - failure: why it failed the last time.
    ///   - effect: what the call does to the world.
    ///   - jitter: a random share, 0..<1, that keeps many clients from coming back at once: it takes away up to half of the wait.
    public func delay(after failed: Int, _ failure: Failure, effect: Effect, jitter: Double) -> Duration? {
        guard failed < attempts else { return nil }
        var wish: Duration?
        switch failure {
        case .nothingSent: break
        case .noAnswer: guard effect == .read else { return nil }
        case .status(let status, let retryAfter):
            guard effect == .read, [429, 502, 503, 504].contains(status) else { return nil }
            wish = retryAfter.map { .seconds($0) }
        }
        let doubled = min(longest, base * Double(1 << min(failed - 1, 20)))
        let spread = doubled * (1 - jitter / 2)
        guard let wish else { return spread }
        return wish <= longest ? max(wish, spread) : nil
    }
}

/// Runs a policy: sends, waits and sends again.
struct Retrier: Sendable {
    var policy: RetryPolicy
    var clock: any Clock<Duration>
    var jitter: @Sendable () -> Double

    /// The result of the first attempt that succeeds, or the error of the last one.
    func run<Result: Sendable>(effect: Effect, _ attempt: () async throws -> Result) async throws -> Result {
        var failed = 0
        while true {
            do {
                return try await attempt()
            } catch {
                failed += 1
                guard let failure = RetryPolicy.Failure(error),
                    let delay = policy.delay(after: failed, failure, effect: effect, jitter: jitter())
                else { throw error }
                try await clock.sleep(for: delay)
            }
        }
    }
}

extension RetryPolicy.Failure {
    /// What an error means to the policy; nil for errors that no repetition changes.
    init?(_ error: any Error) {
        switch error {
        case let error as ConnectionError: self = error.nothingWasSent ? .nothingSent : .noAnswer
        case let error as CatapultError: self = .status(error.status, retryAfter: error.retryAfter)
        default: return nil
        }
    }
}
