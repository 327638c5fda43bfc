/// Why an archive cannot be made. Paths are those of this host for files, and those in the archive otherwise.
public enum TarError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path is absolute, empty, or has an empty, `.` or `..` component.
    case invalidPath(String)
    /// Two entries have the path, or one lies beneath another that is no directory.
    case conflictingPath(String)
    /// There is no such file.
    case missing(file: String)
    /// The file is neither a regular file nor, where one is allowed, a directory or a symbolic link.
    case unsupportedKind(file: String)
    /// A symbolic link of a directory leads out of it.
    case linkLeavesDirectory(file: String, target: String)
    /// The file has become another, longer or shorter since the archive was prepared.
    case changed(file: String)
    /// The file cannot be read.
    case unreadable(file: String, reason: String)
    /// There are more entries than ``TarArchive/maximumEntries``.
    case tooManyEntries(limit: Int)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .invalidPath(let path): "'\(path)' is not a path for an archive: it must be relative, without empty, '.' and '..' components."
        case .conflictingPath(let path): "The archive has more than one entry at '\(path)', or one beneath a file."
        case .missing(let file): "The file '\(file)' does not exist."
        case .unsupportedKind(let file): "'\(file)' is not a regular file; only files, directories and symbolic links can be archived."
        case .linkLeavesDirectory(let file, let target): "The symbolic link '\(file)' leads out of its directory, to '\(target)'."
        case .changed(let file): "The file '\(file)' changed while it was being archived."
        case .unreadable(let file, let reason): "The file '\(file)' cannot be read: \(reason)."
        case .tooManyEntries(let limit): "The archive would have more than \(limit) entries."
        }
    }
}
