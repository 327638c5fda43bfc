import CatapultAPI
import Crypto
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// The file of an upload, open for one writer.
///
/// The row's lock tells writers apart, whichever server they talk to; it runs out. The lock on the file does not, so a writer that was taken for
/// gone cannot write into what its successor has hashed.
final class UploadFile: Sendable {
    private struct State {
        var hash: SHA256?
        var offset: Int64
    }

    let path: String
    private let descriptor: Int32
    private let state: NIOLockedValueBox<State>

    /// Opens the file at an offset that is safely stored; what lies behind it came from a writer that did not get to say so, and is dropped.
    ///
    /// - Parameter hash: the hash of what lies before the offset, where it is known.
    /// - Throws: `FileProblem.busy` where another writer has it open.
    init(path: String, offset: Int64, hash: SHA256?) throws(FileProblem) {
        descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileProblem(errno: errno, doing: "opening", path) }
        self.path = path
        state = NIOLockedValueBox(State(hash: hash, offset: offset))
        try FileLock.take(descriptor, path)
        guard let facts = FileFacts(descriptor: descriptor), facts.size >= offset else { throw FileProblem.shortened(path) }
        guard facts.size == offset || ftruncate(descriptor, off_t(offset)) == 0 else {
            throw FileProblem(errno: errno, doing: "cutting", path)
        }
    }

    deinit { close(descriptor) }

    var offset: Int64 { state.withLockedValue { $0.offset } }
    /// The hash of all bytes so far, where it is known.
    var hash: SHA256? { state.withLockedValue { $0.hash } }

    /// Lets the next writer in. Nothing may be written afterwards.
    func release() { FileLock.release(descriptor) }

    /// Writes and hashes. Blocks.
    func append(_ buffers: [ByteBuffer]) throws {
        try state.withLockedValue { state in
            for buffer in buffers {
                try buffer.withUnsafeReadableBytes { bytes in
                    try StagedFile.write(bytes, to: descriptor, at: state.offset, path: path)
                    state.hash?.update(bufferPointer: bytes)
                }
                state.offset += Int64(buffer.readableBytes)
            }
        }
    }

    /// Drops what lies behind an offset. Blocks; nothing may be written afterwards.
    func cut(to offset: Int64) { _ = ftruncate(descriptor, off_t(offset)) }

    /// Makes what was written survive a loss of power. Blocks.
    func sync() throws {
        guard fdatasync(descriptor) == 0 else { throw FileProblem(errno: errno, doing: "syncing", path) }
    }
}
