import CatapultAPI
import Glibc
import SQLDatabase

/// The folders of what has arrived of imports in part: one for each operation, with a note of what is in it.
///
/// An attempt that was cut short finds its own again. An import of the same commit after one that failed takes over what that one left;
/// what nobody can take over any more is removed.
struct ImportStaging: Sendable {
    private static let note = "source"

    let database: Database
    let storage: StoragePaths

    private var root: String { "\(storage.root)/\(StoragePaths.reserved)/imports" }

    /// The folder of an operation: its own, one that it takes over, or a new one.
    ///
    /// - Parameter source: what is fetched, such as repository and commit.
    func open(for operation: String, of source: String) async throws -> String {
        let own = "\(root)/\(operation)"
        try await clear(except: operation, takingOver: source, as: own)
        return try await HashingPool.foreground.run {
            try PrivateFile.ensureDirectory(own, mode: 0o750)
            let descriptor = Glibc.open("\(own)/\(Self.note)", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw FileProblem(errno: errno, doing: "making a file", own) }
            defer { close(descriptor) }
            try Array(source.utf8).withUnsafeBytes { try StagedFile.write($0, to: descriptor, at: 0, path: own) }
            return own
        }
    }

    /// Bytes on disk of what has arrived.
    static func arrived(in folder: String) async -> Int64 {
        (try? await BlockingCall.run {
            ServerTypeDetector.paths(in: folder, depth: 1).reduce(Int64(0)) { sum, name in
                var facts = stat()
                // Files have their whole size from the start; blocks come with the bytes.
                return lstat("\(folder)/\(name)", &facts) == 0 ? sum + Int64(facts.st_blocks) * 512 : sum
            }
        }) ?? 0
    }

    /// Removes a folder of plain files; that it cannot be removed harms nobody.
    static func remove(_ folder: String) async {
        try? await BlockingCall.run {
            for name in ServerTypeDetector.paths(in: folder, depth: 1) { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
    }

    /// Goes through what operations left that are over.
    private func clear(except operation: String, takingOver source: String, as own: String) async throws {
        let root = root
        let ids = try await BlockingCall.run { ServerTypeDetector.paths(in: root, depth: 1) }
        for id in ids where id != operation && Identifier.isUUID(id) {
            let isOver = try await database.read { try OperationStore.find(id, in: $0)?.state.isTerminal ?? true }
            guard isOver else { continue }
            let isTaken = try await BlockingCall.run {
                // Of several that could be taken over the first one is: a folder that is there is not replaced.
                Self.source(of: "\(root)/\(id)") == source && rename("\(root)/\(id)", own) == 0
            }
            if !isTaken { await Self.remove("\(root)/\(id)") }
        }
    }

    private static func source(of folder: String) -> String? {
        let descriptor = Glibc.open("\(folder)/\(note)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 2_000)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
