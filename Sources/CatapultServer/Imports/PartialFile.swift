import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// A file that arrives in parts, in any order, and remembers across restarts which of them are there.
///
/// Beside the file lies a list with one byte per part, set once the part is on disk. A power cut between the two at worst fetches a part twice.
final class PartialFile: Sendable {
    static let partSize: Int64 = 32 << 20

    let path: String
    let size: Int64
    private let descriptor: Int32
    private let list: Int32
    private let done: NIOLockedValueBox<[Bool]>
    private let wrongTimes = NIOLockedValueBox(0)

    /// Opens what an earlier attempt left, or begins anew. Blocks.
    init(path: String, size: Int64) throws(FileProblem) {
        self.path = path
        self.size = size
        descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileProblem(errno: errno, doing: "making a file", path) }
        list = open("\(path).parts", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard list >= 0 else {
            let problem = errno
            close(descriptor)
            throw FileProblem(errno: problem, doing: "making a file", path)
        }
        let count = Int((size + Self.partSize - 1) / Self.partSize)
        var marks = [UInt8](repeating: 0, count: count)
        var facts = stat()
        let isSame = fstat(descriptor, &facts) == 0 && Int64(facts.st_size) == size
        if isSame { _ = pread(list, &marks, count, 0) }
        done = NIOLockedValueBox(marks.map { $0 == 1 })
        // From here on the end of this value closes the files. The list goes first: marks must not be taken for those of a file that is empty.
        if !isSame, ftruncate(list, 0) != 0 || ftruncate(descriptor, off_t(size)) != 0 {
            throw FileProblem(errno: errno, doing: "growing", path)
        }
    }

    deinit {
        close(descriptor)
        close(list)
    }

    /// The parts that are not there yet.
    var missing: [Int] { done.withLockedValue { done in done.indices.filter { !done[$0] } } }

    /// Bytes of the parts that are there.
    var received: Int64 {
        done.withLockedValue { done in done.indices.filter { done[$0] }.reduce(Int64(0)) { $0 + Int64(range(of: $1).count) } }
    }

    /// Where a part lies.
    func range(of part: Int) -> Range<Int64> {
        let start = Int64(part) * Self.partSize
        return start..<min(start + Self.partSize, size)
    }

    /// Writes bytes at their place. Blocks.
    func write(_ buffer: ByteBuffer, at offset: Int64) throws {
        try buffer.withUnsafeReadableBytes { try StagedFile.write($0, to: descriptor, at: offset, path: path) }
    }

    /// Notes that all of a part was written. Blocks until it is on disk.
    func finish(_ part: Int) throws {
        guard fdatasync(descriptor) == 0 else { throw FileProblem(errno: errno, doing: "syncing", path) }
        var mark: UInt8 = 1
        guard pwrite(list, &mark, 1, off_t(part)) == 1 else { throw FileProblem(errno: errno, doing: "writing", path) }
        done.withLockedValue { $0[part] = true }
    }

    /// True the first time: bytes that were wrong once may have been damaged on the way.
    func mayBeWrongAgain() -> Bool {
        wrongTimes.withLockedValue { times in
            times += 1
            return times == 1
        }
    }

    /// Forgets everything: the bytes were wrong. Blocks.
    func reset() throws {
        guard ftruncate(list, 0) == 0 else { throw FileProblem(errno: errno, doing: "writing", path) }
        done.withLockedValue { done in done = done.map { _ in false } }
    }

    /// Removes the list; the file itself belongs to whoever takes it over.
    func removeList() { unlink("\(path).parts") }
}
