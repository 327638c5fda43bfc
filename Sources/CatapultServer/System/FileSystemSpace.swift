import Glibc

/// What the file system of a folder has, in bytes.
struct FileSystemSpace: Sendable, Equatable {
    /// Its size.
    var total: Int64
    /// What this server may still use of it.
    var free: Int64
    /// Whether this server may make files in the folder.
    var isWritable: Bool

    /// The space around a folder, asked for when it is wanted; nil when the folder cannot be asked, or does not answer in time (a network file
    /// system that is away).
    static func around(_ folder: String) -> CachedFact<FileSystemSpace?> {
        CachedFact(lifetime: .seconds(1), limit: .seconds(2), late: nil) {
            (try? await BlockingCall.run { measure(folder) }) ?? nil
        }
    }

    private static func measure(_ folder: String) -> FileSystemSpace? {
        var facts = statvfs()
        guard statvfs(folder, &facts) == 0 else { return nil }
        let unit = Int64(clamping: facts.f_frsize)
        return FileSystemSpace(
            total: Int64(clamping: facts.f_blocks) * unit, free: Int64(clamping: facts.f_bavail) * unit,
            isWritable: access(folder, W_OK | X_OK) == 0)
    }
}
