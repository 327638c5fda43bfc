import CatapultAPI
import NIOConcurrencyHelpers
import SQLDatabase

/// A file that verification reads, and the rows that its outcome concerns.
struct VerifyTarget: Sendable {
    /// Path beneath the storage root.
    let path: String
    let sha256: String
    let sizeBytes: Int64
    /// Whether the path is a known place of the blob.
    var isPlace: Bool
    /// What refers to the file, for people.
    var users: [String] = []
    /// Files of versions that lie here and are no place yet: the version's id and the path in its list.
    fileprivate var versionFiles: [(versionID: String, path: String)] = []
    /// Artifacts that were recorded without being read.
    fileprivate var artifacts: [String] = []
    private let facts = NIOLockedValueBox<FileFacts?>(nil)

    private init(path: String, sha256: String, sizeBytes: Int64, isPlace: Bool) {
        self.path = path
        self.sha256 = sha256
        self.sizeBytes = sizeBytes
        self.isPlace = isPlace
    }

    /// Notes how the file looked when it was found right.
    func seen(_ facts: FileFacts) { self.facts.withLockedValue { $0 = facts } }

    /// The files that a wish means: places of blobs, and listed files that are no place yet.
    static func all(_ input: VerifyOperation.Input, in connection: any SQLConnection) throws -> [VerifyTarget] {
        var targets: [String: VerifyTarget] = [:]
        try addPlaces(input, to: &targets, in: connection)
        if input.sha256 == nil || input.versionID != nil || input.modelID != nil {
            try addVersionFiles(input, to: &targets, in: connection)
        }
        try addRecords(input, to: &targets, in: connection)
        return targets.values.sorted { $0.path < $1.path }
    }

    private static func addPlaces(
        _ input: VerifyOperation.Input, to targets: inout [String: VerifyTarget], in connection: any SQLConnection
    ) throws {
        var conditions: [SQLQuery] = ["TRUE"]
        if let digest = input.sha256 { conditions.append("p.sha256 = \(digest)") }
        if let version = input.versionID {
            conditions.append(
                """
                p.sha256 IN (SELECT f.sha256 FROM version_files f WHERE f.version_id = \(version)
                    UNION SELECT a.sha256 FROM artifacts a WHERE a.version_id = \(version) AND a.deleted_at IS NULL AND a.sha256 IS NOT NULL)
                """)
        }
        if let model = input.modelID {
            conditions.append(
                """
                p.sha256 IN (SELECT f.sha256 FROM version_files f JOIN versions v ON v.id = f.version_id WHERE v.model_id = \(model)
                    UNION SELECT a.sha256 FROM artifacts a WHERE a.model_id = \(model) AND a.deleted_at IS NULL AND a.sha256 IS NOT NULL)
                """)
        }
        if let artifact = input.artifactID { conditions.append("p.sha256 = (SELECT a.sha256 FROM artifacts a WHERE a.id = \(artifact))") }
        if let hours = input.olderThanHours { conditions.append("p.verified_at < \(Timestamp.now + .seconds(-hours * 3_600))") }
        let rows = try connection.fetchAll(
            """
            SELECT p.path, p.sha256, b.size_bytes, b.last_reference FROM blob_places p JOIN blobs b ON b.sha256 = p.sha256
            WHERE \(conditions.joined(separator: " AND "))
            """
        ) { row in
            var target = VerifyTarget(path: try row.get(0), sha256: try row.get(1), sizeBytes: try row.get(2), isPlace: true)
            target.users = [try row.get(3) as String?].compactMap { $0 }
            return target
        }
        for target in rows { targets[target.path] = target }
    }

