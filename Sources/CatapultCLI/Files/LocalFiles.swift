import CatapultAPI
import NIOCore
import _NIOFileSystem

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One file to register: where it is, and its place beneath the version's folder.
struct LocalFile: Sendable, Equatable {
    /// Path on this machine.
    var location: FilePath
    /// Path beneath the version's folder, with '/' between parts.
    var path: String
    /// Bytes.
    var size: Int64
}

/// The files of a folder, or one file.
struct LocalFiles: Sendable, Equatable {
    /// The folder that the paths are relative to, without symbolic links.
    var folder: String
    /// The files in the order of their paths.
    var files: [LocalFile]
    /// Folders that were left out.
    var skipped: [String]

    /// The number of files, for people.
    var countText: String { files.count == 1 ? "1 file" : "\(files.count) files" }

    var totalSize: Int64 { files.reduce(0) { $0 + $1.size } }

    /// The contract's limit.
    private static let mostFiles = 100_000
    /// What version control, caches and desktops keep is no part of a model.
    private static let leftOut: Set<String> = [".git", ".hg", ".svn", ".cache", "__pycache__", ".ipynb_checkpoints", ".DS_Store"]

    /// Finds the files at a path. Symbolic links are followed where they lead to files within the path, or within the cache of a hub that
    /// the path is a snapshot of (`models--org--name/snapshots/REVISION`, whose files are links into `models--org--name/blobs`).
    ///
    /// - Parameters:
    ///   - path: a folder, or one file.
    ///   - excluded: patterns (`*`, `?`, `[…]`) of paths beneath the folder, or of names at any depth, that are left out.
    /// - Throws: `Complaint`: nothing there, an empty folder, a link that leads out, something that is neither file nor folder, too many files.
    static func find(at path: String, excluding excluded: [String] = []) async throws -> LocalFiles {
        guard let real = realPath(path) else {
            throw Complaint(.notFound, "there is nothing at \(path)", hint: "Give the folder of the model's files, or one file.")
        }
        let info = try await FileSystem.shared.info(forFileAt: FilePath(real))
        guard info?.type == .directory else {
            let name = FilePath(real).lastComponent?.string ?? real
            let folder = FilePath(real).removingLastComponent().string
            guard let info, info.type == .regular else { throw Complaint(.conflict, "\(path) is neither a file nor a folder") }
            return LocalFiles(folder: folder, files: [LocalFile(location: FilePath(real), path: name, size: info.size)], skipped: [])
        }
        var found = LocalFiles(folder: real, files: [], skipped: [])
        try await found.add(folder: FilePath(real), prefix: "", Rules(excluded: excluded, linkRoot: snapshotRoot(of: real) ?? real))
        guard !found.files.isEmpty else {
            throw Complaint(.conflict, "there are no files in \(path)", hint: "Give the folder that holds the model's files.")
        }
        found.files.sort { $0.path < $1.path }
        return found
    }

    /// What is left out, and how far links may lead.
    private struct Rules {
        var excluded: [String]
        var linkRoot: String

        func leavesOut(_ name: String, _ path: String) -> Bool {
            LocalFiles.leftOut.contains(name) || excluded.contains { fnmatch($0, path, 0) == 0 || fnmatch($0, name, 0) == 0 }
        }
    }

    /// The folder of a repository in a hub's cache, for a folder beneath its `snapshots`.
    private static func snapshotRoot(of folder: String) -> String? {
        let parts = folder.split(separator: "/")
        guard let snapshots = parts.lastIndex(of: "snapshots"), snapshots > 0, snapshots < parts.count - 1,
            parts[snapshots - 1].hasPrefix("models--") || parts[snapshots - 1].hasPrefix("datasets--")
        else { return nil }
        return "/" + parts[..<snapshots].joined(separator: "/")
    }

    private mutating func add(folder: FilePath, prefix: String, _ rules: Rules) async throws {
        let entries = try await FileSystem.shared.withDirectoryHandle(atPath: folder) { handle in
            try await handle.listContents().reduce(into: [DirectoryEntry]()) { $0.append($1) }
        }
        for entry in entries {
            let path = prefix + entry.name.string
            switch entry.type {
            case _ where rules.leavesOut(entry.name.string, path): skipped.append(path)
            case .directory: try await add(folder: entry.path, prefix: path + "/", rules)
            case .regular: try await add(file: entry.path, path: path)
            case .symlink: try await add(link: entry.path, path: path, rules)
            default:
                throw Complaint(
                    .conflict, "\(path) is neither a file, a folder nor a symbolic link",
                    hint: "Move it out of the folder: a version holds files."
                )
            }
        }
    }

    private mutating func add(file: FilePath, path: String) async throws {
        guard let info = try await FileSystem.shared.info(forFileAt: file), info.type == .regular else {
            throw Complaint(.conflict, "\(path) went away while the files were listed", hint: "Try again when nothing changes the folder.")
        }
        guard files.count < Self.mostFiles else {
            throw Complaint(.conflict, "there are more than \(Self.mostFiles) files; a version holds no more")
        }
        files.append(LocalFile(location: file, path: path, size: info.size))
    }

    private mutating func add(link: FilePath, path: String, _ rules: Rules) async throws {
        guard let target = Self.realPath(link.string) else {
            throw Complaint(.conflict, "the symbolic link \(path) leads nowhere", hint: "Remove it, or put the file in its place.")
        }
        guard target.hasPrefix(rules.linkRoot + "/") else {
            throw Complaint(
                .conflict, "the symbolic link \(path) leads out of the folder, to \(target)",
                hint: "Copy the files first (cp -rL), or register the folder that holds them."
            )
        }
        let info = try await FileSystem.shared.info(forFileAt: FilePath(target))
        guard info?.type == .regular else {
            throw Complaint(
                .conflict, "the symbolic link \(path) leads to a folder",
                hint: "Links to files are followed; put the folder itself in its place.")
        }
        try await add(file: FilePath(target), path: path)
    }

    /// The path without symbolic links, or nil where nothing is there. One system call on metadata, so it may run in place.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
