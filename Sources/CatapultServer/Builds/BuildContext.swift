import CatapultAPI
import ContainerEngine
import Glibc
import NIOCore

/// What a build sends to the engine: Dockerfile, the template's files, and the model's files straight from where they lie.
struct BuildContext: Sendable {
    /// Path of the Dockerfile in the context, whatever its name in the template.
    static let dockerfile = "Dockerfile"
    /// Where the model's files appear for a Dockerfile of one's own.
    static let standardModelPath = "model"

    /// The archive; nothing of it is read before it is sent.
    let archive: TarStream
    /// How many files the model has in it; nil where its folder is taken as it is.
    let listedFiles: Int?
    /// Absolute path of the model's folder on this server.
    let folder: String

    /// Looks at all files.
    ///
    /// - Parameter files: the version's list; empty takes all that is in its folder.
    /// - Throws: 409 when files are missing or have another size than the version says; `TarError`.
    init(dockerfile: String, template: BuildTemplate?, version: Version, files: [VersionFile], storage: StoragePaths) async throws {
        let modelPath = template?.manifest.modelPath ?? Self.standardModelPath
        let (folder, paths) = try await BlockingCall.run {
            let folder = try Self.folder(of: version, in: storage)
            return (folder, try Self.check(files, of: version, in: storage))
        }
        var archive = TarArchive()
        archive.add(dockerfile, at: Self.dockerfile)
        for file in template?.files ?? [] { archive.add(file.bytes, at: file.name, isExecutable: file.isExecutable) }
        if files.isEmpty {
            archive.addDirectory(folder, at: modelPath)
        } else {
            for (file, path) in zip(files, paths) { archive.addFile(path, at: "\(modelPath)/\(file.path)") }
        }
        do {
            self.archive = try await archive.prepare()
        } catch {
            throw BuildFailure.catapultError(for: error, step: nil, folder: folder)
        }
        guard self.archive.paths.contains(where: { $0.hasPrefix("\(modelPath)/") }) else {
            throw Self.unusable(version, "its folder \(version.cephPath ?? version.modelRepository) is empty")
        }
        self.folder = folder
        listedFiles = files.isEmpty ? nil : files.count
    }

    /// The name under which templates put and serve the model: that of the folder of its files, or of the one above where the folder is only
    /// called after the version.
    static func modelName(of version: Version) -> String {
        let parts = (version.cephPath ?? version.modelRepository).split(separator: "/").map(String.init)
        let own = parts.last ?? version.modelName
        return own == version.version && parts.count > 1 ? parts[parts.count - 2] : own
    }

    private static func folder(of version: Version, in storage: StoragePaths) throws(CatapultError) -> String {
        let path = version.cephPath ?? version.modelRepository
        let folder = try storage.resolve(path)
        guard folder != storage.root else {
            throw unusable(version, "its folder is the whole storage root")
        }
        return folder
    }

    /// The absolute paths of listed files, in the order of the list. Digests were checked when the files arrived; that they are the same files
    /// is told here by their sizes, and while they are sent by their times.
    private static func check(_ files: [VersionFile], of version: Version, in storage: StoragePaths) throws(CatapultError) -> [String] {
        var paths: [String] = []
        for file in files {
            let path = try storage.resolve("\(version.cephPath ?? version.modelRepository)/\(file.path)")
            var facts = stat()
            guard stat(path, &facts) == 0 else { throw unusable(version, "the file \(file.path) is no longer there") }
            guard facts.st_mode & S_IFMT == S_IFREG else { throw unusable(version, "\(file.path) is not a file") }
            guard Int64(facts.st_size) == file.sizeBytes else {
                throw unusable(
                    version, "the file \(file.path) has \(facts.st_size) bytes, and had \(file.sizeBytes) when it was registered")
            }
            paths.append(path)
        }
        return paths
    }

    private static func unusable(_ version: Version, _ reason: String) -> CatapultError {
        .conflict(
            "files_changed", type: "FilesChangedError", "The files of \(version.modelName):\(version.version) cannot be used: \(reason)",
            hint: "Put the files back as they were, or register a new version.")
    }
}

/// Bytes on their way, with somebody who counts them.
struct CountedBytes<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element == ByteBuffer {
    let base: Base
    /// Told of each piece before it is handed on.
    let count: @Sendable (Int) async -> Void

    func makeAsyncIterator() -> Iterator { Iterator(base: base.makeAsyncIterator(), count: count) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var base: Base.AsyncIterator
        fileprivate let count: @Sendable (Int) async -> Void

        mutating func next() async throws -> ByteBuffer? {
            guard let piece = try await base.next() else { return nil }
            await count(piece.readableBytes)
            return piece
        }
    }
}
