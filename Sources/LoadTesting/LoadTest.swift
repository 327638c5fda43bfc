/// HTTP load generation with honest latency.
///
/// Describe the load with a ``LoadTest/Plan``, run it with ``LoadTest/run(_:on:progress:)``, and read the ``LoadTest/Report``:
///
/// ```swift
/// var plan = LoadTest.Plan(
///     target: try .init("http://127.0.0.1:9000/v1/chat/completions"),
///     mode: .closedLoop(concurrency: 8),
///     stop: .duration(.seconds(5))
/// )
/// plan.method = "POST"
/// plan.body = requestBody
/// plan.streaming = .serverSentEvents
/// let report = try await LoadTest.run(plan)
/// print(report.latency.summary.p99, report.stream?.timeToFirstToken.summary.p50 ?? 0)
/// ```
///
/// Three rules make the figures honest:
/// - In open loop a latency starts at the moment at which the request *should* have been sent, so a stalled server is charged for every
///   request that it held up (no coordinated omission).
/// - Failures are counted by class and never enter a percentile.
/// - The client watches itself: its CPU time and its lateness are in the report, with a verdict in words when it was the bottleneck.
public enum LoadTest {}
