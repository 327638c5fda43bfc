import CatapultAPI
import Glibc
import SQLDatabase

/// Removes stored bytes that nothing refers to, remains of what was broken off, and deleted artifacts whose time is over.
///
/// It works while everything else does. Whether something refers to a blob is looked at in the very transaction that takes its rows away, and
/// who makes a reference sees in its own transaction whether the blob is still there. Files go after their rows; one that is left by a
/// crash has no row and is found by the next collection. Files that others put beneath the storage root are never removed.
struct GarbageOperation: OperationHandler {
    static let kind = OperationKind.gc
    let concurrency = 1

    struct Input: Codable, Sendable {
        var dryRun: Bool?
        var graceHours: Double?
        var retentionHours: Double?
    }

    static let standardGrace = Duration.seconds(24 * 3_600)
    static let standardRetention = Duration.seconds(30 * 24 * 3_600)
    private static let batch = 200

    let database: Database
    let blobs: BlobStore
    /// Files without a row are kept at least so long: they may be about to get one.
    var youngest = Duration.seconds(3_600)

    func run(_ run: OperationRun) async throws -> JSONValue {
        let input: Input = try await run.input()
        var report = GarbageReport(isDry: input.dryRun == true)
        let grace = input.graceHours.map { Duration.seconds($0 * 3_600) } ?? Self.standardGrace
        let retention = input.retentionHours.map { Duration.seconds($0 * 3_600) } ?? Self.standardRetention

        try await run.progress(0.05, "looking at deleted artifacts")
        try await collectArtifacts(deletedBefore: Timestamp.now + (.zero - retention), &report)
        try await run.progress(0.1, "looking at uploads")
        try await collectUploads(&report)
        try await run.progress(0.2, "looking for what nothing refers to")
        if !report.isDry { try await mark() }
        try await run.progress(0.5, "removing what nothing refers to")
        try await collectBlobs(unreferencedSince: Timestamp.now + (.zero - grace), &report)
        try await run.progress(0.8, "looking at files without a row")
        try await collectFiles(olderThan: Timestamp.now + (.zero - max(grace, youngest)), &report)
        for line in report.lines { run.log.append(line + "\n") }
        return report.json
    }

    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {}

    private func collectArtifacts(deletedBefore moment: Timestamp, _ report: inout GarbageReport) async throws {
        while true {
            let rows = try await database.read { try GarbageStore.deletedArtifacts(before: moment, limit: Self.batch, in: $0) }
            for row in rows {
                report.add(
                    .artifact, path: row.name, bytes: 0, since: row.deletedAt, reason: "deleted, and the retention time is over",
                    user: row.id)
            }
            guard !rows.isEmpty, !report.isDry else { return }
            try await database.write { try GarbageStore.removeArtifacts(rows.map(\.id), in: $0) }
            try Task.checkCancellation()
        }
    }

    private func collectUploads(_ report: inout GarbageReport) async throws {
        while true {
            let expired = try await database.read { try UploadStore.expired(limit: Self.batch, in: $0) }
            for upload in expired {
                report.add(
                    .upload, path: "\(StoreFolders.uploads)/\(upload.id).part", bytes: upload.state == .open ? upload.offset : 0,
                    since: upload.expiresAt, reason: upload.state == .open ? "expired" : "complete, and forgotten", user: upload.createdBy)
            }
            guard !expired.isEmpty, !report.isDry else { return }
            try await Self.remove(expired, blobs, database)
            try Task.checkCancellation()
        }
    }

    /// Removes expired uploads that nobody writes to still.
    static func remove(_ expired: [Upload], _ blobs: BlobStore, _ database: Database) async throws {
        let ids = Set(expired.map(\.id))
        let gone = try await database.write { connection in
            let gone = try UploadStore.expired(limit: .max, in: connection).map(\.id).filter(ids.contains)
            for id in gone { try UploadStore.delete(id, in: connection) }
            return gone
        }
        try await HashingPool.background.run { for id in gone { unlink(blobs.folders.uploadFile(id)) } }
    }

    private func mark() async throws {
        var position = ""
        while true {
            let start = position
            guard let next = try await database.write({ try GarbageStore.mark(after: start, limit: Self.batch, in: $0) }) else { return }
            position = next
            try Task.checkCancellation()
        }
    }

