import NIOCore
import _NIOFileSystem

/// Which file it was, and how it looked, when an archive was prepared.
struct FileSnapshot: Sendable {
    let path: String
    let size: Int64
    let isExecutable: Bool
    private let identity: Identity
    private let followsLinks: Bool

    /// What tells one state of one file from others.
    private struct Identity: Sendable, Hashable {
        var device: UInt64
        var number: UInt64
        var size: Int64
        var modified: FileInfo.Timespec

        init(_ info: FileInfo) {
            let status = info.platformSpecificStatus
            device = status.map { UInt64($0.st_dev) } ?? 0
            number = status.map { UInt64($0.st_ino) } ?? 0
            size = info.size
            modified = info.lastDataModificationTime
        }
    }

    /// Looks at a regular file, following symbolic links.
    static func ofFile(_ path: String) async throws -> FileSnapshot {
        guard let info = try await TarFiles.info(path, followingLinks: true) else { throw TarError.missing(file: path) }
        guard info.type == .regular else { throw TarError.unsupportedKind(file: path) }
        return FileSnapshot(path: path, info: info, followsLinks: true)
    }

    /// Keeps what is known of a file that was found in a directory, where it is no link.
    init(path: String, info: FileInfo, followsLinks: Bool = false) {
        self.path = path
        self.followsLinks = followsLinks
        size = info.size
        isExecutable = info.permissions.contains(.ownerExecute)
        identity = Identity(info)
    }

    /// Opens the file, and makes sure that it is still the same.
    func open() async throws -> OpenTarFile {
        let handle: ReadFileHandle
        do {
            handle = try await FileSystem.shared.openFile(
                forReadingAt: FilePath(path), options: OpenOptions.Read(followSymbolicLinks: followsLinks, closeOnExec: true))
        } catch let error as FileSystemError where error.code == .notFound {
            throw TarError.missing(file: path)
        } catch {
            throw TarFiles.translate(error, path: path)
        }
        let file = OpenTarFile(handle: handle, snapshot: self)
        try await file.checkUnchanged()
        return file
    }

    fileprivate func matches(_ info: FileInfo) -> Bool {
        info.type == .regular && Identity(info) == identity
    }
}

/// A file that is being archived. A class, since the descriptor must be closed also where the archive's stream is dropped halfway.
final class OpenTarFile: Sendable {
    private let handle: ReadFileHandle
    private let snapshot: FileSnapshot

    init(handle: ReadFileHandle, snapshot: FileSnapshot) {
        self.handle = handle
        self.snapshot = snapshot
    }

    deinit {
        // The handle insists on being closed, and closing it is asynchronous; closing it twice does no harm.
        Task { [handle] in try? await handle.close() }
    }

    var path: String { snapshot.path }

    func read(at offset: Int64, count: Int64) async throws -> ByteBuffer {
        do {
            return try await handle.readChunk(fromAbsoluteOffset: offset, length: .bytes(count))
        } catch {
            throw TarFiles.translate(error, path: path)
        }
    }

    /// - Throws: ``TarError/changed(file:)`` where it is another file, or has another size or time of change, than when the archive was prepared.
    func checkUnchanged() async throws {
        let info: FileInfo
        do {
            info = try await handle.info()
        } catch {
            throw TarFiles.translate(error, path: path)
        }
        guard snapshot.matches(info) else { throw TarError.changed(file: path) }
    }

    func close() async {
        try? await handle.close()
    }
}

/// What archives need of the file system, with typed errors.
enum TarFiles {
    static func info(_ path: String, followingLinks: Bool) async throws -> FileInfo? {
        do {
            return try await FileSystem.shared.info(forFileAt: FilePath(path), infoAboutSymbolicLink: !followingLinks)
        } catch {
            throw translate(error, path: path)
        }
    }

    static func translate(_ error: any Error, path: String) -> any Error {
        guard let error = error as? FileSystemError else { return error }
        if error.code == .notFound { return TarError.missing(file: path) }
        return TarError.unreadable(file: path, reason: "\(error.code)")
    }
}
