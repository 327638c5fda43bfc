import CatapultAPI
import Glibc
import NIOCore
import SQLDatabase

/// The one way to add, open, check or link stored bytes. Bytes are known by their SHA-256; equal bytes are stored once.
///
/// A file becomes a blob in this order: written and hashed beside, synced, made read-only, renamed, its folder synced, then its row. A crash at
/// any point leaves a complete blob, or a file without a row, which collecting garbage removes.
struct BlobStore: Sendable {
    let database: Database
    let storage: StoragePaths
    let folders: StoreFolders

    /// - Throws: `StartupError` where the folders cannot be made.
    init(database: Database, storage: StoragePaths) throws {
        self.database = database
        self.storage = storage
        folders = try StoreFolders(root: storage.root)
    }

    // MARK: Adding

    /// Makes a file to write new bytes into; it is gone again afterwards unless it was published.
    func staging<T: Sendable>(_ body: (StagedFile) async throws -> T) async throws -> T {
        let file = try await HashingPool.foreground.run { [folders] in try StagedFile(path: folders.newTemporary()) }
        do {
            let result = try await body(file)
            await HashingPool.foreground.runAlways { file.discard() }
            return result
        } catch {
            await HashingPool.foreground.runAlways { file.discard() }
            throw error
        }
    }

    /// Stores a stream of bytes.
    ///
    /// - Parameter limit: the largest size that is taken; nil for no limit.
    /// - Throws: 413, 507.
    func add<Bytes: AsyncSequence>(_ bytes: Bytes, limit: Int64? = nil) async throws -> Blob where Bytes.Element == ByteBuffer {
        try await Self.mappingProblems(doing: "storing a file") {
            let limit = limit ?? .max
            return try await staging { file in
                try await file.receive(bytes, limit: limit, tooLong: { .tooLarge(limit: limit) })
                return try await publish(file) { blob, _ in blob }
            }
        }
    }

    /// Makes a staged file a blob.
    ///
    /// - Parameter sha256: the digest of the file, where the file has not hashed itself.
    /// - Parameter refer: writes what refers to the blob, in the same transaction.
    func publish<T: Sendable>(
        _ file: StagedFile, sha256: String? = nil, size: Int64? = nil,
        refer: @escaping @Sendable (Blob, any SQLConnection) throws -> T
    ) async throws -> T {
        let blob = Blob(sha256: sha256 ?? file.sha256, sizeBytes: size ?? file.size)
        let known = try await storeFiles(of: blob.sha256)
        if known.good != nil {
            // It may be collected in this moment: then the new file is needed after all.
            let result = try await database.write { connection in
                try BlobTable.touch(blob.sha256, in: connection) ? try refer(blob, connection) : nil
            }
            if let result { return result }
        }
        let path = folders.newBlob(blob.sha256)
        let facts = try await HashingPool.foreground.run { [folders] in try Self.settle(file, blob, at: folders.absolute(path)) }
        let place = BlobPlace(path: path, sha256: blob.sha256, kind: .store, facts: facts, problem: nil, verifiedAt: .now)
        do {
            let (result, superfluous) = try await database.write { connection in
                let earlier = try BlobTable.places(of: blob.sha256, in: connection).filter { $0.kind == .store }.map(\.path)
                // Somebody else may have stored the same bytes meanwhile.
                if earlier.contains(where: { !known.bad.contains($0) }) {
                    _ = try BlobTable.touch(blob.sha256, in: connection)
                    return (try refer(blob, connection), [path])
                }
                for path in earlier { try BlobTable.removePlace(at: path, in: connection) }
                try BlobTable.record(place, in: connection)
                return (try refer(blob, connection), earlier)
            }
            await remove(superfluous)
            return result
        } catch {
            await remove([path])
            throw error
        }
    }

    private func remove(_ paths: [String]) async {
        guard !paths.isEmpty else { return }
        await HashingPool.foreground.runAlways { [folders] in for path in paths { unlink(folders.absolute(path)) } }
    }

