import CLinux
import Glibc

/// A folder out of which no path leads: the kernel resolves paths beneath it, links included, in the same step in which it opens them, so
/// that nothing can be swapped between a check and its use.
///
/// Symbolic links that stay beneath the folder are followed; `..`, absolute paths and links are refused where they would lead out. A kernel
/// without openat2 (before 5.6) opens one component after the other and follows no links at all.
final class BeneathRoot: Sendable {
    /// How much of a path is opened.
    enum Target: Sendable {
        /// A folder, to be listed.
        case directory
        /// A file, to be read.
        case file
    }

    /// A path was refused or is not there, as errno says it.
    struct Failure: Error, Equatable {
        let code: Int32

        /// Whether there is nothing of that name, or something of another kind.
        var isMissing: Bool { [ENOENT, ENOTDIR, ENXIO].contains(code) }
        /// Whether the path leads out, or through a link that may not be followed.
        var leadsOut: Bool { [EXDEV, ELOOP].contains(code) }
    }

    private let root: Int32
    private let usesOpenat2: Bool

    /// Opens the folder.
    ///
    /// - Parameter usesOpenat2: false takes the way of older kernels, for tests.
    init(_ path: String, usesOpenat2: Bool = true) throws(Failure) {
        root = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw Failure(code: errno) }
        var isKnown = usesOpenat2
        if usesOpenat2 {
            let probe = catapult_openat2_beneath(root, ".", UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0)
            if probe >= 0 { close(probe) }
            // Some container runtimes answer EPERM to system calls that their filter does not know.
            isKnown = probe != -ENOSYS && probe != -EPERM
        }
        self.usesOpenat2 = isKnown
    }

    deinit { close(root) }

    /// Opens what lies at a path beneath the folder, for reading; the caller closes the descriptor. Blocks on the disk.
    func open(_ path: String, as target: Target) throws(Failure) -> Int32 {
        guard !path.utf8.contains(0), path.utf8.count < PATH_MAX else { throw Failure(code: path.utf8.contains(0) ? EINVAL : ENAMETOOLONG) }
        let parts = path.split(separator: "/").filter { $0 != "." }
        // Without waiting for the other end of a pipe.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (target == .directory ? O_DIRECTORY : 0)
        guard usesOpenat2 else { return try openStepwise(parts, flags) }
        let relative = parts.isEmpty ? "." : parts.joined(separator: "/")
        let descriptor = catapult_openat2_beneath(root, relative, UInt64(flags), 0)
        guard descriptor >= 0 else { throw Failure(code: -descriptor) }
        return descriptor
    }

    private func openStepwise(_ parts: [Substring], _ flags: Int32) throws(Failure) -> Int32 {
        guard !parts.contains("..") else { throw Failure(code: EXDEV) }
        var folder = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for part in parts.dropLast() where folder >= 0 {
            let next = openat(folder, String(part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let code = errno
            close(folder)
            errno = code
            folder = next
        }
        guard folder >= 0 else { throw Failure(code: errno) }
        defer { close(folder) }
        let descriptor = openat(folder, parts.last.map(String.init) ?? ".", flags | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        return descriptor
    }
}
