/// One server-sent event (WHATWG HTML, section 9.2).
public struct ServerSentEvent: Sendable, Equatable {
    /// Its kind; `message` where the server named none.
    public var event: String
    /// Its data lines, joined by line feeds.
    public var data: String

    /// An event.
    public init(event: String = "message", data: String) {
        self.event = event
        self.data = data
    }
}

/// Reads `text/event-stream`. A pure value: bytes in, events out. Ids and reconnection times are of no use to our clients and are dropped.
struct EventStreamParser: Sendable {
    /// An event that is longer than the parser takes.
    struct TooLong: Error {}

    /// The most bytes of one event.
    let longestEvent: Int

    private var line: [UInt8] = []
    private var afterCarriageReturn = false
    private var atStart = true
    private var event = ""
    private var data: [UInt8] = []
    private var hasData = false

    init(longestEvent: Int = 16 << 20) { self.longestEvent = longestEvent }

    /// The events that these bytes complete.
    mutating func consume(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n"), afterCarriageReturn {
                afterCarriageReturn = false
                continue
            }
            afterCarriageReturn = byte == UInt8(ascii: "\r")
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                endLine(&events)
            } else {
                line.append(byte)
                guard line.count + data.count <= longestEvent else { throw TooLong() }
            }
        }
        return events
    }

    private mutating func endLine(_ events: inout [ServerSentEvent]) {
        defer { line.removeAll(keepingCapacity: true) }
        if atStart {
            atStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch(&events) }
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        var value = line.dropFirst(name.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        if name.elementsEqual("data".utf8) {
            if hasData { data.append(UInt8(ascii: "\n")) }
            data.append(contentsOf: value)
            hasData = true
        } else if name.elementsEqual("event".utf8) {
            event = String(decoding: value, as: UTF8.self)
        }
    }

    private mutating func dispatch(_ events: inout [ServerSentEvent]) {
        if hasData {
            events.append(ServerSentEvent(event: event.isEmpty ? "message" : event, data: String(decoding: data, as: UTF8.self)))
        }
        event = ""
        data.removeAll(keepingCapacity: true)
        hasData = false
    }
}
