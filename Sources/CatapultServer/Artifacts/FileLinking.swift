import Glibc

/// Puts the bytes of one file at another path.
enum FileLinking {
    /// Links, or copies where that is not possible; what lies at the target is replaced as a whole. Blocks.
    ///
    /// - Parameter temporary: a free path on the file system of the source.
    static func put(_ source: String, at target: String, by temporary: String) throws -> FileFacts {
        let folder = String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)])
        try PrivateFile.ensureDirectory(folder)
        guard let wanted = FileFacts(path: source) else { throw FileProblem.missing(source) }
        if let there = FileFacts(path: target), there == wanted { return there }
        if Glibc.link(source, temporary) == 0 {
            defer { unlink(temporary) }
            if rename(temporary, target) == 0 { return try finished(target, in: folder) }
            guard errno == EXDEV else { throw FileProblem(errno: errno, doing: "linking", target) }
        } else if ![EXDEV, EPERM, EMLINK, EOPNOTSUPP].contains(errno) {
            throw FileProblem(errno: errno, doing: "linking", target)
        }
        let copy = "\(target).\(Identifier.make()).part"
        do {
            try self.copy(source, to: copy)
            guard rename(copy, target) == 0 else { throw FileProblem(errno: errno, doing: "copying", target) }
        } catch {
            unlink(copy)
            throw error
        }
        return try finished(target, in: folder)
    }

    private static func finished(_ target: String, in folder: String) throws -> FileFacts {
        try StoreFolders.syncFolder(folder)
        guard let facts = FileFacts(path: target) else { throw FileProblem.missing(target) }
        return facts
    }

    /// Copies within the kernel.
    private static func copy(_ source: String, to target: String) throws {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw FileProblem(errno: errno, doing: "copying", source) }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444)
        guard output >= 0 else { throw FileProblem(errno: errno, doing: "copying", target) }
        defer { close(output) }
        while true {
            let count = sendfile(output, input, nil, 1 << 30)
            if count == 0 { break }
            guard count > 0 else { throw FileProblem(errno: errno, doing: "copying", target) }
        }
        guard fsync(output) == 0 else { throw FileProblem(errno: errno, doing: "copying", target) }
    }
}
