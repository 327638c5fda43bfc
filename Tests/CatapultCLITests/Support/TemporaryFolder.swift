import Foundation

/// A folder of a test's own, removed at the end.
func withTemporaryFolder<Result>(_ work: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "catapult-cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await work(folder.resolvingSymlinksInPath())
}

extension URL {
    /// Writes a file beneath this folder, with the folders on the way.
    func add(_ path: String, _ content: String) throws {
        let file = appending(path: path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: file)
    }

    /// Makes a symbolic link beneath this folder.
    func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: appending(path: path).path, withDestinationPath: target)
    }
}
