import _NIOFileSystem

/// Finds all that is in a directory, without following symbolic links.
struct DirectoryWalk {
    let root: String
    let archivePath: String

    func add(to plan: inout TarPlan) async throws {
        guard let info = try await TarFiles.info(root, followingLinks: true) else { throw TarError.missing(file: root) }
        guard info.type == .directory else { throw TarError.unsupportedKind(file: root) }
        // Relative paths of directories to look into; a list and not recursion, for the depth is foreign.
        var pending = [""]
        while let directory = pending.popLast() {
            for name in try await names(in: directory) {
                let relative = directory.isEmpty ? name : "\(directory)/\(name)"
                if try await add(relative, to: &plan) { pending.append(relative) }
            }
        }
    }

    /// Adds one entry; true where it is a directory.
    private func add(_ relative: String, to plan: inout TarPlan) async throws -> Bool {
        let file = "\(root)/\(relative)"
        let path = archivePath.isEmpty ? relative : "\(archivePath)/\(relative)"
        guard let info = try await TarFiles.info(file, followingLinks: false) else { throw TarError.changed(file: file) }
        switch info.type {
        case .directory:
            try plan.insert(TarHeader(path: path, kind: .directory), .none)
            return true
        case .regular:
            let snapshot = FileSnapshot(path: file, info: info)
            try plan.insert(
                TarHeader(path: path, kind: .file, size: snapshot.size, isExecutable: snapshot.isExecutable), .file(snapshot))
        case .symlink:
            let target: String
            do {
                target = try await FileSystem.shared.destinationOfSymbolicLink(at: FilePath(file)).string
            } catch {
                throw TarFiles.translate(error, path: file)
            }
            guard Self.staysInside(link: relative, target: target) else { throw TarError.linkLeavesDirectory(file: file, target: target) }
            try plan.insert(TarHeader(path: path, kind: .symbolicLink, linkTarget: target), .none)
        default:
            throw TarError.unsupportedKind(file: file)
        }
        return false
    }

    private func names(in directory: String) async throws -> [String] {
        let path = directory.isEmpty ? root : "\(root)/\(directory)"
        do {
            let options = OpenOptions.Directory(followSymbolicLinks: directory.isEmpty, closeOnExec: true)
            return try await FileSystem.shared.withDirectoryHandle(atPath: FilePath(path), options: options) { handle in
                var names: [String] = []
                for try await entry in handle.listContents() {
                    guard names.count < TarArchive.maximumEntries else { throw TarError.tooManyEntries(limit: TarArchive.maximumEntries) }
                    names.append(entry.name.string)
                }
                return names
            }
        } catch {
            throw TarFiles.translate(error, path: path)
        }
    }

    /// Whether a link leads to a place beneath the root, taking its path as text. What it says is only kept, never followed.
    static func staysInside(link: String, target: String) -> Bool {
        guard !target.hasPrefix("/") else { return false }
        var depth = link.split(separator: "/").count - 1
        for component in target.split(separator: "/") where component != "." {
            depth += component == ".." ? -1 : 1
            if depth < 0 { return false }
        }
        return true
    }
}
