import CatapultAPI
import Crypto
import NIOConcurrencyHelpers

/// The hashes of uploads between their pieces, so that the bytes need not be read again at the end. What is missing here (after a restart, or
/// where another server received a piece) is computed from the file.
final class RunningHashes: Sendable {
    /// More uploads than these at the same time are hashed at their end.
    private static let capacity = 256

    private struct Entry {
        var hash: SHA256
        var offset: Int64
        var savedAt: Timestamp
    }

    private let entries = NIOLockedValueBox<[String: Entry]>([:])

    /// Takes out the hash of the bytes that an upload has; nil where it is not known. A new one where it has none.
    ///
    /// The row's time must be the one of the save that left the hash here: another server may have written since, to the same offset.
    func take(_ upload: Upload) -> SHA256? {
        let known = entries.withLockedValue { $0.removeValue(forKey: upload.id) }
        if upload.offset == 0 { return SHA256() }
        guard let known, known.offset == upload.offset, known.savedAt == upload.updatedAt else { return nil }
        return known.hash
    }

    func put(_ id: String, _ hash: SHA256, at offset: Int64, savedAt: Timestamp) {
        entries.withLockedValue { entries in
            if entries.count >= Self.capacity, let other = entries.keys.first { entries[other] = nil }
            entries[id] = Entry(hash: hash, offset: offset, savedAt: savedAt)
        }
    }

    func forget(_ id: String) { entries.withLockedValue { $0[id] = nil } }
}
