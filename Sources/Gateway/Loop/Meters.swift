import Synchronization

/// Counters of one upstream, shared by all event loops. Relaxed: each is exact by itself, together they are no snapshot.
final class UpstreamMeter: Sendable {
    let inFlight = Counter()
    let requests = Counter()
    let retries = Counter()
    let connectErrors = Counter()
    let timeouts = Counter()
    let status5xx = Counter()
    let aborted = Counter()
    let clientGone = Counter()
    let requestBytes = Counter()
    let responseBytes = Counter()
    let pauses = Counter()

    var statistics: UpstreamStatistics {
        UpstreamStatistics(
            inFlight: inFlight.value, requests: requests.value, retries: retries.value,
            errors: UpstreamErrors(
                connect: connectErrors.value, timeout: timeouts.value, status5xx: status5xx.value, aborted: aborted.value,
                clientGone: clientGone.value
            ),
            requestBytes: requestBytes.value, responseBytes: responseBytes.value, pauses: pauses.value
        )
    }
}

/// Counters of one endpoint, shared by all event loops.
final class EndpointMeter: Sendable {
    let requests = Counter()
    let refused = Counter()
    let noReadyReplica = Counter()
    let connections = Counter()
}

/// A number that several event loops count without locks.
struct Counter: ~Copyable, Sendable {
    private let storage = Atomic<Int>(0)

    var value: Int { storage.load(ordering: .relaxed) }

    func add(_ amount: Int = 1) {
        storage.wrappingAdd(amount, ordering: .relaxed)
    }
}
