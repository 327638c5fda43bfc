import Foundation

/// A directory that is gone after the test.
struct TemporaryDirectory {
    private let root: URL

    static func with<Result>(_ body: (TemporaryDirectory) async throws -> Result) async throws -> Result {
        let root = FileManager.default.temporaryDirectory.appending(path: "containerengine-\(UUID().uuidString.prefix(13))")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: root) }
        return try await body(TemporaryDirectory(root: root))
    }

    func path(_ relative: String) -> String {
        relative.isEmpty ? root.path(percentEncoded: false) : root.path(percentEncoded: false) + "/" + relative
    }

    func write(_ data: Data, to relative: String, isExecutable: Bool = false) throws {
        let file = URL(filePath: path(relative))
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: isExecutable ? 0o755 : 0o644], ofItemAtPath: file.path)
    }

    func read(_ relative: String) throws -> Data {
        try Data(contentsOf: URL(filePath: path(relative)))
    }
}

/// A program of the system.
enum Command {
    struct Failure: Error {
        var command: [String]
        var status: Int32
        var output: String
    }

    /// Runs a program, and gives what it wrote to standard output and standard error.
    @discardableResult
    static func run(_ command: String..., mayFail: Bool = false) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        let output = FileManager.default.temporaryDirectory.appending(path: "containerengine-output-\(UUID().uuidString)")
        try Data().write(to: output)
        defer { try? FileManager.default.removeItem(at: output) }
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        try handle.close()
        let text = String(decoding: try Data(contentsOf: output), as: UTF8.self)
        guard status == 0 || mayFail else { throw Failure(command: command, status: status, output: text) }
        return text
    }
}
