import CatapultAPI
import Crypto
import Glibc
import NIOCore
import SQLDatabase

/// The rules of uploads in pieces.
///
/// An upload is a row with an offset and a file beside it. The offset grows only after the bytes before it were synced, so what was told to a
/// client is there after a crash; bytes behind it are dropped when the next writer comes. One writer at a time holds the row's lock, whichever
/// server it talks to.
struct UploadService: Sendable {
    /// How long an upload waits for more bytes.
    static let lifetime = Duration.seconds(3 * 24 * 3_600)
    /// How long a writer may be silent before another may take its place.
    static let lease = Duration.seconds(20)
    /// So much is received between two offsets that survive a crash.
    private static let checkpointSize: Int64 = 64 << 20
    /// On a slow connection one survives after so long, and the writer's lock is renewed.
    private static let checkpointInterval = lease / 4

    let database: Database
    let storage: StoragePaths
    let blobs: BlobStore
    let limits: UploadLimits
    let hashes = RunningHashes()

    func list(_ call: ListUploads, _ context: CallContext) async throws -> Page<Upload> {
        try await database.read { try UploadStore.list(call, for: context.scope, in: $0) }
    }

    func get(_ call: GetUpload, _ context: CallContext) async throws -> Upload {
        try await database.read { try UploadStore.get(call.uploadID, for: context.scope, in: $0).upload }
    }

    // MARK: Beginning

    func create(_ call: CreateUpload, _ context: CallContext) async throws -> Upload {
        let now = Timestamp.now
        var record = UploadRecord(
            upload: Upload(
                id: Identifier.make(at: now), state: .open, sizeBytes: call.sizeBytes, sha256: call.sha256, offset: 0, versionID: nil,
                path: call.path, modelID: nil, name: call.name, artifactID: nil, message: nil, createdBy: context.caller?.name,
                createdAt: now, updatedAt: now, expiresAt: now + Self.lifetime),
            artifactType: call.artifactType, platform: call.platform, pythonVersion: call.pythonVersion, metadata: call.metadata ?? [:])
        let target = try await database.read { try Self.target(call, for: context.scope, in: $0) }
        record.upload.versionID = target.version?.id
        record.upload.modelID = target.version?.modelID ?? target.owner?.model?.id
        if let maximum = limits.maximumSize, call.sizeBytes > maximum { throw CatapultError.tooLarge(limit: maximum) }
        let known = try await database.read { try BlobAccess.readable([call.sha256], for: context.scope, in: $0) }
        let isKnown = known[call.sha256] == call.sizeBytes
        if !isKnown {
            try await limits.check(size: call.sizeBytes, reserved: database.read { try UploadStore.outstanding(in: $0) })
        }
        try await database.write { [record] connection in
            try UploadStore.insert(record, in: connection)
            try AuditLog.record(
                context, id: record.upload.id,
                details: [
                    "sha256": .string(call.sha256), "size_bytes": .int(call.sizeBytes), "path": .string(call.path ?? call.name ?? ""),
                    "version_id": record.upload.versionID.map(JSONValue.string) ?? .null,
                ], in: connection)
        }
        // Bytes that are marked as known may prove damaged: then they are awaited after all.
        if isKnown, (try? await blobs.open(call.sha256)) != nil {
            let blob = Blob(sha256: call.sha256, sizeBytes: call.sizeBytes)
            if let upload = try? await finish(record, blob, "the server had the bytes already", context) { return upload }
        }
        // The file is there from the beginning, also for an upload of no bytes.
        _ = try await BlobStore.mappingProblems(doing: "beginning an upload") { try await open(record.upload) }
        return record.upload
    }

    /// What an upload is to become.
    private struct Target: Sendable {
        var version: Version?
        var file: VersionFile?
        var owner: ArtifactDraft.Owner?
    }

