import Histogram

/// A distribution of times with three significant digits (HDR histogram), to be kept, encoded and merged.
///
/// Encoded as `{"unit": "ns", "values": [[value, count], …]}` with ascending values: only what was recorded, so a report stays small.
/// Decoding gives the same minimum, maximum and percentiles back. Two histograms are equal when those pairs are.
public struct LatencyHistogram: Sendable {
    /// The longest time told apart, 24 hours; longer ones are recorded as this.
    public static let longest = Duration.seconds(24 * 60 * 60)
    private static let longestNanoseconds: UInt64 = 86_400_000_000_000

    private var buckets = Histogram<UInt64>(numberOfSignificantValueDigits: .three)

    /// Makes an empty histogram.
    public init() {}

    /// How many times were recorded.
    public var count: Int { Int(clamping: buckets.totalCount) }

    /// Records one time; a negative one as zero.
    public mutating func record(_ time: Duration) {
        let (seconds, attoseconds) = time.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        record(nanoseconds: overflow ? (seconds < 0 ? 0 : .max) : nanoseconds + attoseconds / 1_000_000_000)
    }

    /// Records one time in nanoseconds; a negative one as zero.
    @inline(__always)
    mutating func record(nanoseconds: Int64) {
        buckets.record(min(UInt64(max(0, nanoseconds)), Self.longestNanoseconds))
    }

    /// Adds all that another histogram holds: the result equals one histogram that recorded both.
    public mutating func merge(_ other: LatencyHistogram) {
        guard other.buckets.totalCount > 0 else { return }
        buckets.add(other.buckets)
    }

    /// The time that a share of the recorded times do not exceed, to three digits; zero where nothing was recorded.
    ///
    /// - Parameter percentile: 0 (the minimum) to 100 (the maximum).
    public func value(atPercentile percentile: Double) -> Duration {
        .nanoseconds(count == 0 ? 0 : Int64(buckets.valueAtPercentile(percentile)))
    }

    /// The usual figures, in milliseconds.
    public var summary: Summary {
        guard count > 0 else { return Summary() }
        func milliseconds(_ percentile: Double) -> Double { Double(buckets.valueAtPercentile(percentile)) / 1e6 }
        return Summary(
            count: count, minimum: Double(buckets.min) / 1e6, mean: buckets.mean / 1e6,
            p50: milliseconds(50), p90: milliseconds(90), p95: milliseconds(95), p99: milliseconds(99), p999: milliseconds(99.9),
            maximum: Double(buckets.maxRecorded) / 1e6, standardDeviation: buckets.stdDeviation / 1e6)
    }

    /// The recorded values in nanoseconds with their counts, ascending. The first is the exact minimum and the last the exact maximum;
    /// the others are the lower ends of their buckets.
    public var pairs: [(nanoseconds: UInt64, count: UInt64)] {
        var pairs = buckets.recordedValues().map { (nanoseconds: buckets.lowestEquivalentForValue($0.value), count: $0.count) }
        guard let only = pairs.first else { return [] }
        if pairs.count == 1, only.count > 1, buckets.min != buckets.maxRecorded {
            return [(buckets.min, only.count - 1), (buckets.maxRecorded, 1)]
        }
        pairs[0].nanoseconds = buckets.min
        pairs[pairs.count - 1].nanoseconds = buckets.maxRecorded
        return pairs
    }

    /// The usual figures of a distribution, in milliseconds; all zero where nothing was recorded.
    public struct Summary: Hashable, Sendable, Codable {
        /// How many times were recorded.
        public var count = 0
        /// The shortest time.
        public var minimum = 0.0
        /// The arithmetic mean.
        public var mean = 0.0
        /// The median.
        public var p50 = 0.0
        /// The 90th percentile.
        public var p90 = 0.0
        /// The 95th percentile.
        public var p95 = 0.0
        /// The 99th percentile.
        public var p99 = 0.0
        /// The 99.9th percentile.
        public var p999 = 0.0
        /// The longest time.
        public var maximum = 0.0
        /// The standard deviation of the population.
        public var standardDeviation = 0.0
    }
}

extension LatencyHistogram: Equatable {
    /// Whether both recorded the same, to their precision.
    public static func == (left: Self, right: Self) -> Bool {
        left.pairs.elementsEqual(right.pairs) { $0 == $1 }
    }
}

extension LatencyHistogram: Hashable {
    /// Feeds the recorded pairs.
    public func hash(into hasher: inout Hasher) {
        for pair in pairs {
            hasher.combine(pair.nanoseconds)
            hasher.combine(pair.count)
        }
    }
}

extension LatencyHistogram: Codable {
    private enum CodingKeys: String, CodingKey { case unit, values }

    /// Reads the pairs back.
    ///
    /// - Throws: `DecodingError` for another unit, a pair that is none, values that do not ascend or exceed ``longest``, or a count of zero.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func corrupted(_ key: CodingKeys, _ reason: String) -> DecodingError {
            .dataCorruptedError(forKey: key, in: container, debugDescription: reason)
        }
        guard try container.decode(String.self, forKey: .unit) == "ns" else { throw corrupted(.unit, "the unit must be ns") }
        var previous: UInt64 = 0
        var total: UInt64 = 0
        for pair in try container.decode([[UInt64]].self, forKey: .values) {
            guard pair.count == 2 else { throw corrupted(.values, "each entry must be [value, count]") }
            guard pair[0] >= previous, pair[0] <= Self.longestNanoseconds else {
                throw corrupted(.values, "values must ascend, up to \(Self.longestNanoseconds)")
            }
            let (sum, overflow) = total.addingReportingOverflow(pair[1])
            guard pair[1] > 0, !overflow, sum <= UInt64(Int.max) else {
                throw corrupted(.values, "counts must be 1 or more, and fit 63 bits")
            }
            (previous, total) = (pair[0], sum)
            buckets.record(pair[0], count: pair[1])
        }
    }

    /// Writes what was recorded as pairs.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("ns", forKey: .unit)
        try container.encode(pairs.map { [$0.nanoseconds, $0.count] }, forKey: .values)
    }
}
