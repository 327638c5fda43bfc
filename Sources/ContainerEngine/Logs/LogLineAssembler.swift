import NIOCore

/// Joins the payloads of one stream of a log into lines, and takes their times off.
struct LogLineAssembler: Sendable {
    private let stream: LogLine.Stream
    private let hasTimestamps: Bool
    private let dropsCarriageReturn: Bool
    private let maximumLineBytes: Int

    /// What came since the last line end or payload end, with its time.
    private var segment: [UInt8] = []
    /// The current line up to ``segment``, without times.
    private var line: [UInt8] = []
    /// The time of the current line; between lines, that of the last one, since the later lines of one payload have none of their own.
    private var timestamp: EngineTimestamp?
    private var isLineOpen = false
    private var isTruncated = false

    init(stream: LogLine.Stream, hasTimestamps: Bool, dropsCarriageReturn: Bool, maximumLineBytes: Int) {
        self.stream = stream
        self.hasTimestamps = hasTimestamps
        self.dropsCarriageReturn = dropsCarriageReturn
        self.maximumLineBytes = maximumLineBytes
    }

    mutating func append(_ bytes: ByteBufferView, to lines: inout [LogLine]) {
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            extend(with: rest[rest.startIndex..<end])
            closeSegment()
            lines.append(takeLine())
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { extend(with: rest) }
    }

    /// The next bytes belong to another payload, which begins with a time of its own.
    mutating func endPayload() {
        if !segment.isEmpty { closeSegment() }
    }

    /// The line that has no end of its own, or nil.
    mutating func finish() -> LogLine? {
        if !segment.isEmpty { closeSegment() }
        return isLineOpen ? takeLine() : nil
    }

    private mutating func extend(with bytes: ByteBufferView) {
        // Room for the time and its space, so that a time is never cut.
        let room = maximumLineBytes + EngineTimestamp.longestText + 1 - segment.count
        segment.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isTruncated = true }
    }

    private mutating func closeSegment() {
        var text = segment[...]
        if hasTimestamps, let space = segment.prefix(EngineTimestamp.longestText + 1).firstIndex(of: UInt8(ascii: " ")),
            let time = EngineTimestamp(rfc3339: segment[..<space])
        {
            text = segment[(space + 1)...]
            if !isLineOpen { timestamp = time }
        }
        let room = maximumLineBytes - line.count
        line.append(contentsOf: text.prefix(room))
        if text.count > room { isTruncated = true }
        segment.removeAll(keepingCapacity: true)
        isLineOpen = true
    }

    private mutating func takeLine() -> LogLine {
        if dropsCarriageReturn, line.last == UInt8(ascii: "\r") { line.removeLast() }
        defer {
            line.removeAll(keepingCapacity: true)
            isLineOpen = false
            isTruncated = false
        }
        return LogLine(stream: stream, timestamp: timestamp, text: String(decoding: line, as: UTF8.self), isTruncated: isTruncated)
    }
}
