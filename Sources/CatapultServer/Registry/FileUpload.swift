import CatapultAPI
import Hummingbird
import NIOCore
import SQLDatabase

/// Receives the files of a version, and sends them.
struct FileUpload: Sendable {
    let database: Database
    let storage: StoragePaths
    let files: VersionFileBytes
    let limits: UploadLimits

    /// Streams a body into the store, and puts it in the version's folder when size and digest are those of the version's list.
    func store(_ call: UploadVersionFile, _ body: IncomingBytes, _ context: CallContext) async throws -> VersionFile {
        let (version, file) = try await find(call.path, of: call.versionID, context)
        if file.stored == true, (try? await files.open(file, of: version)) != nil { return file }
        if let length = body.contentLength, length != file.sizeBytes { throw Self.otherSize(file, found: length) }
        try await limits.check(size: file.sizeBytes)
        try await files.refuseToOverwrite(file, of: version)
        let blob = try await BlobStore.mappingProblems(doing: "storing a file") {
            try await files.blobs.staging { staged in
                try await staged.receive(body, limit: file.sizeBytes, tooLong: { Self.otherSize(file, found: nil) })
                guard staged.size == file.sizeBytes, staged.sha256 == file.sha256 else {
                    throw CatapultError.invalid(
                        field: "body",
                        "\(file.path) arrived with \(staged.size) bytes and SHA-256 \(staged.sha256), but the version lists \(file.sizeBytes) bytes and \(file.sha256)",
                        hint: "Send the file again; if it has changed, register a new version.")
                }
                return try await files.blobs.publish(staged) { blob, _ in blob }
            }
        }
        try await files.place(blob, file, of: version) { connection in
            try AuditLog.record(
                context, id: version.id, details: ["path": .string(file.path), "size_bytes": .int(file.sizeBytes)], in: connection)
        }
        await FactsRecorder(database: database, storage: storage).record(versionID: version.id, logger: context.logger)
        return VersionFile(path: file.path, sizeBytes: file.sizeBytes, sha256: file.sha256, stored: true)
    }

    /// A file of a version, to be sent.
    func download(_ call: DownloadVersionFile, _ context: CallContext) async throws -> Download {
        let (version, file) = try await find(call.path, of: call.versionID, context)
        return try await files.open(file, of: version)
    }

    /// The digests of a version's files, as `sha256sum --check` reads them.
    func manifest(_ call: GetVersionManifest, _ context: CallContext) async throws -> ResponseBody {
        let files = try await database.read { connection in
            try VersionStore.files(of: VersionStore.resolve(call.versionID, for: context.scope, in: connection).id, in: connection)
        }
        return ResponseBody(byteBuffer: ByteBuffer(string: files.map { Self.manifestLine($0) }.joined()))
    }

    /// As sha256sum writes it: a name with a backslash or a line end is escaped, and the line begins with a backslash then.
    private static func manifestLine(_ file: VersionFile) -> String {
        let escaped = file.path.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\r", with: "\\r")
        return "\(escaped == file.path ? "" : "\\")\(file.sha256)  \(escaped)\n"
    }

    private func find(_ path: String, of reference: String, _ context: CallContext) async throws -> (Version, VersionFile) {
        try await database.read { connection in
            let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
            guard let file = try VersionStore.file(path, of: version.id, in: connection) else {
                throw CatapultError.invalid(
                    "InvalidPathError", field: "path",
                    "\(path) is not in the list of files of \(version.modelName):\(version.version)",
                    hint: "A version's files are fixed when it is registered; `GET /api/v1/versions/\(version.id)/files` lists them.",
                    details: ["path": .string(path)])
            }
            return (version, file)
        }
    }

    private static func otherSize(_ file: VersionFile, found: Int64?) -> CatapultError {
        .invalid(
            field: "body",
            "\(file.path) has \(found.map { "\($0) bytes, but the version lists \(file.sizeBytes)" } ?? "more than the \(file.sizeBytes) bytes that the version lists")",
            hint: "Register a new version with the file as it is now.")
    }
}
