/// What a `Range` header asks for (RFC 9110, section 14), held against the size of what there is.
enum ByteRange: Sendable, Equatable {
    /// Everything: no range was asked for, or one that a server may pass over.
    case whole
    /// One part, never empty.
    case part(Range<Int64>)
    /// Nothing of what was asked for is there: 416.
    case unsatisfiable

    /// Reads a header. What is not a list of byte ranges is passed over, as section 14.2 has it; so is a request for several parts, which
    /// would have to be sent as a form.
    init(header: String?, size: Int64) {
        guard let header, let equals = header.firstIndex(of: "="), header[..<equals].lowercased() == "bytes" else {
            self = .whole
            return
        }
        let ranges = header[header.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: false)
        guard ranges.count == 1, let text = ranges.first else {
            self = .whole
            return
        }
        let ends = text.trimmed.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]) else {
            self = .whole
            return
        }
        switch (first, last) {
        case (nil, nil): self = .whole
        case (nil, let count?): self = count == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - count)..<size)
        case (let start?, nil): self = start >= size ? .unsatisfiable : .part(start..<size)
        case (let start?, let end?) where end < start: self = .whole
        case (let start?, let end?): self = start >= size ? .unsatisfiable : .part(start..<(min(end, size - 1) + 1))
        }
    }

    /// An absent number is nil inside; text that is no number is nil outside. A number beyond all sizes is the largest.
    private static func number(_ text: Substring) -> Int64?? {
        if text.isEmpty { return .some(nil) }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return .some(Int64(text) ?? .max - 1)
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
