/// Reads numbers and strings one after another out of a source, through a window of 64 KiB.
///
/// Nothing is allocated for what the file merely claims: a length is held against what is left before a byte of it is read.
struct ByteCursor {
    private static let windowSize = 64 << 10

    private let source: any ByteSource
    /// Where reading must stop: the end of the source, or of what a header may be.
    private let end: Int64
    private let endIsLimit: Bool
    private(set) var position: Int64 = 0
    private var window: ArraySlice<UInt8> = []
    private var windowStart: Int64 = 0
    var isBigEndian = false

    /// - Parameter limit: no byte beyond this offset is read.
    init(_ source: any ByteSource, limit: Int64) {
        self.source = source
        end = min(source.byteCount, limit)
        endIsLimit = source.byteCount > limit
    }

    var remaining: Int64 { end - position }

    func failure(_ kind: ModelFileError.Kind, _ reason: String) -> ModelFileError { ModelFileError(kind, at: position, reason) }

    /// Refuses where fewer bytes are left.
    func require(_ count: UInt64, _ what: String) throws(ModelFileError) {
        guard count <= UInt64(remaining) else {
            throw endIsLimit
                ? failure(.beyondLimit, "\(what) reaches beyond the \(end) bytes that are read of a header")
                : failure(.truncated, "the file ends within \(what)")
        }
    }

    mutating func skip(_ count: UInt64, _ what: String) throws(ModelFileError) {
        try require(count, what)
        position += Int64(count)
    }

    /// - Parameter count: at most ``windowSize``.
    mutating func bytes(_ count: Int, _ what: String) throws(ModelFileError) -> ArraySlice<UInt8> {
        try require(UInt64(count), what)
        if position < windowStart || position + Int64(count) > windowStart + Int64(window.count) {
            window = try source.read(at: position, count: Int(min(max(Int64(Self.windowSize), Int64(count)), remaining)))
            windowStart = position
            // A file may have become shorter since it was opened.
            guard window.count >= count else { throw failure(.truncated, "the file ends within \(what)") }
        }
        let start = window.startIndex + Int(position - windowStart)
        position += Int64(count)
        return window[start..<start + count]
    }

    mutating func integer<Number: FixedWidthInteger & Sendable>(_ type: Number.Type, _ what: String) throws(ModelFileError) -> Number {
        let bytes = try bytes(MemoryLayout<Number>.size, what)
        var value: UInt64 = 0
        for byte in bytes { value = value << 8 | UInt64(byte) }
        guard !isBigEndian else { return Number(truncatingIfNeeded: value) }
        return Number(truncatingIfNeeded: value.byteSwapped >> UInt64(64 - bytes.count * 8))
    }
}
