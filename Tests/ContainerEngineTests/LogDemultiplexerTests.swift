import NIOCore
import Testing

@testable import ContainerEngine

@Suite("Log demultiplexer")
struct LogDemultiplexerTests {
    private let time = "2026-11-21T08:45:02.123456789Z"

    private func frame(_ stream: UInt8, _ payload: String) -> [UInt8] {
        let length = UInt32(payload.utf8.count)
        return [stream, 0, 0, 0] + withUnsafeBytes(of: length.bigEndian, Array.init) + Array(payload.utf8)
    }

    private func lines(
        _ pieces: [[UInt8]], framing: LogDemultiplexer.Framing = .multiplexed, hasTimestamps: Bool = true, maximumLineBytes: Int = 1 << 20
    ) throws -> [LogLine] {
        var demultiplexer = LogDemultiplexer(framing: framing, hasTimestamps: hasTimestamps, maximumLineBytes: maximumLineBytes)
        var lines: [LogLine] = []
        for piece in pieces { lines += try demultiplexer.consume(ByteBuffer(bytes: piece)) }
        return try lines + demultiplexer.finish()
    }

    /// Both streams, a long line cut into two payloads, an empty line, one without an end, and text of several bytes a letter.
    private var sample: [UInt8] {
        frame(1, "\(time) héllo\n") + frame(2, "2026-11-21T08:45:02.000000001Z oops\n") + frame(1, "2026-11-21T08:45:03.5Z part one, ")
            + frame(2, "2026-11-21T08:45:03.6Z \n") + frame(1, "2026-11-21T08:45:04Z part two\n") + frame(1, "2026-11-21T08:45:05Z no end")
    }

    private var expected: [LogLine] {
        [
            LogLine(stream: .stdout, timestamp: EngineTimestamp(time), text: "héllo"),
            LogLine(stream: .stderr, timestamp: EngineTimestamp("2026-11-21T08:45:02.000000001Z"), text: "oops"),
            LogLine(stream: .stderr, timestamp: EngineTimestamp("2026-11-21T08:45:03.6Z"), text: ""),
            LogLine(stream: .stdout, timestamp: EngineTimestamp("2026-11-21T08:45:03.5Z"), text: "part one, part two"),
            LogLine(stream: .stdout, timestamp: EngineTimestamp("2026-11-21T08:45:05Z"), text: "no end"),
        ]
    }

    @Test("gives the same lines wherever the bytes are cut in two")
    func everySplitPoint() throws {
        let bytes = sample
        for point in 0...bytes.count {
            #expect(try lines([Array(bytes[..<point]), Array(bytes[point...])]) == expected, "cut at \(point)")
        }
    }

    @Test("gives the same lines for every piece size", arguments: [1, 2, 3, 7, 8, 9, 64])
    func pieces(size: Int) throws {
        let bytes = sample
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        #expect(try lines(pieces) == expected)
    }

    @Test("keeps a text that looks like a time where no times were asked for")
    func withoutTimestamps() throws {
        #expect(
            try lines([frame(1, "\(time) text\n")], hasTimestamps: false)
                == [LogLine(stream: .stdout, timestamp: nil, text: "\(time) text")])
    }

    @Test("takes off only the engine's time, not one that the program wrote")
    func programTime() throws {
        #expect(
            try lines([frame(1, "\(time) \(time) mine\n")]) == [
                LogLine(stream: .stdout, timestamp: EngineTimestamp(time), text: "\(time) mine")
            ])
    }

    @Test("reads the bare bytes of a terminal at every split point, without its carriage returns")
    func terminal() throws {
        let bytes = Array("\(time) one\r\n\(time) two\r\n".utf8)
        for point in 0...bytes.count {
            let result = try lines([Array(bytes[..<point]), Array(bytes[point...])], framing: .raw)
            #expect(result.map(\.text) == ["one", "two"])
            #expect(result.allSatisfy { $0.stream == .stdout && $0.timestamp == EngineTimestamp(time) })
        }
    }

    @Test("cuts a line at its limit and marks it, however it comes in")
    func lineLimit() throws {
        let long = frame(1, "\(time) 0123456789abc\n") + frame(1, "\(time) 0123456789\n")
        let inParts = frame(2, "\(time) 01234567") + frame(2, "\(time) 89abc\n")
        let result = try lines([long, inParts], maximumLineBytes: 10)
        #expect(result.map(\.text) == ["0123456789", "0123456789", "0123456789"])
        #expect(result.map(\.isTruncated) == [true, false, true])
    }

    @Test("holds no more than a line of a frame that claims four gigabytes")
    func hugeFrame() throws {
        var demultiplexer = LogDemultiplexer(maximumLineBytes: 16)
        _ = try demultiplexer.consume(ByteBuffer(bytes: [1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]))
        for _ in 0..<64 {
            #expect(try demultiplexer.consume(ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 << 10)).isEmpty)
        }
        let line = try demultiplexer.consume(ByteBuffer(string: "\n"))
        #expect(line.map(\.text) == [String(repeating: "x", count: 16)])
        #expect(line.map(\.isTruncated) == [true])
    }

    @Test(
        "refuses a malformed header",
        arguments: [
            [4, 0, 0, 0, 0, 0, 0, 1, 65], [1, 1, 0, 0, 0, 0, 0, 1, 65], [72, 84, 84, 80, 47, 49, 46, 49],
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        #expect(throws: ContainerEngineError.unexpectedResponse(message: "The container's log holds a malformed frame.")) {
            try lines([bytes])
        }
    }

    @Test("tells a log that is cut off", arguments: [[1, 0, 0], [1, 0, 0, 0, 0, 0, 0, 5, 65]] as [[UInt8]])
    func cutOff(bytes: [UInt8]) {
        #expect(throws: ContainerEngineError.unexpectedResponse(message: "The container's log ends in the middle of a frame.")) {
            try lines([bytes])
        }
    }

    @Test("throws an error that the engine reports within the log")
    func engineError() {
        #expect(throws: ContainerEngineError.serverError(status: 500, message: "disk fell out")) {
            try lines([frame(1, "\(time) fine\n"), frame(3, "disk fell out")])
        }
    }

    @Test("takes empty frames and replaces bytes that are not UTF-8")
    func oddPayloads() throws {
        var bad = frame(1, "\(time) a?b\n")
        bad[bad.count - 3] = 0xFF
        #expect(try lines([frame(1, ""), bad, frame(2, "")]).map(\.text) == ["a\u{FFFD}b"])
    }

    @Test("orders the lines of both streams by time and keeps the order of equal times")
    func timeOrder() {
        func line(_ text: String, _ seconds: Int64?) -> LogLine {
            LogLine(stream: .stdout, timestamp: seconds.map { EngineTimestamp(seconds: $0) }, text: text)
        }
        let ordered = LogLine.inTimeOrder([
            line("start", nil), line("c", 3), line("more c", nil), line("a", 1), line("a2", 1), line("b", 2),
        ])
        #expect(ordered.map(\.text) == ["start", "a", "a2", "b", "c", "more c"])
    }
}