    private func collectBlobs(unreferencedSince moment: Timestamp, _ report: inout GarbageReport) async throws {
        var position = ""
        while true {
            let (start, isDry) = (position, report.isDry)
            let found = try await database.read {
                try GarbageStore.unreferenced(since: moment, includingUnmarked: isDry, after: start, limit: Self.batch, in: $0)
            }
            guard let last = found.last else { return }
            position = last.sha256
            for blob in found {
                if isDry, blob.since == nil {
                    report.add(
                        .blob, path: blob.sha256, bytes: blob.sizeBytes, since: nil,
                        reason: "nothing refers to it; the grace time begins with the next collection", user: blob.lastReference)
                    continue
                }
                let places: [BlobPlace]? =
                    isDry
                    ? try await database.read { try BlobTable.places(of: blob.sha256, in: $0) }
                    : try await database.write { try GarbageStore.remove(blob.sha256, since: moment, in: $0) }
                guard let places else { continue }
                if !isDry { try await removeFiles(places) }
                for place in places {
                    report.add(
                        place.kind == .inPlace ? .registration : .blob, path: place.path,
                        bytes: place.kind == .store ? blob.sizeBytes : 0, since: blob.since,
                        reason: place.kind == .inPlace ? "nothing refers to it; the file stays" : "nothing refers to it",
                        user: blob.lastReference)
                }
            }
            try Task.checkCancellation()
        }
    }

    /// Removes the store's files, and the links to them that are still what was put there.
    private func removeFiles(_ places: [BlobPlace]) async throws {
        try await HashingPool.background.run { [blobs] in
            for place in places where place.kind != .inPlace {
                let path = blobs.folders.absolute(place.path)
                if place.kind == .link, FileFacts(path: path) != place.facts { continue }
                unlink(path)
            }
        }
    }

    /// Looks through the store's folders for files that no row knows.
    private func collectFiles(olderThan moment: Timestamp, _ report: inout GarbageReport) async throws {
        let folders = blobs.folders
        let files = try await HashingPool.background.run { StoreSweep.files(in: folders, changedBefore: moment) }
        for start in stride(from: 0, to: files.count, by: Self.batch) {
            let batch = Array(files[start..<min(start + Self.batch, files.count)])
            let known = try await database.read { connection in
                var known = try GarbageStore.known(batch.map(\.path), in: connection)
                for file in batch where file.uploadID != nil {
                    if try UploadStore.exists(file.uploadID ?? "", in: connection) { known.insert(file.path) }
                }
                return known
            }
            var unknown = batch.filter { !known.contains($0.path) }
            if !report.isDry {
                unknown = try await HashingPool.background.run { [unknown] in
                    unknown.filter { FileLock.removeAbandoned(folders.absolute($0.path)) }
                }
            }
            for file in unknown {
                report.add(
                    .temporary, path: file.path, bytes: file.size, since: file.changedAt, reason: "left by work that was cut short",
                    user: nil)
            }
            try Task.checkCancellation()
        }
    }
}

/// What a collection did, or would do.
struct GarbageReport: Sendable {
    enum Kind: String, Sendable {
        case blob
        case registration
        case artifact
        case upload
        case temporary
    }

    /// Most things that are listed one by one.
    private static let longest = 1_000

    let isDry: Bool
    private var items: [JSONValue] = []
    private var count = 0
    private var bytes: Int64 = 0
    /// For the log.
    private(set) var lines: [String] = []

    init(isDry: Bool) { self.isDry = isDry }

    mutating func add(_ kind: Kind, path: String, bytes: Int64, since: Timestamp?, reason: String, user: String?) {
        count += 1
        self.bytes += bytes
        guard items.count < Self.longest else { return }
        let age = since.map { (Timestamp.now.microseconds - $0.microseconds) / 1_000_000 }
        items.append([
            "kind": .string(kind.rawValue), "path": .string(path), "size_bytes": .int(bytes),
            "age_seconds": age.map(JSONValue.int) ?? .null,
            "reason": .string(reason), "last_referenced_by": user.map(JSONValue.string) ?? .null,
        ])
        lines.append("\(isDry ? "would remove" : "removed") \(kind.rawValue) \(path) (\(ByteCount.text(bytes))): \(reason)")
    }

    var json: JSONValue {
        ["dry_run": .bool(isDry), "removed": .int(Int64(count)), "freed_bytes": .int(bytes), "items": .array(items)]
    }
}
