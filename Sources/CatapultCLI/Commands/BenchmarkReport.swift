import CatapultAPI
import LoadTesting

#if canImport(FoundationEssentials)
import FoundationEssentials
import Glibc
#else
import Foundation
#endif

/// The result of a measurement, for people and for programs.
struct BenchmarkReport {
    let deployment: String
    let report: LoadTest.Report

    /// What `--format json` gives: the report of the load test with its histograms, and the usual figures taken from them.
    private struct Document: Encodable {
        struct Figures: Encodable {
            var latency: LatencyHistogram.Summary
            var timeToFirstToken: LatencyHistogram.Summary?
            var interTokenLatency: LatencyHistogram.Summary?
            var timePerOutputToken: LatencyHistogram.Summary?
        }
        var deployment: String
        var milliseconds: Figures
        var report: LoadTest.Report
    }

    private var document: Document {
        Document(
            deployment: deployment,
            milliseconds: .init(
                latency: report.latency.summary, timeToFirstToken: report.stream?.timeToFirstToken.summary,
                interTokenLatency: report.stream?.interTokenLatency.summary, timePerOutputToken: report.stream?.timePerOutputToken.summary
            ),
            report: report
        )
    }

    func write(to session: Session) throws {
        let output = session.output
        if output.format == .json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return output.line(String(decoding: try encoder.encode(document), as: UTF8.self))
        }
        if output.isQuiet { return output.line(Self.number(report.requestsPerSecond)) }
        output.facts(facts)
        output.line("")
        output.table(table)
        if session.surroundings.output.isTerminal { histogram(width: session.surroundings.output.width() ?? 80).forEach(output.line) }
        for failure in report.counts.failures {
            output.line(output.style.paint("\(failure.count) × \(failure.failure.description): \(SafeText.line(failure.example))", .bad))
        }
        if let reason = report.client.bottleneck {
            output.note("do not trust these figures: the client was the bottleneck, \(reason)", .busy)
        }
    }

    /// The rates and counts.
    var facts: [Fact] {
        let counts = report.counts
        return [
            Fact("deployment", deployment), Fact("endpoint", report.setup.url), Fact("load", Self.words(report.setup.mode)),
            Fact("time", "\(Self.number(report.windowSeconds)) s"),
            Fact(
                "requests",
                "\(counts.succeeded) answered, \(counts.failed) failed\(counts.unfinished > 0 ? ", \(counts.unfinished) unfinished" : "")",
                tint: counts.failed > 0 ? .bad : nil),
            Fact("requests/s", Self.number(report.requestsPerSecond)),
            Fact("tokens/s", report.stream.map { "\(Self.number($0.outputTokensPerSecond)) (counted by \(Self.words($0.tokenSource)))" }),
            Fact(
                "client",
                "busiest event loop \(Int((report.client.busiestEventLoop * 100).rounded()))%, late by \(Self.number(report.client.lag.summary.p99)) ms at p99",
                tint: report.clientWasBottleneck ? .bad : nil),
        ].compactMap { $0 }
    }

    /// The distributions, in milliseconds.
    var table: Table {
        let distributions: [(String, LatencyHistogram?)] = [
            ("latency", report.latency), ("time to first token", report.stream?.timeToFirstToken),
            ("between tokens", report.stream?.interTokenLatency), ("per output token", report.stream?.timePerOutputToken),
        ]
        return Table(
            columns: [.init(title: "MILLISECONDS")] + ["MEAN", "P50", "P90", "P95", "P99", "MAX"].map { .init(title: $0, isNumber: true) },
            rows: distributions.compactMap { name, histogram in
                guard let summary = histogram?.summary, summary.count > 0 else { return nil }
                return [.init(name)]
                    + [summary.mean, summary.p50, summary.p90, summary.p95, summary.p99, summary.maximum].map { .init(Self.number($0)) }
            }
        )
    }

    /// The latencies as bars: as many ranges as rows, each a constant factor wider than the one before, since latencies have long tails.
    func histogram(width: Int, rows: Int = 10) -> [String] {
        let pairs = report.latency.pairs
        guard let low = pairs.first?.nanoseconds, let high = pairs.last?.nanoseconds, high > low else { return [] }
        let start = Double(max(1, low))
        let ratio = Double(high) / start
        func edge(_ index: Int) -> Double { start * pow(ratio, Double(index) / Double(rows)) }
        var counts = [UInt64](repeating: 0, count: rows)
        var row = 0
        for pair in pairs {
            while row < rows - 1, Double(pair.nanoseconds) >= edge(row + 1) { row += 1 }
            counts[row] += pair.count
        }
        let most = Double(counts.max() ?? 1)
        let labels = (0..<rows).map { "\(Self.number(edge($0) / 1e6))–\(Self.number(edge($0 + 1) / 1e6)) ms" }
        let labelWidth = labels.map(SafeText.width).max() ?? 0
        let countWidth = String(Int(most)).count
        let room = max(10, width - labelWidth - countWidth - 4)
        return [""]
            + (0..<rows).map { index in
                let bar = String(repeating: "▇", count: Int((Double(counts[index]) / most * Double(room)).rounded(.up)))
                let label = String(repeating: " ", count: labelWidth - SafeText.width(labels[index])) + labels[index]
                let count = String(counts[index])
                return "\(label)  \(String(repeating: " ", count: countWidth - count.count))\(count)  \(bar)"
            }
    }

    /// Three digits that mean something.
    private static func number(_ value: Double) -> String {
        switch value {
        case 100...: "\(Int(value.rounded()))"
        case 10..<100: "\((value * 10).rounded() / 10)"
        case 1..<10: "\((value * 100).rounded() / 100)"
        default: "\((value * 1_000).rounded() / 1_000)"
        }
    }

    private static func words(_ mode: LoadTest.Mode) -> String {
        switch mode {
        case .closedLoop(let concurrency): "\(concurrency) clients, each asking again when it is answered"
        case .openLoop(let rate, _, let most): "\(number(rate)) requests/s at random times, at most \(most) in flight"
        }
    }

    private static func words(_ source: LoadTest.Report.TokenSource) -> String {
        switch source {
        case .usage: "the server"
        case .contentEvents: "events with content"
        case .mixed: "the server where it does, else by events with content"
        }
    }
}
