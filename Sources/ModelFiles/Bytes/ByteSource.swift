#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Bytes that can be read anywhere: a file, or memory. Reading may block.
public protocol ByteSource: Sendable {
    /// How many bytes there are.
    var byteCount: Int64 { get }
    /// The bytes from an offset on: as many as asked for, or fewer at the end.
    func read(at offset: Int64, count: Int) throws(ModelFileError) -> ArraySlice<UInt8>
}

/// Bytes in memory.
public struct MemoryBytes: ByteSource {
    private let bytes: [UInt8]

    /// A source of these bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public var byteCount: Int64 { Int64(bytes.count) }

    public func read(at offset: Int64, count: Int) throws(ModelFileError) -> ArraySlice<UInt8> {
        guard offset >= 0, offset < byteCount, count > 0 else { return [] }
        return bytes[Int(offset)...].prefix(count)
    }
}

/// A file, read with `pread(2)`. Closed when the value goes away.
public final class FileBytes: ByteSource {
    private let descriptor: CInt
    public let byteCount: Int64

    /// Opens a regular file. Symbolic links are followed; devices, pipes and folders are refused.
    public init(path: String) throws(ModelFileError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ModelFileError(.unreadable, "cannot open the file: \(String(cString: strerror(errno)))") }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw ModelFileError(.unreadable, "not a regular file")
        }
        byteCount = Int64(facts.st_size)
    }

    deinit { close(descriptor) }

    public func read(at offset: Int64, count: Int) throws(ModelFileError) -> ArraySlice<UInt8> {
        guard offset >= 0, offset < byteCount, count > 0 else { return [] }
        let wanted = Int(min(Int64(count), byteCount - offset))
        var problem: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let got = pread(descriptor, buffer.baseAddress.map { $0 + filled }, wanted - filled, off_t(offset) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { problem = errno }
                guard got > 0 else { return }
                filled += got
            }
        }
        guard problem == 0 else {
            throw ModelFileError(.unreadable, at: offset, "cannot read the file: \(String(cString: strerror(problem)))")
        }
        return bytes[...]
    }
}

extension ByteSource {
    /// All bytes of a small file.
    /// - Throws: `beyondLimit` when there are more than `limit`.
    func readAll(limit: Int) throws(ModelFileError) -> [UInt8] {
        guard byteCount <= Int64(limit) else {
            throw ModelFileError(.beyondLimit, "the file has \(byteCount) bytes; at most \(limit) are read")
        }
        return Array(try read(at: 0, count: Int(byteCount)))
    }
}