    private static func target(_ call: CreateUpload, for scope: KeyScope, in connection: any SQLConnection) throws -> Target {
        let reference = call.versionID ?? call.releaseID
        switch (call.path, call.name) {
        case (let path?, nil):
            guard let reference else { throw CatapultError.unprocessable([.missing(anyOf: ["version_id", "release_id"])]) }
            let version = try VersionStore.resolve(reference, for: scope, in: connection)
            guard let file = try VersionStore.file(path, of: version.id, in: connection) else {
                throw CatapultError.invalid(
                    "InvalidPathError", field: "path", "\(path) is not in the list of files of \(version.modelName):\(version.version)",
                    hint: "A version's files are fixed when it is registered; `GET /api/v1/versions/\(version.id)/files` lists them.",
                    details: ["path": .string(path)])
            }
            guard file.sizeBytes == call.sizeBytes, file.sha256 == call.sha256 else {
                throw CatapultError.invalid(
                    field: "sha256",
                    "\(version.modelName):\(version.version) lists \(path) with \(file.sizeBytes) bytes and \(file.sha256).",
                    hint: "Send that file; if it has changed, register a new version.")
            }
            return Target(version: version, file: file)
        case (nil, let name?):
            let draft = try ArtifactDraft(
                name: name, artifactType: call.artifactType, platform: call.platform, pythonVersion: call.pythonVersion, version: reference,
                model: call.modelID)
            let owner = try draft.owner(for: scope, in: connection)
            return Target(version: owner.version, owner: owner)
        default:
            throw CatapultError.unprocessable([
                FieldProblem(
                    kind: .value, location: ["path"], message: "is required for a file of a version, or name for an artifact; not both")
            ])
        }
    }

    // MARK: Writing

    func write(_ call: WriteUpload, _ body: IncomingBytes, _ context: CallContext) async throws -> Upload {
        let writer = Identifier.make()
        let upload = try await lock(call.uploadID, writer, offset: call.offset, context)
        do {
            let missing = upload.sizeBytes - upload.offset
            if let length = body.contentLength, length > missing { throw Self.tooLong(upload) }
            // Of a file that is whole nothing is touched any more.
            if missing > 0 {
                let file = try await open(upload)
                defer { file.release() }
                try await receive(body, into: file, upload, writer)
            }
        } catch {
            await release(upload.id, writer)
            throw await mapped(error, upload)
        }
        return try await database.write { connection in
            try UploadStore.unlock(upload.id, from: writer, in: connection)
            return try UploadStore.get(upload.id, for: .everything, in: connection).upload
        }
    }

    /// Takes the row's lock where the upload is open and stands at the offset.
    private func lock(_ id: String, _ writer: String, offset: Int64?, _ context: CallContext) async throws -> Upload {
        try await database.write { connection in
            let upload = try UploadStore.get(id, for: context.scope, in: connection).upload
            guard upload.state == .open else {
                throw Self.refused(upload, "upload_complete", "The upload is complete.", hint: "Nothing is left to be done.")
            }
            if let offset, offset != upload.offset {
                throw Self.refused(
                    upload, "offset_mismatch", "The upload stands at offset \(upload.offset), not \(offset).",
                    hint: "Send the bytes from offset \(upload.offset).")
            }
            guard try UploadStore.lock(upload.id, for: writer, Self.lease, in: connection) else {
                throw Self.busy(upload)
            }
            return upload
        }
    }

    private func open(_ upload: Upload) async throws -> UploadFile {
        let hash = hashes.take(upload)
        return try await HashingPool.foreground.run { [blobs] in
            try UploadFile(path: blobs.folders.uploadFile(upload.id), offset: upload.offset, hash: hash)
        }
    }

    /// Takes the body. Whatever ends it, what arrived before is synced and counted.
    private func receive(_ body: IncomingBytes, into file: UploadFile, _ upload: Upload, _ writer: String) async throws {
        var batches = BatchWriter { batch in try await HashingPool.foreground.run { try file.append(batch) } }
        var arrived = upload.offset
        var saved = arrived
        var checkpoint = (offset: arrived, time: ContinuousClock.now)
        do {
            for try await buffer in body {
                arrived += Int64(buffer.readableBytes)
                guard arrived <= upload.sizeBytes else { throw Self.tooLong(upload) }
                try await batches.add(buffer)
                if arrived - checkpoint.offset >= Self.checkpointSize || .now - checkpoint.time >= Self.checkpointInterval {
                    checkpoint = (arrived, .now)
                    try await batches.finish()
                    try await save(file, upload.id, writer)
                    saved = arrived
                }
            }
            try await batches.finish()
            try await save(file, upload.id, writer)
        } catch {
            // The task may be cancelled by now (the server stops); what arrived is kept all the same.
            let rest = batches
            batches = BatchWriter { _ in }
            await Task { [self, saved] in await keepWhatArrived(rest, file, upload.id, writer, saved: saved) }.value
            throw error
        }
    }

