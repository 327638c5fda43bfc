import CatapultAPI
import Glibc
import SQLDatabase

/// Where the bytes of versions' files are, and how they get there: builds and deployments find them in the version's folder, the store has
/// them by digest.
struct VersionFileBytes: Sendable {
    let blobs: BlobStore

    private var database: Database { blobs.database }
    private var storage: StoragePaths { blobs.storage }

    /// Takes from the store what it has of the files of a new version, so that they need no upload.
    ///
    /// Knowing a digest must not open another's files: only bytes that the caller may read already are taken.
    /// - Parameter folder: absolute path of the version's folder.
    /// - Returns: the files with those marked as stored that now are, and the places to be recorded with the version.
    func adopt(_ files: [VersionFile], in folder: String, for scope: KeyScope) async throws -> (files: [VersionFile], places: [BlobPlace]) {
        let wanted = files.filter { $0.stored != true }
        guard !wanted.isEmpty else { return (files, []) }
        let known = try await database.read { try BlobAccess.readable(wanted.map(\.sha256), for: scope, in: $0) }
        var places: [BlobPlace] = []
        var adopted = files
        for (index, file) in files.enumerated() where file.stored != true && known[file.sha256] == file.sizeBytes {
            let blob = Blob(sha256: file.sha256, sizeBytes: file.sizeBytes)
            guard let place = try await blobs.link(blob, to: storage.resolve("\(folder)/\(file.path)")) else { continue }
            places.append(place)
            adopted[index].stored = true
        }
        return (adopted, places)
    }

    /// Notes, in the transaction that makes a version, that its files refer to their blobs, and where links were put. False where a blob was
    /// collected meanwhile.
    static func record(_ places: [BlobPlace], of files: [VersionFile], _ version: Version, in connection: any SQLConnection) throws -> Bool
    {
        for file in files {
            let known = try BlobTable.reference(
                file.sha256, by: "\(version.modelName):\(version.version) \(file.path)", in: connection)
            if !known, places.contains(where: { $0.sha256 == file.sha256 }) { return false }
        }
        for place in places { try BlobTable.record(place, in: connection) }
        return true
    }

    /// Puts bytes of the store in the version's folder, and notes that the file has arrived.
    ///
    /// - Throws: 409 where the folder has a file of that name that belongs to another version and lies nowhere else.
    func place(
        _ blob: Blob, _ file: VersionFile, of version: Version,
        noting note: @escaping @Sendable (any SQLConnection) throws -> Void
    ) async throws {
        try await refuseToOverwrite(file, of: version)
        let target = try storage.resolve("\(version.cephPath ?? version.modelRepository)/\(file.path)")
        guard let place = try await blobs.link(blob, to: target) else { throw CatapultError.unknownBytes(blob.sha256) }
        try await database.write { connection in
            _ = try BlobTable.reference(
                blob.sha256, by: "\(version.modelName):\(version.version) \(file.path)", in: connection)
            try BlobTable.record(place, in: connection)
            try VersionStore.setStored(file.path, of: version.id, in: connection)
            try note(connection)
        }
    }

    /// Versions without a folder of their own share the model's. What the store has may be replaced there; what lies only there may not.
    func refuseToOverwrite(_ file: VersionFile, of version: Version) async throws {
        let folder = version.cephPath ?? version.modelRepository
        let other = try await database.read { connection in
            try connection.fetchFirst(
                """
                SELECT v.version FROM version_files f JOIN versions v ON v.id = f.version_id JOIN models m ON m.id = v.model_id
                WHERE v.model_id = \(version.modelID) AND v.id <> \(version.id) AND f.path = \(file.path) AND f.sha256 <> \(file.sha256)
                    AND f.stored AND coalesce(v.ceph_path, m.storage_path) = \(folder)
                    AND NOT EXISTS (SELECT 1 FROM blob_places p WHERE p.sha256 = f.sha256 AND p.kind = 'store' AND p.problem IS NULL)
                LIMIT 1
                """
            ) { try $0.get(0) as String }
        }
        guard let other else { return }
        throw CatapultError.conflict(
            "file_in_use", type: "StillReferencedError",
            "\(folder)/\(file.path) belongs to \(version.modelName):\(other) and lies nowhere else; it would be lost.", field: "path",
            hint: "Give the new version a folder of its own (ceph_path).", details: ["version": .string(other), "path": .string(file.path)])
    }

    /// A file of a version, open: from the store, else from the version's folder.
    ///
    /// - Throws: 404 where it has not arrived; 409 where it is damaged.
    func open(_ file: VersionFile, of version: Version) async throws -> Download {
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        if let problem = file.problem { throw CatapultError.damaged(file.sha256, problem) }
        guard file.stored == true else {
            throw CatapultError(
                status: 404, code: "file_not_stored", type: "ArtifactFileNotFoundError",
                message: "\(file.path) of \(version.modelName):\(version.version) has not arrived yet.", hint: "Upload it first.",
                details: ["path": .string(file.path)])
        }
        if try await database.read({ try BlobTable.find(file.sha256, in: $0) }) != nil {
            return Download(file: try await blobs.open(file.sha256), filename: name, sha256: file.sha256)
        }
        let path = storage.relative(try storage.resolve("\(version.cephPath ?? version.modelRepository)/\(file.path)"))
        return Download(file: try await unverified(path, size: file.sizeBytes), filename: name, sha256: nil)
    }

    /// A file that nobody has checked against its digest: its size must do.
    func unverified(_ path: String, size: Int64) async throws -> OpenedFile {
        do {
            let file = try await blobs.open(path: path)
            guard file.facts.size == size else {
                throw CatapultError.conflict(
                    "files_changed", type: "FilesChangedError",
                    "\(path) has \(file.facts.size) bytes, and had \(size) when it was registered.",
                    hint: "Put the file back as it was, or register it anew.", details: ["path": .string(path)])
            }
            return file
        } catch FileProblem.missing {
            throw CatapultError(
                status: 404, code: "file_not_found", type: "ArtifactFileNotFoundError", message: "\(path) is no longer there.",
                hint: "Put the file back, or upload it.", details: ["path": .string(path)])
        } catch let problem as FileProblem {
            throw CatapultError(problem, doing: "reading \(path)")
        }
    }
}

/// Which stored bytes a caller may read: those that something inside its scope refers to.
enum BlobAccess {
    /// Sizes by digest, of those digests that are known and readable.
    static func readable(_ digests: [String], for scope: KeyScope, in connection: any SQLConnection) throws -> [String: Int64] {
        var found: [String: Int64] = [:]
        let digests = Array(Set(digests))
        for start in stride(from: 0, to: digests.count, by: 500) {
            var query: SQLQuery =
                "SELECT b.sha256, b.size_bytes FROM blobs b WHERE b.sha256 IN \(list: digests[start..<min(start + 500, digests.count)])"
            if let inside = scope.models("m.name", in: connection.dialect) {
                query += """
                     AND (EXISTS (SELECT 1 FROM version_files f JOIN versions v ON v.id = f.version_id JOIN models m ON m.id = v.model_id
                            WHERE f.sha256 = b.sha256 AND f.stored AND \(inside))
                        OR EXISTS (SELECT 1 FROM artifacts a JOIN models m ON m.id = a.model_id
                            WHERE a.sha256 = b.sha256 AND a.deleted_at IS NULL AND \(inside)))
                    """
            }
            for (sha256, size) in try connection.fetchAll(query, { (try $0.get(0) as String, try $0.get(1) as Int64) }) {
                found[sha256] = size
            }
        }
        return found
    }
}
