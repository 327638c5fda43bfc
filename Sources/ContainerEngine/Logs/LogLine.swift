/// One line that a container wrote.
public struct LogLine: Sendable, Hashable {
    /// Where a container writes to.
    public enum Stream: String, Sendable, Hashable, Codable, CaseIterable {
        /// Standard output; all output of a container with a terminal.
        case stdout
        /// Standard error.
        case stderr
    }

    /// Where the container wrote the line to.
    public let stream: Stream
    /// When the engine received the line's first bytes; nil where times were not asked for.
    public let timestamp: EngineTimestamp?
    /// The line without its end; bytes that are not UTF-8 are replaced by U+FFFD.
    public let text: String
    /// Whether the line was longer than the limit, and its rest was left out.
    public let isTruncated: Bool

    /// Makes a line.
    public init(stream: Stream, timestamp: EngineTimestamp?, text: String, isTruncated: Bool = false) {
        self.stream = stream
        self.timestamp = timestamp
        self.text = text
        self.isTruncated = isTruncated
    }

    /// Orders lines of both streams by time. Lines of one time, and those without one, stay in their order.
    public static func inTimeOrder(_ lines: [LogLine]) -> [LogLine] {
        // Where a line has no time of its own it goes with the one before it.
        var last: EngineTimestamp?
        let keyed = lines.enumerated().map { index, line -> (EngineTimestamp?, Int, LogLine) in
            last = line.timestamp ?? last
            return (last, index, line)
        }
        return keyed.sorted { left, right in
            guard let leftTime = left.0, let rightTime = right.0, leftTime != rightTime else {
                return (left.0 == nil && right.0 != nil) || ((left.0 == nil) == (right.0 == nil) && left.1 < right.1)
            }
            return leftTime < rightTime
        }.map(\.2)
    }
}
