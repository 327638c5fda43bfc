import Foundation
import Testing

@testable import LoadTesting

@Suite struct LatencyHistogramTests {
    @Test func mergingEqualsRecordingInOne() {
        var random = SplitMix64(state: 3)
        var parts = [LatencyHistogram](repeating: LatencyHistogram(), count: 4)
        var one = LatencyHistogram()
        for _ in 0..<20_000 {
            let nanoseconds = Int64.random(in: 0...(Int64(1) << Int64.random(in: 0...45, using: &random)), using: &random)
            parts[Int.random(in: 0..<3, using: &random)].record(nanoseconds: nanoseconds)
            one.record(nanoseconds: nanoseconds)
        }
        var merged = LatencyHistogram()
        for part in parts { merged.merge(part) }
        #expect(merged == one)
        #expect(merged.summary == one.summary)
        #expect(merged.hashValue == one.hashValue)
        #expect(merged.count == 20_000)
    }

    @Test func encodingKeepsWhatWasRecorded() throws {
        let samples: [[Int64]] = [
            [], [0], [0, 0], [5], [1_234_567, 1_234_568, 1_234_569], [0, 1, 2, 2, 123_456_789, 9_876_543_210], [999_999_999],
        ]
        for sample in samples {
            var histogram = LatencyHistogram()
            for value in sample { histogram.record(nanoseconds: value) }
            let data = try JSONEncoder().encode(histogram)
            let decoded = try JSONDecoder().decode(LatencyHistogram.self, from: data)
            #expect(decoded == histogram)
            #expect(decoded.summary.minimum == histogram.summary.minimum)
            #expect(decoded.summary.maximum == histogram.summary.maximum)
            #expect(decoded.summary.p99 == histogram.summary.p99)
            #expect(decoded.count == sample.count)
        }
    }

    @Test func encodesSortedPairs() throws {
        var histogram = LatencyHistogram()
        for _ in 0..<1_000 { histogram.record(.microseconds(1)) }
        histogram.record(.nanoseconds(3))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(histogram), as: UTF8.self) == #"{"unit":"ns","values":[[3,1],[1000,1000]]}"#)
    }

    @Test(arguments: [
        #"{"unit":"ms","values":[]}"#, #"{"unit":"ns","values":[[1]]}"#, #"{"unit":"ns","values":[[1,2,3]]}"#,
        #"{"unit":"ns","values":[[2,1],[1,1]]}"#,
        #"{"unit":"ns","values":[[1,0]]}"#, #"{"unit":"ns","values":[[86400000000001,1]]}"#, #"{"unit":"ns","values":[[-1,1]]}"#,
        #"{"unit":"ns","values":[[1,9223372036854775807],[2,1]]}"#, #"{"unit":"ns","values":[[1,18446744073709551615],[2,1]]}"#,
    ])
    func refusesForeignData(_ text: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(LatencyHistogram.self, from: Data(text.utf8)) }
    }

    @Test func summarisesToThreeDigits() {
        var histogram = LatencyHistogram()
        for milliseconds in 1...1_000 { histogram.record(.milliseconds(milliseconds)) }
        let summary = histogram.summary
        func isNear(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) <= expected * 0.002 }
        #expect(summary.count == 1_000)
        #expect(summary.minimum == 1)
        #expect(summary.maximum == 1_000)
        #expect(isNear(summary.mean, 500.5))
        #expect(isNear(summary.p50, 500))
        #expect(isNear(summary.p90, 900))
        #expect(isNear(summary.p95, 950))
        #expect(isNear(summary.p99, 990))
        #expect(isNear(summary.p999, 999))
        #expect(isNear(summary.standardDeviation, 288.7))
        #expect(histogram.value(atPercentile: 100) == .milliseconds(1_000))
    }

    @Test func holdsExtremes() {
        var histogram = LatencyHistogram()
        #expect(histogram.summary == LatencyHistogram.Summary())
        #expect(histogram.value(atPercentile: 50) == .zero)
        histogram.record(.seconds(-1))
        histogram.record(.seconds(Int64.max))
        histogram.record(.seconds(Int64.min))
        #expect(histogram.summary.minimum == 0)
        #expect(histogram.value(atPercentile: 100) == LatencyHistogram.longest)
    }
}
