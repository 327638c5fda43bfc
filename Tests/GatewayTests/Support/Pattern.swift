import NIOCore

/// An endless stream of bytes in which each piece can be checked against its position, as a checksum would, but with the place of a fault.
struct Pattern: Sendable {
    // A prime, so that no buffer size hides a piece that is lost or repeated.
    private static let period = 65_521
    private let block: ByteBuffer

    init() {
        var state: UInt32 = 42
        let bytes = (0..<Self.period).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        block = ByteBuffer(bytes: bytes + bytes)
    }

    /// At most 65,521 bytes from a position on.
    func bytes(at offset: Int, count: Int) -> ByteBuffer {
        block.getSlice(at: offset % Self.period, length: min(count, Self.period)) ?? ByteBuffer()
    }

    /// Whether the bytes are those of the stream from a position on.
    func matches(_ bytes: ByteBuffer, at offset: Int) -> Bool {
        var rest = bytes
        var offset = offset
        while rest.readableBytes > 0 {
            let count = min(rest.readableBytes, Self.period)
            guard rest.readSlice(length: count) == self.bytes(at: offset, count: count) else { return false }
            offset += count
        }
        return true
    }
}
