import Foundation
import Synchronization

/// An exclusive lock that keeps a second server away from an embedded database. The kernel releases it when the process ends.
///
/// It is on a file of its own beside the database: closing any descriptor of the database file would drop the POSIX locks that SQLite
/// holds on it. The file stays after the release, since removing it would let two processes lock different files of one name.
final class FileLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// Locks `path` + `.lock`, or throws ``DatabaseError/alreadyInUse(path:)``.
    init(databasePath path: String) throws {
        let opened = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw DatabaseError.cannotOpen(path: path, message: String(cString: strerror(errno))) }
        descriptor = Mutex(opened)
        while flock(opened, LOCK_EX | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: throw DatabaseError.alreadyInUse(path: path)
            default: throw DatabaseError.cannotOpen(path: path, message: "cannot lock it: \(String(cString: strerror(errno)))")
            }
        }
    }

    deinit {
        release()
    }

    /// Releases the lock; releasing again does nothing.
    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }
}