    /// Syncs, and gives the file its name in the store; blocks. An upload keeps its other name until its owner removes it: a crash before
    /// the row is written must not lose what a client was told is there.
    private static func settle(_ file: StagedFile, _ blob: Blob, at path: String) throws -> FileFacts {
        guard FileFacts(descriptor: file.descriptor)?.size == blob.sizeBytes else { throw FileProblem.shortened(file.path) }
        guard fsync(file.descriptor) == 0 else { throw FileProblem(errno: errno, doing: "syncing", file.path) }
        guard fchmod(file.descriptor, 0o444) == 0 else { throw FileProblem(errno: errno, doing: "protecting", file.path) }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if mkdir(folder, 0o750) == 0 {
            try StoreFolders.syncFolder(String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)]))
        } else if errno != EEXIST {
            throw FileProblem(errno: errno, doing: "making a folder", folder)
        }
        let isLinked = file.keepsName && Glibc.link(file.path, path) == 0
        if !isLinked {
            guard rename(file.path, path) == 0 else { throw FileProblem(errno: errno, doing: "renaming", file.path) }
            file.keep()
        }
        try StoreFolders.syncFolder(folder)
        guard let facts = FileFacts(descriptor: file.descriptor) else { throw FileProblem.notAFile(path) }
        return facts
    }

    /// Registers a file where it lies: reads it once for its digest, and notes how it looks, so that a later change is noticed.
    ///
    /// - Parameters:
    ///   - path: as a client writes it, beneath the storage root.
    ///   - sha256: the digest that the file must have, where it is known.
    /// - Throws: 400 for a path that is not allowed or no file; 409 where the file changed while it was read, or has another digest.
    func register(
        _ path: String, expecting sha256: String? = nil, pool: HashingPool = .foreground,
        onSlice: (Int64) async throws -> Void = { _ in }
    ) async throws -> BlobPlace {
        let relative = storage.relative(try storage.resolve(path))
        return try await Self.mappingProblems(doing: "registering \(path)") {
            let file = try await open(path: relative)
            let digest = try await pool.digest(of: file, length: file.facts.size, onSlice: onSlice)
            guard file.isUnchanged else { throw CatapultError.changedWhileRead(path) }
            if let sha256, sha256 != digest { throw CatapultError.otherDigest(path, expected: sha256, found: digest) }
            let place = BlobPlace(path: relative, sha256: digest, kind: .inPlace, facts: file.facts, problem: nil, verifiedAt: .now)
            return try await database.write { connection in
                // A file that the server itself put there stays its own.
                if var known = try BlobTable.place(at: relative, in: connection), known.sha256 == digest, known.kind != .inPlace {
                    known.facts = place.facts
                    known.verifiedAt = place.verifiedAt
                    try BlobTable.record(known, in: connection)
                    return known
                }
                try BlobTable.record(place, in: connection)
                return place
            }
        }
    }

    // MARK: Opening

    /// A file beneath the storage root, open.
    func open(path: String) async throws -> OpenedFile {
        try await HashingPool.foreground.run { [root = storage.root] in try OpenedFile.beneath(root, path) }
    }

    /// The bytes with a digest, from the first place that still looks as it did.
    ///
    /// - Throws: 409 `bytes_damaged` where no place is good; 404 where the digest is not known.
    func open(_ sha256: String) async throws -> OpenedFile {
        let places = try await database.read { try BlobTable.places(of: sha256, in: $0) }
        var problem: String?
        for place in places {
            if let known = place.problem {
                problem = problem ?? known
                continue
            }
            do throws(any Error) {
                let file = try await open(path: place.path)
                if file.facts.hasSameContent(as: place.facts) { return file }
                problem = "was changed since it was stored"
            } catch let error as FileProblem {
                problem = error.reason
            }
            let found = problem
            try await database.write { try BlobTable.setProblem(found, at: place.path, in: $0) }
        }
        guard let problem, problem != FileProblem.missing("").reason else { throw CatapultError.unknownBytes(sha256) }
        throw CatapultError.damaged(sha256, problem)
    }

    /// The store's own file of a digest, where it is there and looks right, and those that are not.
    private func storeFiles(of sha256: String) async throws -> (good: String?, bad: Set<String>) {
        let places = try await database.read { try BlobTable.places(of: sha256, in: $0) }.filter { $0.kind == .store }
        var bad: Set<String> = []
        for place in places {
            let path = folders.absolute(place.path)
            let facts = try await HashingPool.foreground.run { FileFacts(path: path) }
            if place.problem == nil, facts?.hasSameContent(as: place.facts) == true { return (path, bad) }
            bad.insert(place.path)
        }
        return (nil, bad)
    }

    // MARK: Linking

    /// Puts a blob's bytes at a path of a version's folder: as a hard link to the store's file, or a copy where the file system has no links
    /// or is another one. What lay there is replaced as a whole.
    ///
    /// - Parameter path: absolute, as ``StoragePaths/resolve(_:field:)`` gave it.
    /// - Returns: the place, to be recorded in the transaction that refers to it; nil where the store has no file of its own.
    func link(_ blob: Blob, to path: String) async throws -> BlobPlace? {
        guard let source = try await storeFiles(of: blob.sha256).good else { return nil }
        let relative = storage.relative(path)
        return try await Self.mappingProblems(doing: "linking \(relative)") {
            let facts = try await HashingPool.foreground.run { [folders] in
                try FileLinking.put(source, at: path, by: folders.newTemporary())
            }
            return BlobPlace(path: relative, sha256: blob.sha256, kind: .link, facts: facts, problem: nil, verifiedAt: .now)
        }
    }

    /// Runs file work, its problems turned into what they mean to a client.
    static func mappingProblems<T>(doing: String, _ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let problem as FileProblem {
            throw CatapultError(problem, doing: doing)
        }
    }
}
