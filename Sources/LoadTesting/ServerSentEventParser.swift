/// One event of a `text/event-stream`.
public struct ServerSentEvent: Hashable, Sendable {
    /// The `event` field; `message` where the stream named none.
    public var type: String
    /// The `data` lines, joined by line feeds. UTF-8 by the standard, but not checked.
    public var data: [UInt8]
    /// The last `id` seen in the stream; empty where there was none.
    public var lastEventID: String

    /// Makes an event.
    public init(type: String = "message", data: [UInt8], lastEventID: String = "") {
        self.type = type
        self.data = data
        self.lastEventID = lastEventID
    }
}

/// A stream that exceeds what the parser holds.
public enum ServerSentEventError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A line of more bytes than the limit.
    case lineTooLong(limit: Int)
    /// An event whose data has more bytes than the limit.
    case eventTooLarge(limit: Int)

    /// One line for people.
    public var description: String {
        switch self {
        case .lineTooLong(let limit): "an event stream with a line of over \(limit) bytes"
        case .eventTooLarge(let limit): "an event stream with an event of over \(limit) bytes"
        }
    }
}

/// Reads a `text/event-stream` (WHATWG HTML, section 9.2.6 "Interpreting an event stream") from pieces of any size.
///
/// A pure value: give it bytes as they come, and take the events that they complete. Lines end with CRLF, LF or CR; a byte order mark
/// at the start, comments and unknown fields are skipped; an event that the stream's end cuts off is dropped.
public struct ServerSentEventParser: Sendable {
    /// The most bytes of a line, and of the data of an event.
    public let limit: Int

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var type = ""
    private var lastEventID = ""
    private var skipsLineFeed = false
    private var byteOrderMarkBytes = 0
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Makes a parser for a new stream.
    ///
    /// - Parameter limit: the most bytes of a line, and of the data of an event.
    public init(limit: Int = 1 << 20) {
        self.limit = limit
    }

    /// Takes the next bytes of the stream.
    ///
    /// - Returns: the events that these bytes completed, oldest first.
    /// - Throws: ``ServerSentEventError``; the parser is then of no more use.
    public mutating func consume(_ bytes: some Sequence<UInt8>) throws(ServerSentEventError) -> [ServerSentEvent] {
        try Array(bytes).withUnsafeBufferPointer { (bytes) throws(ServerSentEventError) in try consume(UnsafeRawBufferPointer(bytes)) }
    }

    /// Takes the next bytes of the stream, from memory.
    ///
    /// - Returns: the events that these bytes completed, oldest first.
    /// - Throws: ``ServerSentEventError``; the parser is then of no more use.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer) throws(ServerSentEventError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        var start = startAfterByteOrderMark(bytes)
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0A || byte == 0x0D {
                if byte == 0x0A, skipsLineFeed {
                    // The second half of a CRLF: its line was ended by the CR.
                } else {
                    try finishLine(bytes[start..<index], into: &events)
                }
                skipsLineFeed = byte == 0x0D
                start = index + 1
            } else {
                skipsLineFeed = false
            }
            index += 1
        }
        guard line.count + bytes.count - start <= limit else { throw .lineTooLong(limit: limit) }
        line.append(contentsOf: bytes[start...])
        return events
    }

    /// Skips the byte order mark, which may itself come in pieces.
    private mutating func startAfterByteOrderMark(_ bytes: UnsafeRawBufferPointer) -> Int {
        var index = 0
        while byteOrderMarkBytes < Self.byteOrderMark.count, index < bytes.count {
            guard bytes[index] == Self.byteOrderMark[byteOrderMarkBytes] else {
                // It was none: what looked like its start is text.
                line.append(contentsOf: Self.byteOrderMark.prefix(byteOrderMarkBytes - index))
                byteOrderMarkBytes = Self.byteOrderMark.count
                return 0
            }
            index += 1
            byteOrderMarkBytes += 1
        }
        return index
    }

    private mutating func finishLine(_ tail: Slice<UnsafeRawBufferPointer>, into events: inout [ServerSentEvent])
        throws(ServerSentEventError)
    {
        guard line.count + tail.count <= limit else { throw .lineTooLong(limit: limit) }
        if line.isEmpty {
            try interpret(UnsafeRawBufferPointer(rebasing: tail), into: &events)
        } else {
            var whole: [UInt8] = []
            swap(&whole, &line)
            whole.append(contentsOf: tail)
            try whole.withUnsafeBufferPointer { (bytes) throws(ServerSentEventError) in
                try interpret(UnsafeRawBufferPointer(bytes), into: &events)
            }
            whole.removeAll(keepingCapacity: true)
            swap(&whole, &line)
        }
    }

    private mutating func interpret(_ line: UnsafeRawBufferPointer, into events: inout [ServerSentEvent]) throws(ServerSentEventError) {
        guard !line.isEmpty else { return dispatch(into: &events) }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.count
        var valueStart = min(colon + 1, line.count)
        if valueStart < line.count, line[valueStart] == UInt8(ascii: " ") { valueStart += 1 }
        let value = line[valueStart...]
        let name = line[..<colon]
        if name.elementsEqual("data".utf8) {
            guard data.count + value.count + 1 <= limit else { throw .eventTooLarge(limit: limit) }
            if hasData { data.append(0x0A) }
            data.append(contentsOf: value)
            hasData = true
        } else if name.elementsEqual("event".utf8) {
            type = String(decoding: value, as: UTF8.self)
        } else if name.elementsEqual("id".utf8), !value.contains(0) {
            lastEventID = String(decoding: value, as: UTF8.self)
        }
        // `retry` asks a client to reconnect later, which a measurement never does; a comment has an empty name.
    }

    private mutating func dispatch(into events: inout [ServerSentEvent]) {
        if hasData {
            events.append(ServerSentEvent(type: type.isEmpty ? "message" : type, data: data, lastEventID: lastEventID))
        }
        data.removeAll(keepingCapacity: true)
        hasData = false
        type = ""
    }
}
