import Glibc

/// The folder of the server's own files.
struct DataDirectory: Sendable {
    /// Absolute path.
    let path: String

    /// Opens the folder, making it where it is missing.
    init(path: String) throws {
        try PrivateFile.makeDirectory(Self.absolute(path), mode: 0o750)
        guard let real = realpath(path, nil) else {
            throw StartupError("Cannot open the data directory \(path): \(String(cString: strerror(errno))).")
        }
        defer { free(real) }
        self.path = String(cString: real)
    }

    /// Absolute form of a path that may be relative to the working directory.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return "\(String(cString: current))/\(path)"
    }
}
