import Crypto
import Glibc
import NIOPosix

/// Threads that read, hash and write files, away from the threads of Swift's concurrency and from those that serve connections.
struct HashingPool: Sendable {
    /// Work that somebody waits for.
    static let foreground = HashingPool(name: "hash", niceness: 0)
    /// Work that nobody waits for: it takes what processors and disks have left.
    static let background = HashingPool(name: "verify", niceness: 15)

    /// How much is read at once; small enough for the processor's cache.
    private static let readSize = 256 << 10
    /// How much is done before others get a turn on the thread.
    private static let sliceSize: Int64 = 16 << 20

    private let pool: NIOThreadPool
    private let niceness: Int32

    private init(name: String, niceness: Int32) {
        pool = NIOThreadPool(numberOfThreads: Self.width)
        self.niceness = niceness
        pool.start()
    }

    /// How many files can usefully be worked on at the same time.
    static let width = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// Runs blocking work on one of the threads.
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await pool.runIfActive { [niceness] in
            // On Linux this concerns the calling thread alone.
            if niceness > 0 { _ = setpriority(__priority_which_t(UInt32(PRIO_PROCESS.rawValue)), 0, niceness) }
            return try body()
        }
    }

    /// Runs blocking work that has to be done also when the task was cancelled.
    func runAlways(_ body: @escaping @Sendable () -> Void) async {
        await Task { try? await run(body) }.value
    }

    /// The SHA-256 of a file's first `length` bytes, in hexadecimal. Stops between slices when the task is cancelled.
    ///
    /// - Parameter onSlice: told of the number of bytes after each slice; may wait, to slow the work down.
    /// - Throws: `FileProblem` where the file is shorter or cannot be read.
    func digest(
        of file: OpenedFile, length: Int64, onSlice: (Int64) async throws -> Void = { _ in }
    ) async throws -> String {
        var hash = SHA256()
        var offset: Int64 = 0
        _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        while offset < length {
            try Task.checkCancellation()
            let count = min(Self.sliceSize, length - offset)
            let start = offset
            hash = try await run { [hash] in
                var hash = hash
                try Self.read(file, from: start, count: count) { hash.update(bufferPointer: $0) }
                return hash
            }
            offset += count
            try await onSlice(count)
        }
        return hash.finalize().hexadecimal
    }

    private static func read(_ file: OpenedFile, from start: Int64, count: Int64, _ body: (UnsafeRawBufferPointer) -> Void) throws {
        try withUnsafeTemporaryAllocation(byteCount: readSize, alignment: 64) { buffer in
            var offset = start
            while offset < start + count {
                let wanted = Int(min(Int64(readSize), start + count - offset))
                let got = pread(file.descriptor, buffer.baseAddress, wanted, off_t(offset))
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { throw FileProblem(errno: errno, doing: "reading", file.path) }
                guard got > 0 else { throw FileProblem.shortened(file.path) }
                body(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
                offset += Int64(got)
            }
        }
    }
}

extension Digest {
    /// The digest in lower-case hexadecimal.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: Self.byteCount * 2) { text in
            var index = 0
            for byte in self {
                text[index] = digits[Int(byte >> 4)]
                text[index + 1] = digits[Int(byte & 0xF)]
                index += 2
            }
            return index
        }
    }
}
