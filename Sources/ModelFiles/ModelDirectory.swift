#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The files of a model's folder on this machine. Walking blocks.
public struct ModelDirectory: Sendable {
    /// How far a walk goes.
    public struct Limits: Sendable {
        public var files = 100_000
        public var depth = 8

        public init() {}
    }

    /// What a walk found, sorted by path.
    public private(set) var files: [ModelFile] = []
    /// Links that lead out of the folder, and what is neither file nor folder.
    public private(set) var skipped: [String] = []

    /// Walks a folder, or takes a single file. Hidden files and folders are left out.
    ///
    /// - Parameters:
    ///   - path: the folder or file.
    ///   - boundary: symbolic links are followed as long as they stay beneath this folder; the walked folder itself when nil. The hub's cache
    ///     links from its snapshots to its blobs, which lie beside them.
    /// - Throws: ``ModelFileError``.
    public init(path: String, boundary: String? = nil, limits: Limits = Limits()) throws(ModelFileError) {
        guard let root = Self.realPath(path) else {
            throw ModelFileError(.unreadable, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        var facts = stat()
        guard stat(root, &facts) == 0 else { throw ModelFileError(.unreadable, "cannot open \(path): \(String(cString: strerror(errno)))") }
        if facts.st_mode & S_IFMT == S_IFREG {
            let name = path.split(separator: "/").last.map(String.init) ?? path
            files = [ModelFile(path: name, byteCount: Int64(facts.st_size), location: root)]
            return
        }
        let boundary = boundary.flatMap(Self.realPath) ?? root
        try walk(root, prefix: "", boundary: boundary, depth: 0, limits: limits)
        files.sort { $0.path < $1.path }
    }

    private mutating func walk(
        _ folder: String, prefix: String, boundary: String, depth: Int, limits: Limits
    ) throws(ModelFileError) {
        guard depth < limits.depth else { return skipped.append(prefix) }
        guard let directory = opendir(folder) else {
            throw ModelFileError(.unreadable, "cannot list \(folder): \(String(cString: strerror(errno)))")
        }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
            if names.count + files.count > limits.files { break }
        }
        closedir(directory)
        for name in names.sorted() {
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            var facts = stat()
            guard lstat("\(folder)/\(name)", &facts) == 0 else { continue }
            var location = "\(folder)/\(name)"
            let isLink = facts.st_mode & S_IFMT == S_IFLNK
            if isLink {
                guard let real = Self.realPath(location), real.hasPrefix(boundary + "/"), stat(real, &facts) == 0 else {
                    skipped.append(path)
                    continue
                }
                location = real
            }
            switch facts.st_mode & S_IFMT {
            case S_IFREG: files.append(ModelFile(path: path, byteCount: Int64(facts.st_size), location: location))
            case S_IFDIR where !isLink: try walk(location, prefix: path, boundary: boundary, depth: depth + 1, limits: limits)
            default: skipped.append(path)
            }
            guard files.count <= limits.files else {
                throw ModelFileError(.beyondLimit, "the folder holds more than \(limits.files) files")
            }
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