    private func keepWhatArrived(_ batches: BatchWriter, _ file: UploadFile, _ id: String, _ writer: String, saved: Int64) async {
        var batches = batches
        do {
            try await batches.finish()
            try await save(file, id, writer)
        } catch FileProblem.noSpace {
            // A full disk gets back what nobody was told of: others may need it to go on, the database first of all.
            await HashingPool.foreground.runAlways { file.cut(to: saved) }
        } catch {
            // What was saved before counts.
        }
    }

    private func save(_ file: UploadFile, _ id: String, _ writer: String) async throws {
        let (offset, hash, now) = (file.offset, file.hash, Timestamp.now)
        try await HashingPool.foreground.run { try file.sync() }
        let isMine = try await database.write { connection in
            try UploadStore.advance(id, to: offset, by: writer, at: now, Self.lease, lifetime: Self.lifetime, in: connection)
        }
        guard isMine else {
            throw CatapultError.conflict(
                "upload_taken", type: "UploadError", "Another request has taken over the upload.",
                hint: "Ask for the offset, and go on from there.")
        }
        if let hash { hashes.put(id, hash, at: offset, savedAt: now) }
    }

    private func release(_ id: String, _ writer: String) async {
        let database = database
        await Task { try? await database.write { try UploadStore.unlock(id, from: writer, in: $0) } }.value
    }

    // MARK: Ending

    func complete(_ call: CompleteUpload, _ context: CallContext) async throws -> Upload {
        let record = try await database.read { try UploadStore.get(call.uploadID, for: context.scope, in: $0) }
        if record.upload.state == .complete { return record.upload }
        let writer = Identifier.make()
        let upload = try await lock(record.upload.id, writer, offset: nil, context)
        do {
            guard upload.offset == upload.sizeBytes else {
                throw Self.refused(
                    upload, "upload_incomplete", "\(upload.sizeBytes - upload.offset) of \(upload.sizeBytes) bytes are still to come.",
                    hint: "Send the bytes from offset \(upload.offset).")
            }
            let blob = Blob(sha256: upload.sha256, sizeBytes: upload.sizeBytes)
            // An attempt that was cut short may have stored the bytes already, and removed the file.
            if try await fileExists(upload) {
                try await store(upload, writer)
            } else if try await database.read({ try BlobTable.find(blob.sha256, in: $0) }) == nil {
                throw await lost(upload)
            }
            let finished = try await finish(record, blob, "complete", context)
            await removeFile(upload.id)
            return finished
        } catch {
            await release(upload.id, writer)
            throw await mapped(error, upload)
        }
    }

    private func fileExists(_ upload: Upload) async throws -> Bool {
        try await HashingPool.foreground.run { [blobs] in FileFacts(path: blobs.folders.uploadFile(upload.id)) != nil }
    }

    private func removeFile(_ id: String) async {
        await HashingPool.foreground.runAlways { [blobs] in unlink(blobs.folders.uploadFile(id)) }
    }

    /// Checks the digest, and makes the file a blob; the open upload refers to it. The file is held until then, so that no writer which was
    /// taken for gone can change it between.
    private func store(_ upload: Upload, _ writer: String) async throws {
        let staged = try await HashingPool.foreground.run { [blobs] in
            try StagedFile(adopting: blobs.folders.uploadFile(upload.id), keepingName: true)
        }
        let digest = try await digest(of: upload, writer)
        guard digest == upload.sha256 else { throw try await reset(upload, found: digest) }
        try await blobs.publish(staged, sha256: digest, size: upload.sizeBytes) { _, _ in }
    }

    /// The digest of all bytes: from the running hash, else from the file.
    private func digest(of upload: Upload, _ writer: String) async throws -> String {
        if let hash = hashes.take(upload) { return hash.finalize().hexadecimal }
        let relative = "\(StoreFolders.uploads)/\(upload.id).part"
        let file = try await blobs.open(path: relative)
        var done: Int64 = 0
        return try await HashingPool.foreground.digest(of: file, length: upload.sizeBytes) { count in
            done += count
            // Renews the lock; the offset stays.
            guard done % (1 << 30) < count else { return }
            _ = try await database.write {
                try UploadStore.advance(
                    upload.id, to: upload.offset, by: writer, at: .now, Self.lease, lifetime: Self.lifetime, in: $0)
            }
        }
    }

    private func reset(_ upload: Upload, found: String) async throws -> CatapultError {
        hashes.forget(upload.id)
        try await database.write {
            try UploadStore.reset(upload.id, message: "the bytes had the SHA-256 \(found): begin again", in: $0)
        }
        return CatapultError.invalid(
            "ChecksumMismatchError", field: "sha256",
            "The bytes that arrived have the SHA-256 \(found), and not \(upload.sha256). The upload begins again at offset 0.",
            hint: "Send the whole file again.", details: ["expected": .string(upload.sha256), "found": .string(found), "offset": 0])
    }