    private static func addVersionFiles(
        _ input: VerifyOperation.Input, to targets: inout [String: VerifyTarget], in connection: any SQLConnection
    ) throws {
        guard input.artifactID == nil else { return }
        var conditions: [SQLQuery] = ["(f.stored OR f.problem IS NOT NULL)"]
        if let version = input.versionID { conditions.append("f.version_id = \(version)") }
        if let model = input.modelID { conditions.append("v.model_id = \(model)") }
        let rows = try connection.fetchAll(
            """
            SELECT f.version_id, f.path, f.sha256, f.size_bytes, coalesce(v.ceph_path, m.storage_path), m.name, v.version
            FROM version_files f JOIN versions v ON v.id = f.version_id JOIN models m ON m.id = v.model_id
            WHERE \(conditions.joined(separator: " AND "))
            """
        ) { row -> (VerifyTarget, String) in
            let (id, path): (String, String) = (try row.get(0), try row.get(1))
            let full = normalized("\(try row.get(4) as String)/\(path)")
            var target = VerifyTarget(path: full, sha256: try row.get(2), sizeBytes: try row.get(3), isPlace: false)
            target.versionFiles = [(id, path)]
            return (target, "\(try row.get(5) as String):\(try row.get(6) as String) \(path)")
        }
        for (target, user) in rows {
            // The folder shows the newest version's file; the others' bytes are in the store, which is read by itself.
            if let known = targets[target.path], known.sha256 != target.sha256 { continue }
            var merged = targets[target.path] ?? target
            merged.versionFiles = (targets[target.path]?.versionFiles ?? []) + target.versionFiles
            if !merged.users.contains(user), merged.users.count < 5 { merged.users.append(user) }
            targets[target.path] = merged
        }
    }

    private static func addRecords(
        _ input: VerifyOperation.Input, to targets: inout [String: VerifyTarget], in connection: any SQLConnection
    ) throws {
        guard input.sha256 == nil else { return }
        var conditions: [SQLQuery] = ["sha256 IS NULL AND deleted_at IS NULL AND checksum_type = 'sha256'"]
        if let version = input.versionID { conditions.append("version_id = \(version)") }
        if let model = input.modelID { conditions.append("model_id = \(model)") }
        if let artifact = input.artifactID { conditions.append("id = \(artifact)") }
        let rows = try connection.fetchAll(
            "SELECT id, name, file_path, checksum, size_bytes FROM artifacts WHERE \(conditions.joined(separator: " AND "))"
        ) { row in
            var target = VerifyTarget(path: normalized(try row.get(2)), sha256: try row.get(3), sizeBytes: try row.get(4), isPlace: false)
            target.artifacts = [try row.get(0)]
            target.users = ["artifact \(try row.get(1) as String)"]
            return target
        }
        for target in rows where targets[target.path].map({ $0.sha256 == target.sha256 }) ?? true {
            var merged = targets[target.path] ?? target
            merged.artifacts = (targets[target.path]?.artifacts ?? []) + target.artifacts
            targets[target.path] = merged
        }
    }

    private static func normalized(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// Writes the outcome: a file that was found right becomes a known place, and heals what was marked; a bad one is marked, and with it the
    /// files of versions that have their bytes nowhere else.
    func note(_ problem: String?, in connection: any SQLConnection) throws {
        if problem == nil, let facts = facts.withLockedValue({ $0 }) {
            let known = isPlace ? try BlobTable.place(at: path, in: connection) : nil
            // It may have been replaced or collected while it was read.
            if isPlace, known?.sha256 != sha256 { return }
            try BlobTable.record(
                BlobPlace(path: path, sha256: sha256, kind: known?.kind ?? .inPlace, facts: facts, problem: nil, verifiedAt: .now),
                in: connection)
            for id in artifacts { try ArtifactStore.setDigest(sha256, of: id, in: connection) }
            if !versionFiles.isEmpty || !artifacts.isEmpty {
                _ = try BlobTable.reference(sha256, by: users.first ?? path, in: connection)
            }
            for file in versionFiles { try VersionStore.setStored(file.path, of: file.versionID, in: connection) }
            return
        }
        guard let problem else { return }
        if isPlace { try BlobTable.setProblem(problem, at: path, in: connection) }
        let isElsewhere = try connection.exists(
            "SELECT 1 FROM blob_places WHERE sha256 = \(sha256) AND kind = 'store' AND problem IS NULL AND path <> \(path)")
        for file in versionFiles where !isElsewhere {
            try VersionStore.setDamaged(file.path, of: file.versionID, problem, in: connection)
        }
        guard isPlace, try !connection.exists("SELECT 1 FROM blob_places WHERE sha256 = \(sha256) AND problem IS NULL") else { return }
        // Nobody has these bytes any more: whoever lists them needs them again, wherever its folder is.
        let others = try connection.fetchAll("SELECT version_id, path FROM version_files WHERE sha256 = \(sha256) AND stored") {
            (versionID: try $0.get(0) as String, path: try $0.get(1) as String)
        }
        for file in others { try VersionStore.setDamaged(file.path, of: file.versionID, problem, in: connection) }
    }
}
