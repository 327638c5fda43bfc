import CatapultAPI
import Crypto
import NIOCore
import Synchronization
import _NIOFileSystem

/// Computes the SHA-256 digests of files.
enum Digests {
    /// The files with their digests, in the given order. As many files at once as there are processors; each is read in pieces of 1 MiB.
    ///
    /// - Parameters:
    ///   - files: the files.
    ///   - progress: called with the bytes hashed so far, of all files, and the file that is being read.
    /// - Throws: `Complaint` where a file changes meanwhile; `FileSystemError` where one cannot be read.
    static func compute(_ files: [LocalFile], progress: @escaping @Sendable (Int64, LocalFile) -> Void) async throws -> [VersionFile] {
        let counter = ByteCounter()
        return try await withThrowingTaskGroup(of: (Int, VersionFile).self) { group in
            var results = [VersionFile?](repeating: nil, count: files.count)
            var next = 0
            func addOne() {
                guard next < files.count else { return }
                let index = next
                next += 1
                group.addTask { (index, try await digest(of: files[index]) { progress(counter.add($0), files[index]) }) }
            }
            for _ in 0..<max(1, System.coreCount) { addOne() }
            while let (index, file) = try await group.next() {
                results[index] = file
                addOne()
            }
            return results.compactMap { $0 }
        }
    }

    private static func digest(of file: LocalFile, read: (Int64) -> Void) async throws -> VersionFile {
        var hash = SHA256()
        var size: Int64 = 0
        try await FileSystem.shared.withFileHandle(forReadingAt: file.location) { handle in
            for try await chunk in handle.readChunks(chunkLength: .mebibytes(1)) {
                chunk.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
                size += Int64(chunk.readableBytes)
                read(Int64(chunk.readableBytes))
            }
        }
        guard size == file.size else {
            throw Complaint(.conflict, "\(file.path) changed while it was read", hint: "Try again when nothing writes to the folder.")
        }
        return VersionFile(path: file.path, sizeBytes: size, sha256: hex(hash.finalize()))
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// A sum that several tasks add to.
private final class ByteCounter: Sendable {
    private let sum = Atomic<Int64>(0)

    func add(_ count: Int64) -> Int64 { sum.add(count, ordering: .relaxed).newValue }
}
