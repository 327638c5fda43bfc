import Glibc

/// Locks on open files, which end with the process that holds them, however it ends.
enum FileLock {
    /// Takes the lock for as long as the descriptor is open.
    ///
    /// - Throws: `FileProblem.busy` where another descriptor has it. A file system that knows no locks does not stand in the way.
    static func take(_ descriptor: Int32, _ path: String) throws(FileProblem) {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { throw .busy(path) }
            guard errno == EINTR else { return }
        }
    }

    /// Lets go of the lock before the descriptor is closed.
    static func release(_ descriptor: Int32) { _ = flock(descriptor, LOCK_UN) }

    /// Removes a file that nobody holds; false where somebody does, or it is gone. Blocks.
    static func removeAbandoned(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        do {
            try take(descriptor, path)
        } catch {
            return false
        }
        return unlink(path) == 0
    }
}
