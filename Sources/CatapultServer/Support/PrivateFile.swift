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

    /// Makes a folder and those above it at the start of the server. A folder that is there is left as it is.
    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(StartupError) {
        if let problem = make(path, mode) {
            throw StartupError("Cannot make the folder \(problem.folder): \(String(cString: strerror(problem.code))).")
        }
    }

    /// The same while the server runs.
    static func ensureDirectory(_ path: String, mode: mode_t = 0o755) throws(FileProblem) {
        if let problem = make(path, mode) { throw FileProblem(errno: problem.code, doing: "making the folder", problem.folder) }
    }

    private static func make(_ path: String, _ mode: mode_t) -> (folder: String, code: Int32)? {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/\(part)"
            if mkdir(prefix, mode) != 0, errno != EEXIST { return (prefix, errno) }
        }
        return nil
    }
}
