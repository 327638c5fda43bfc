import CatapultAPI
import Synchronization

/// How far and how fast bytes go: `1.2 GiB of 4.0 GiB, 850.0 MiB/s, 3 s left`. A pure value.
struct TransferMeter: Sendable, Equatable {
    /// All bytes.
    var total: Int64
    /// Bytes that need not be moved, because they are there already.
    var skipped: Int64 = 0

    /// The share that is done.
    func fraction(_ done: Int64) -> Double { total > 0 ? Double(done) / Double(total) : 1 }

    /// The numbers in words, after so much time.
    func text(_ done: Int64, after elapsed: Duration) -> String {
        let bytes = "\(ByteCount.text(done)) of \(ByteCount.text(total))"
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        let moved = done - skipped
        guard seconds >= 0.5, moved > 0 else { return bytes }
        let rate = Double(moved) / seconds
        let left = Double(max(0, total - done)) / rate
        return "\(bytes), \(ByteCount.text(Int64(rate)))/s" + (left >= 1 ? ", \(Self.time(left)) left" : "")
    }

    /// The rate over the whole time, for the summary.
    static func rate(_ bytes: Int64, in elapsed: Duration) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        return seconds > 0 ? "\(ByteCount.text(Int64(Double(bytes) / seconds)))/s" : ""
    }

    /// A time in its two largest units.
    static func time(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 1e9).rounded(.up))
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3_600: return "\(whole / 60) min \(whole % 60) s"
        default: return "\(whole / 3_600) h \(whole % 3_600 / 60) min"
        }
    }
}

/// The progress of files that are moved beside each other, on one line.
final class TransferProgress: Sendable {
    private let line: ProgressLine
    private let verb: String
    private let start = ContinuousClock.now
    private let meter: TransferMeter
    private let done: Mutex<[String: Int64]>

    init(_ verb: String, total: Int64, skipped: Int64 = 0, on line: ProgressLine) {
        self.verb = verb
        self.line = line
        meter = TransferMeter(total: total, skipped: skipped)
        done = Mutex(["": skipped])
    }

    /// Says how much of a file is done; `step` is written where no terminal is, once.
    func show(_ file: String, _ count: Int64, step: String? = nil) {
        let sum = done.withLock { done in
            done[file] = count
            return done.values.reduce(0, +)
        }
        let detail = meter.text(sum, after: ContinuousClock.now - start)
        line.show(ProgressBar(label: "\(verb) \(file)", fraction: meter.fraction(sum), detail: detail), step: step)
    }

    /// The time since the beginning.
    var elapsed: Duration { ContinuousClock.now - start }
}
