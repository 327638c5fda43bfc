import Crypto
import NIOConcurrencyHelpers

/// The hashes of uploads between their pieces, so that the bytes need not be read again at the end. What is missing here (after a restart, or
/// where another server received a piece) is computed from the file.
final class RunningHashes: Sendable {
    /// More uploads than these at the same time are hashed at their end.
    private static let capacity = 256

    private let hashes = NIOLockedValueBox<[String: (hash: SHA256, offset: Int64)]>([:])

    /// Takes out the hash of an upload's first `offset` bytes; nil where it is not known. A new one for offset 0.
    func take(_ id: String, at offset: Int64) -> SHA256? {
        let known = hashes.withLockedValue { $0.removeValue(forKey: id) }
        if offset == 0 { return SHA256() }
        return known.flatMap { $0.offset == offset ? $0.hash : nil }
    }

    func put(_ id: String, _ hash: SHA256, at offset: Int64) {
        hashes.withLockedValue { hashes in
            if hashes.count >= Self.capacity, let other = hashes.keys.first { hashes[other] = nil }
            hashes[id] = (hash, offset)
        }
    }

    func forget(_ id: String) { hashes.withLockedValue { $0[id] = nil } }
}
