import NIOCore

/// What was read of a request's body, kept for as long as the request may have to be sent a second time.
struct ReplayBuffer: Sendable, Equatable {
    /// The most bytes kept of one request, 256 KiB: prompts of a million characters are rare, uploads are not repeated.
    static let limit = 256 << 10

    /// The body so far, as one piece: how the client cut it into chunks has no meaning (RFC 9112, section 7.1).
    private(set) var bytes = ByteBuffer()

    /// Keeps another part; false where the body outgrows the limit, and the buffer is of no more use.
    mutating func keep(_ part: ByteBuffer) -> Bool {
        guard bytes.readableBytes + part.readableBytes <= Self.limit else { return false }
        // Most bodies are one part, which is shared. Others are copied together: each small part kept as it is would hold a whole read buffer.
        if bytes.readableBytes == 0 { bytes = part } else { bytes.writeImmutableBuffer(part) }
        return true
    }
}
