import Glibc

/// What the file system of a folder has, in bytes.
struct FileSystemSpace: Sendable, Equatable {
    /// Its size.
    var total: Int64
    /// What this server may still use of it.
    var free: Int64
    /// Whether this server may make files in the folder.
    var isWritable: Bool

    /// Asks for the space around a folder; nil when the folder cannot be asked, or takes longer than `limit` (a network file system that is away).
    static func around(_ folder: String, limit: Duration = .seconds(2)) async -> FileSystemSpace? {
        (try? await Deadline.run(limit) { try await BlockingCall.run { measure(folder) } }) ?? nil
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
