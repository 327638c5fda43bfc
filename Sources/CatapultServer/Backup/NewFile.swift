import Foundation

/// Writes a file that is there whole or not at all, and never in the place of another.
enum NewFile {
    /// Lets `body` write a file beside `path`, and gives it its name when it is complete.
    ///
    /// A file that a killed process left half is called `NAME.PROCESS.partial`, and is no obstacle.
    ///
    /// - Throws: ``BackupFailure`` where there is a file already, or none can be made; what `body` throws.
    static func write<T: Sendable>(_ path: String, _ body: (_ staged: String) async throws -> T) async throws -> T {
        guard access(path, F_OK) != 0 else { throw isThere(path) }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard access(folder, W_OK | X_OK) == 0 else {
            throw BackupFailure(.failure, "cannot write into the folder \(folder): \(String(cString: strerror(errno)))")
        }
        let staged = "\(path).\(getpid()).partial"
        do {
            let result = try await body(staged)
            // A link, since a rename would replace a file that came meanwhile. File systems without links have the rename.
            if link(staged, path) != 0 {
                guard errno != EEXIST else { throw isThere(path) }
                guard rename(staged, path) == 0 else {
                    throw BackupFailure(.failure, "cannot name the file \(path): \(String(cString: strerror(errno)))")
                }
            } else {
                unlink(staged)
            }
            return result
        } catch {
            unlink(staged)
            throw error
        }
    }

    private static func isThere(_ path: String) -> BackupFailure {
        BackupFailure(.conflict, "there is a file \(path) already", hint: "Name another one; a backup never replaces a file.")
    }
}