    /// The file is gone, and its bytes are not in the store: the disk lost them, or somebody removed them.
    private func lost(_ upload: Upload) async -> any Error {
        hashes.forget(upload.id)
        do {
            try await database.write {
                try UploadStore.reset(upload.id, message: "the server has lost the bytes: begin again", in: $0)
            }
        } catch {
            return error
        }
        return Self.refused(
            upload, "upload_lost", "The bytes that had arrived are no longer there. The upload begins again at offset 0.", offset: 0,
            hint: "Send the whole file again.")
    }

    /// Makes the blob what the upload was for, and closes the upload with it.
    private func finish(_ record: UploadRecord, _ blob: Blob, _ message: String, _ context: CallContext) async throws -> Upload {
        let upload = record.upload
        if let path = upload.path {
            let (version, file) = try await database.read { connection in
                let version = try VersionStore.resolve(upload.versionID ?? "", for: .everything, in: connection)
                return (version, try VersionStore.file(path, of: version.id, in: connection))
            }
            guard let file else { throw CatapultError.notFound(.version, upload.versionID ?? "") }
            try await VersionFileBytes(blobs: blobs).place(blob, file, of: version) { connection in
                try UploadStore.complete(upload.id, artifactID: nil, message: message, in: connection)
                try AuditLog.record(context, id: upload.id, details: ["path": .string(path)], in: connection)
            }
            await FactsRecorder(database: database, storage: storage).record(versionID: version.id, logger: context.logger)
        } else {
            var draft = try ArtifactDraft(
                name: upload.name ?? "", artifactType: record.artifactType, platform: record.platform, pythonVersion: record.pythonVersion,
                version: upload.versionID, model: upload.modelID)
            draft.metadata = record.metadata
            try await database.write { [draft] connection in
                let owner = try draft.owner(for: .everything, in: connection)
                let artifact = try draft.insert(owner: owner, path: "", blob, upload: upload.id, context, in: connection)
                try UploadStore.complete(upload.id, artifactID: artifact.id, message: message, in: connection)
            }
        }
        return try await database.read { try UploadStore.get(upload.id, for: .everything, in: $0).upload }
    }

    func cancel(_ call: CancelUpload, _ context: CallContext) async throws -> Deletion {
        let writer = Identifier.make()
        let upload = try await database.write { connection in
            let upload = try UploadStore.get(call.uploadID, for: context.scope, in: connection).upload
            guard try UploadStore.lock(upload.id, for: writer, Self.lease, in: connection) else {
                throw Self.refused(
                    upload, "upload_busy", "Somebody is writing to the upload.", hint: "End that request first, then try again.")
            }
            try AuditLog.record(context, id: upload.id, details: ["state": .string(upload.state.rawValue)], in: connection)
            try UploadStore.delete(upload.id, in: connection)
            return upload
        }
        hashes.forget(upload.id)
        await removeFile(upload.id)
        return Deletion(deletedID: upload.id)
    }

    private static func refused(
        _ upload: Upload, _ code: String, _ message: String, offset: Int64? = nil, hint: String
    ) -> CatapultError {
        .conflict(
            code, type: "UploadError", message, hint: hint,
            details: [
                "upload_id": .string(upload.id), "offset": .int(offset ?? upload.offset), "size_bytes": .int(upload.sizeBytes),
            ])
    }

    private static func busy(_ upload: Upload) -> CatapultError {
        refused(
            upload, "upload_busy", "Somebody else is writing to the upload.",
            hint: "Wait for that request to end; a broken one is given up after a minute. Then ask for the offset.")
    }

    private static func tooLong(_ upload: Upload) -> CatapultError {
        .invalid(
            field: "body", "The body reaches beyond the \(upload.sizeBytes) bytes of the upload.",
            hint: "Send \(upload.sizeBytes - upload.offset) bytes from offset \(upload.offset) at most.",
            details: ["offset": .int(upload.offset)])
    }

    private func mapped(_ error: any Error, _ upload: Upload) async -> any Error {
        switch error as? FileProblem {
        case nil: error
        case .busy: Self.busy(upload)
        case .shortened: await lost(upload)
        case let problem?: CatapultError(problem, doing: "storing an upload")
        }
    }
}
