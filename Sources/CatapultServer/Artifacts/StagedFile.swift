import CatapultAPI
import Crypto
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// A new file of the store while its bytes arrive: hashed as they are written, and removed unless it is kept.
///
/// The file is locked as long as this value lives, so that whoever tidies up can tell it from one that a crash left behind.
final class StagedFile: Sendable {
    /// How much is gathered before a thread writes it.
    static let batchSize = 1 << 20
    /// After so many bytes the kernel is asked to begin with writing, so that the end need not wait for all of them.
    private static let flushSize: Int64 = 16 << 20

    private struct State {
        var hash = SHA256()
        var size: Int64 = 0
        var flushed: Int64 = 0
        var isKept = false
    }

    let path: String
    let descriptor: Int32
    /// Whether the name stays when the file becomes a blob.
    let keepsName: Bool
    private let state = NIOLockedValueBox(State())

    /// Makes a file that nobody else has.
    init(path: String) throws(FileProblem) {
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileProblem(errno: errno, doing: "making a file", path) }
        self.path = path
        keepsName = false
        try FileLock.take(descriptor, path)
    }

    /// Takes over a file that is written already, and stays where it is unless it is published; ``sha256`` and ``size`` say nothing of it.
    ///
    /// - Parameter keepingName: whether its name stays when it is published, too.
    /// - Throws: `FileProblem.busy` where somebody else writes to it.
    init(adopting path: String, keepingName: Bool = false) throws(FileProblem) {
        // It may be a blob already, by another name: nobody writes to it any more.
        descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileProblem(errno: errno, doing: "opening", path) }
        self.path = path
        keepsName = keepingName
        keep()
        try FileLock.take(descriptor, path)
    }

    deinit {
        discard()
        close(descriptor)
    }

    /// Bytes so far.
    var size: Int64 { state.withLockedValue { $0.size } }
    /// SHA-256 so far, in hexadecimal.
    var sha256: String { state.withLockedValue { $0.hash.finalize().hexadecimal } }

    /// Leaves the file where it is when this value goes.
    func keep() { state.withLockedValue { $0.isKept = true } }

    /// Removes the file unless it is kept. Blocks.
    func discard() {
        let isGone = state.withLockedValue { state in
            defer { state.isKept = true }
            return state.isKept
        }
        if !isGone { unlink(path) }
    }

    /// Hashes and writes. Blocks: to be called on a ``HashingPool``.
    func append(_ buffers: [ByteBuffer]) throws {
        try state.withLockedValue { state in
            for buffer in buffers {
                try buffer.withUnsafeReadableBytes { bytes in
                    state.hash.update(bufferPointer: bytes)
                    try Self.write(bytes, to: descriptor, at: state.size, path: path)
                }
                state.size += Int64(buffer.readableBytes)
            }
            if state.size - state.flushed >= Self.flushSize {
                // Linux begins to write what is dirty in the range, and does not wait for it.
                _ = posix_fadvise(descriptor, off_t(state.flushed), off_t(state.size - state.flushed), POSIX_FADV_DONTNEED)
                state.flushed = state.size
            }
        }
    }

    /// Writes all of some bytes.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int64, path: String) throws(FileProblem) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileProblem(errno: count < 0 ? errno : ENOSPC, doing: "writing", path) }
            done += count
        }
    }

    /// Takes all of a stream: while one batch is hashed and written, the next one arrives.
    ///
    /// - Parameter limit: more bytes than this are refused by the error that `tooLong` makes.
    func receive<Bytes: AsyncSequence>(
        _ bytes: Bytes, limit: Int64, tooLong: @Sendable () -> CatapultError, pool: HashingPool = .foreground
    ) async throws where Bytes.Element == ByteBuffer {
        var batches = BatchWriter { [self] batch in try await pool.run { try self.append(batch) } }
        var count: Int64 = 0
        do {
            for try await buffer in bytes {
                count += Int64(buffer.readableBytes)
                guard count <= limit else { throw tooLong() }
                try await batches.add(buffer)
            }
            try await batches.finish()
        } catch {
            await batches.abandon()
            throw error
        }
    }
}

/// Gathers small buffers into batches, and has one batch worked on while the next one is gathered.
struct BatchWriter {
    private let work: @Sendable ([ByteBuffer]) async throws -> Void
    private var gathered: [ByteBuffer] = []
    private var size = 0
    private var running: Task<Void, any Error>?

    init(work: @escaping @Sendable ([ByteBuffer]) async throws -> Void) {
        self.work = work
    }

    mutating func add(_ buffer: ByteBuffer) async throws {
        gathered.append(buffer)
        size += buffer.readableBytes
        if size >= StagedFile.batchSize { try await start() }
    }

    /// Waits for all work.
    mutating func finish() async throws {
        try await start()
        try await running?.value
        running = nil
    }

    /// Waits for the work that has begun, whatever comes of it: the file must not be touched any more when this returns.
    mutating func abandon() async {
        _ = await running?.result
        running = nil
    }

    private mutating func start() async throws {
        try await running?.value
        let batch = gathered
        gathered = []
        size = 0
        running = Task { [work] in try await work(batch) }
    }
}
