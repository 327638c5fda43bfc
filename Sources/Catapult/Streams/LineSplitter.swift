/// Cuts a stream of bytes into lines. A pure value: bytes in, lines out.
struct LineSplitter: Sendable {
    /// A longer line is handed out in pieces of this many bytes, so that memory stays bounded.
    let longestLine: Int

    private var rest: [UInt8] = []

    init(longestLine: Int = 1 << 20) { self.longestLine = longestLine }

    /// The lines that end within these bytes, without their line feed and a carriage return before it. What is no UTF-8 is repaired.
    mutating func consume(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(take())
            } else {
                rest.append(byte)
                if rest.count >= longestLine { lines.append(take()) }
            }
        }
        return lines
    }

    /// The last line, where the stream did not end with a line feed.
    mutating func finish() -> String? { rest.isEmpty ? nil : take() }

    private mutating func take() -> String {
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        defer { rest.removeAll(keepingCapacity: true) }
        return String(decoding: rest, as: UTF8.self)
    }
}
