import Glibc

/// Reads `multipart/form-data` (RFC 7578; delimiters by RFC 2046, section 5.1.1) piece by piece: bytes in, events out, no I/O.
///
/// Strict where leniency would make two readers see two different forms: lines end with CRLF, a part has a `Content-Disposition` of
/// `form-data` with a name, and nothing but the closing delimiter ends the form. Memory is bounded by the limits, whatever is sent.
struct MultipartParser: Sendable {
    /// What was found next.
    enum Event: Sendable, Equatable {
        /// A part begins: its name, and its file name where it has one.
        case part(name: String, filename: String?)
        /// Bytes of the part that began last.
        case data(ArraySlice<UInt8>)
        /// That part is over.
        case partEnd
        /// The form is over; what follows is ignored.
        case end
    }

    /// What is wrong with a form, in words that follow "the form".
    struct Failure: Error, Sendable, Equatable {
        var reason: String
    }

    /// Most bytes of a part's header lines together.
    static let longestHeader = 8 << 10
    /// Most parts of a form.
    static let mostParts = 64
    /// Longest boundary (RFC 2046, section 5.1.1).
    static let longestBoundary = 70

    private enum State: Sendable, Equatable {
        /// Before the first delimiter.
        case preamble
        /// Behind a delimiter: `--` ends the form, CRLF begins a part.
        case delimiter
        case header
        case content
        case over
    }

    /// CRLF, two hyphens, the boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var parts = 0
    /// What cannot be judged before more arrives. The form is read as if a CRLF came first, so that every delimiter looks the same.
    private var rest: [UInt8] = [13, 10]

    /// A parser for a boundary.
    init(boundary: String) throws(Failure) {
        guard (1...Self.longestBoundary).contains(boundary.utf8.count), boundary.utf8.allSatisfy({ (0x20...0x7E).contains($0) }),
            boundary.utf8.last != 0x20
        else { throw Failure(reason: "needs a boundary of 1 to \(Self.longestBoundary) printable characters") }
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// Whether the closing delimiter was seen. A stream that ends before was cut off.
    var isOver: Bool { state == .over }

    /// Takes the next bytes, and hands on what they mean.
    mutating func feed(_ bytes: some Sequence<UInt8>, _ handle: (Event) throws -> Void) throws {
        if state == .over { return }
        rest.append(contentsOf: bytes)
        var position = 0
        while try step(&position, handle) {}
        rest.removeFirst(position)
        if state == .over { rest = [] }
    }

    /// Goes on by one step; false when more bytes are needed, or the form is over.
    private mutating func step(_ position: inout Int, _ handle: (Event) throws -> Void) throws -> Bool {
        switch state {
        case .over: return false
        case .preamble:
            guard let found = find(delimiter, from: position) else {
                position = max(position, rest.count - delimiter.count + 1)
                return false
            }
            position = found + delimiter.count
            state = .delimiter
            return true
        case .delimiter: return try afterDelimiter(&position, handle)
        case .header: return try header(&position, handle)
        case .content:
            guard let found = find(delimiter, from: position) else {
                // The last bytes may be the beginning of a delimiter.
                let safe = rest.count - delimiter.count + 1
                if safe > position {
                    try handle(.data(rest[position..<safe]))
                    position = safe
                }
                return false
            }
            if found > position { try handle(.data(rest[position..<found])) }
            position = found + delimiter.count
            try handle(.partEnd)
            state = .delimiter
            return true
        }
    }

    private mutating func afterDelimiter(_ position: inout Int, _ handle: (Event) throws -> Void) throws -> Bool {
        // White space may follow a boundary (RFC 2046: transport padding).
        var next = position
        while next < rest.count, rest[next] == 0x20 || rest[next] == 0x09 {
            next += 1
            guard next - position <= Self.longestBoundary else { throw Failure(reason: "has too much white space after a boundary") }
        }
        guard rest.count >= next + 2 else { return false }
        switch (rest[next], rest[next + 1]) {
        case (0x2D, 0x2D) where next == position:
            state = .over
            try handle(.end)
            return false
        case (13, 10):
            parts += 1
            guard parts <= Self.mostParts else { throw Failure(reason: "has more than \(Self.mostParts) parts") }
            // The CRLF stays: a part without headers has its empty line at once.
            position = next
            state = .header
            return true
        default: throw Failure(reason: "has something other than a line end or -- after a boundary")
        }
    }

    private mutating func header(_ position: inout Int, _ handle: (Event) throws -> Void) throws -> Bool {
        guard let end = find([13, 10, 13, 10], from: position), end - position <= Self.longestHeader else {
            guard rest.count - position <= Self.longestHeader else {
                throw Failure(reason: "has a part with more than \(Self.longestHeader) bytes of headers")
            }
            return false
        }
        let disposition = try PartDisposition(headerLines: end > position ? rest[(position + 2)..<end] : [])
        position = end + 4
        state = .content
        try handle(.part(name: disposition.name, filename: disposition.filename))
        return true
    }

    /// Where some bytes begin in what is held.
    private func find(_ needle: [UInt8], from start: Int) -> Int? {
        rest.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var position = start
            // Both needles begin with a CR, which is rare enough for the fast search of the C library.
            while position + needle.count <= bytes.count,
                let found = memchr(base + position, Int32(needle[0]), bytes.count - needle.count + 1 - position)
            {
                if memcmp(found, needle, needle.count) == 0 { return UnsafeRawPointer(found) - base }
                position = UnsafeRawPointer(found) - base + 1
            }
            return nil
        }
    }
}
