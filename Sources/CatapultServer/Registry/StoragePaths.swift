import CatapultAPI
import Glibc

/// The storage root, and the only way to a path beneath it.
struct StoragePaths: Sendable {
    /// The folder beneath the root that is the server's own: stored bytes, uploads. No client's path leads there.
    static let reserved = ".catapult"
    /// Where earlier installations had their storage; clients still send such paths (contract, section 3.5).
    private static let olderRoots = ["/fsx", "/ceph"]

    /// Absolute, with symbolic links resolved.
    let root: String

    /// Opens a storage root, making the folder where it is missing.
    init(root: String) throws {
        try PrivateFile.makeDirectory(root)
        guard let real = Self.realPath(root) else {
            throw StartupError("Cannot open the storage root \(root): \(String(cString: strerror(errno))).")
        }
        self.root = real
    }

    /// The absolute path that a client's path means. Relative paths begin at the root; absolute ones must lie beneath it.
    ///
    /// `..` and symbolic links are resolved before the check, so nothing leads out. What does not exist yet is judged by the part that does.
    /// - Parameter field: the field that the path came in.
    /// - Throws: 400 InvalidPathError.
    func resolve(_ path: String, field: String = "storage_path") throws(CatapultError) -> String {
        guard !path.utf8.contains(0) else { throw Self.outside(path, field, "it contains a NUL character") }
        let absolute = absolute(path)
        var parts: [Substring] = []
        for part in absolute.split(separator: "/") where part != "." {
            guard part == ".." else {
                parts.append(part)
                continue
            }
            guard !parts.isEmpty else { throw Self.outside(path, field, "it leads out of the storage root") }
            parts.removeLast()
        }
        var missing: [Substring] = []
        while true {
            if let real = Self.realPath("/" + parts.joined(separator: "/")) {
                let full = ([real == "/" ? "" : real] + missing.map(String.init)).joined(separator: "/")
                guard full == root || full.hasPrefix(root + "/") else {
                    throw Self.outside(path, field, "it lies outside the storage root \(root)")
                }
                guard full != "\(root)/\(Self.reserved)", !full.hasPrefix("\(root)/\(Self.reserved)/") else {
                    throw Self.outside(path, field, "\(Self.reserved) is the server's own folder")
                }
                return full
            }
            guard errno == ENOENT, let last = parts.popLast() else {
                throw Self.outside(path, field, "it cannot be resolved: \(String(cString: strerror(errno)))")
            }
            missing.insert(last, at: 0)
        }
    }

    /// The path beneath the root of an absolute one that ``resolve(_:field:)`` gave.
    func relative(_ absolute: String) -> String { String(decoding: absolute.utf8.dropFirst(root.utf8.count + 1), as: UTF8.self) }

    private func absolute(_ path: String) -> String {
        guard path.hasPrefix("/") else { return "\(root)/\(path)" }
        guard path != root, !path.hasPrefix(root + "/") else { return path }
        for older in Self.olderRoots where path == older || path.hasPrefix(older + "/") { return root + path.dropFirst(older.count) }
        return path
    }

    private static func outside(_ path: String, _ field: String, _ reason: String) -> CatapultError {
        .invalid(
            "InvalidPathError", field: field, "The path \(path) is not allowed: \(reason)",
            hint:
                "Put the files beneath the storage root (`mcp system storage` shows it), or upload them with `mcp model register --path`.",
            details: ["path": .string(path), "reason": .string(reason)])
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
