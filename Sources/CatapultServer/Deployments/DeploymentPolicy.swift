/// The intervals and limits by which replicas are judged. One value, so that tests can use shorter ones.
struct DeploymentPolicy: Sendable, Equatable {
    /// From the start of a container to its first probe.
    var firstProbe: Duration = .milliseconds(200)
    /// Between probes while the server in the container loads.
    var startingProbe: Duration = .milliseconds(500)
    /// Between probes of a replica that answers.
    var readyProbe: Duration = .seconds(10)
    /// Between probes of a replica that has stopped answering.
    var unhealthyProbe: Duration = .seconds(2)
    /// How long a probe may take.
    var probeTimeout: Duration = .seconds(2)
    /// Failed probes in a row that take a ready replica out of rotation.
    var failuresUntilUnhealthy = 3
    /// How long a replica may stay unhealthy before its container is restarted.
    var unhealthyLimit: Duration = .seconds(50)
    /// Delay before the first restart; it doubles with each further crash.
    var firstBackoff: Duration = .seconds(1)
    /// The longest delay before a restart.
    var longestBackoff: Duration = .seconds(60)
    /// Restarts in a row after which a replica is given up.
    var restartsUntilFailed = 5
    /// Starts that end at once, before the replica was ever ready, after which it is given up.
    var quickExitsUntilFailed = 3
    /// An end this soon after the start is "at once".
    var quickExit: Duration = .seconds(10)
    /// A replica that was ready this long starts its count of crashes anew.
    var stableAfter: Duration = .seconds(60)
    /// Before an action that the engine refused for the moment is tried again.
    var retry: Duration = .seconds(2)

    /// The delay before the restart that follows the n-th crash in a row.
    func backoff(afterCrash count: Int) -> Duration {
        let exponent = min(max(count, 1) - 1, 16)
        return min(firstBackoff * (1 << exponent), longestBackoff)
    }
}
