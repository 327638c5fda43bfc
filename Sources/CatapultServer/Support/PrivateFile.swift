import Glibc

/// Small files that only their owner may read.
enum PrivateFile {
    /// Replaces the file as a whole: written beside it with mode 0600, synced, then renamed.
    static func write(_ text: String, to path: String) throws {
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).") }
        let bytes = Array(text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        let synced = fsync(descriptor)
        let problem = errno
        close(descriptor)
        guard written == bytes.count, synced == 0, rename(temporary, path) == 0 else {
            unlink(temporary)
            throw StartupError("Cannot write \(path): \(String(cString: strerror(problem))).")
        }
    }

    /// Makes a folder and those above it. A folder that is there is left as it is.
    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/\(part)"
            if mkdir(prefix, mode) != 0, errno != EEXIST {
                throw StartupError("Cannot make the folder \(prefix): \(String(cString: strerror(errno))).")
            }
        }
    }
}
