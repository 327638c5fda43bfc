import CatapultAPI
import Crypto
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Computes the SHA-256 digests of files.
enum Digests {
    /// Bytes read at once: what lies between two system calls stays in the processor's cache.
    private static let pieceSize = 1 << 20

    /// The files with their digests, in the given order. As many files at once as there are processors, the largest first, so that no
    /// processor is left with a large one at the end; each on a thread of its own, since hashing would hold up everything else.
    ///
    /// - Parameters:
    ///   - files: the files.
    ///   - progress: called with the bytes hashed so far, of all files, and the file that is being read.
    /// - Throws: `Complaint` where a file changes meanwhile or cannot be read; `CancellationError`.
    static func compute(_ files: [LocalFile], progress: @escaping @Sendable (Int64, LocalFile) -> Void) async throws -> [VersionFile] {
        let counter = ByteCounter()
        let pool = NIOThreadPool(numberOfThreads: max(1, min(System.coreCount, files.count)))
        pool.start()
        let order = files.indices.sorted { files[$0].size > files[$1].size }
        let stop = Flag()
        do {
            let digests = try await withTaskCancellationHandler {
                try await withThrowingTaskGroup(of: (Int, VersionFile).self) { group in
                    var results = [VersionFile?](repeating: nil, count: files.count)
                    var waiting = order[...]
                    func addOne() {
                        guard let index = waiting.popFirst() else { return }
                        group.addTask {
                            try await pool.runIfActive {
                                (index, try digest(of: files[index], stop) { progress(counter.add($0), files[index]) })
                            }
                        }
                    }
                    for _ in 0..<System.coreCount { addOne() }
                    while let (index, file) = try await group.next() {
                        results[index] = file
                        addOne()
                    }
                    return results.compactMap { $0 }
                }
            } onCancel: {
                stop.raise()
            }
            try await pool.shutdownGracefully()
            return digests
        } catch {
            stop.raise()
            try? await pool.shutdownGracefully()
            throw error
        }
    }

    private static func digest(of file: LocalFile, _ stop: Flag, read: (Int64) -> Void) throws -> VersionFile {
        let descriptor = open(file.location.string, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(file) }
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 4_096)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var size: Int64 = 0
        while true {
            if stop.isRaised { throw CancellationError() }
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(file) }
            if count == 0 { break }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            size += Int64(count)
            read(Int64(count))
        }
        guard size == file.size else {
            throw Complaint(.conflict, "\(file.path) changed while it was read", hint: "Try again when nothing writes to the folder.")
        }
        return VersionFile(path: file.path, sizeBytes: size, sha256: hex(hash.finalize()))
    }

    private static func unreadable(_ file: LocalFile) -> Complaint {
        Complaint(errno == ENOENT ? .notFound : .failure, "cannot read \(file.path): \(String(cString: strerror(errno)))")
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// A sum that several tasks add to.
final class ByteCounter: Sendable {
    private let sum = Atomic<Int64>(0)

    func add(_ count: Int64) -> Int64 { sum.add(count, ordering: .relaxed).newValue }
}

/// A flag that one thread raises and others see.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
}
