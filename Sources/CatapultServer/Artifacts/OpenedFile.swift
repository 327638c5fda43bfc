import CatapultAPI
import Glibc

/// A regular file that is open for reading, and how it looked then.
final class OpenedFile: Sendable {
    /// Path beneath the storage root.
    let path: String
    /// Closed with this value.
    let descriptor: Int32
    let facts: FileFacts

    private init(path: String, descriptor: Int32, facts: FileFacts) {
        self.path = path
        self.descriptor = descriptor
        self.facts = facts
    }

    deinit { close(descriptor) }

    /// Opens a file beneath a folder. The kernel follows no symbolic link on the way: paths are resolved when they are registered, so a link
    /// that is met now was put there afterwards.
    ///
    /// - Throws: `FileProblem`.
    static func beneath(_ root: String, _ path: String) throws(FileProblem) -> OpenedFile {
        let parts = path.split(separator: "/").map(String.init)
        guard let name = parts.last, !parts.contains("..") else { throw FileProblem(errno: EINVAL, doing: "opening", path) }
        var folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw FileProblem(errno: errno, doing: "opening", path) }
        for part in parts.dropLast() {
            let next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let problem = errno
            close(folder)
            guard next >= 0 else { throw FileProblem(errno: problem, doing: "opening", path) }
            folder = next
        }
        // Without waiting for the other end of a pipe.
        let descriptor = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        let problem = errno
        close(folder)
        guard descriptor >= 0 else { throw FileProblem(errno: problem, doing: "opening", path) }
        guard let facts = FileFacts(descriptor: descriptor) else {
            close(descriptor)
            throw FileProblem.notAFile(path)
        }
        return OpenedFile(path: path, descriptor: descriptor, facts: facts)
    }

    /// Whether the file still looks as it did when it was opened.
    var isUnchanged: Bool { FileFacts(descriptor: descriptor) == facts }
}

/// What tells one state of a file from another without reading it.
struct FileFacts: Sendable, Hashable {
    var size: Int64
    /// Time of the last change of the content, in nanoseconds since 1970.
    var modifiedNanoseconds: Int64
    var inode: Int64

    /// Facts from a row.
    init(size: Int64, modifiedNanoseconds: Int64, inode: Int64) {
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.inode = inode
    }

    private init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        size = Int64(status.st_size)
        modifiedNanoseconds = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        inode = Int64(bitPattern: UInt64(status.st_ino))
    }

    /// The facts of an open file; nil where it is no regular file.
    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The facts of what lies at a path, no link followed; nil where there is no regular file.
    init?(path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Whether the content may be taken for the same. A copy that kept its times (a restored backup) has another inode.
    func hasSameContent(as other: FileFacts) -> Bool { size == other.size && modifiedNanoseconds == other.modifiedNanoseconds }

    /// When the content was last changed.
    var modifiedAt: Timestamp { Timestamp(microseconds: modifiedNanoseconds / 1_000) }
}

/// What went wrong with a file.
enum FileProblem: Error, Sendable, Equatable {
    case missing(String)
    case notAFile(String)
    /// The end came before the size that it had.
    case shortened(String)
    case noSpace
    /// Somebody else writes to it.
    case busy(String)
    case failed(String, doing: String, reason: String)

    init(errno code: Int32, doing: String, _ path: String) {
        switch code {
        case ENOENT, ENOTDIR: self = .missing(path)
        case ENOSPC, EDQUOT: self = .noSpace
        case ELOOP, EISDIR, ENXIO: self = .notAFile(path)
        default: self = .failed(path, doing: doing, reason: String(cString: strerror(code)))
        }
    }

    /// In words, to follow "the file".
    var reason: String {
        switch self {
        case .missing: "is no longer there"
        case .notAFile: "is not a regular file"
        case .shortened: "became shorter while it was read"
        case .noSpace: "found no space on the disk"
        case .busy: "is being written by somebody else"
        case .failed(_, let doing, let reason): "failed while \(doing): \(reason)"
        }
    }
}
