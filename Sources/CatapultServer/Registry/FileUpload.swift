import CatapultAPI
import Crypto
import Glibc
import Hummingbird
import NIOCore
import SQLDatabase
import _NIOFileSystem

/// Receives the files of a version.
struct FileUpload: Sendable {
    let database: Database
    let storage: StoragePaths

    /// Streams a body to its place: beside it first, and renamed only when size and digest are those of the version's list.
    func store(_ call: UploadVersionFile, _ body: RequestBody, _ context: CallContext) async throws -> VersionFile {
        let (version, file) = try await database.read { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            guard let file = try VersionStore.file(call.path, of: version.id, in: connection) else {
                throw CatapultError.invalid(
                    "InvalidPathError", field: "path",
                    "\(call.path) is not in the list of files of \(version.modelName):\(version.version)",
                    hint: "A version's files are fixed when it is registered; `GET /api/v1/versions/\(version.id)/files` lists them.",
                    details: ["path": .string(call.path)])
            }
            return (version, file)
        }
        if file.stored == true { return file }
        let target = try storage.resolve("\(version.cephPath ?? version.modelRepository)/\(file.path)")
        let temporary = "\(target).\(Identifier.make()).part"
        guard let slash = target.lastIndex(of: "/") else { throw CatapultError.internalError(requestID: context.requestID) }
        do {
            try PrivateFile.makeDirectory(String(target[..<slash]))
            try await receive(body, file, into: temporary)
        } catch {
            unlink(temporary)
            throw Self.mapped(error)
        }
        guard rename(temporary, target) == 0 else {
            unlink(temporary)
            throw CatapultError.internalError(requestID: context.requestID)
        }
        try await database.write { connection in
            try VersionStore.setStored(file.path, of: version.id, in: connection)
            try AuditLog.record(
                context, id: version.id, details: ["path": .string(file.path), "size_bytes": .int(file.sizeBytes)], in: connection)
        }
        await FactsRecorder(database: database, storage: storage).record(versionID: version.id, logger: context.logger)
        return VersionFile(path: file.path, sizeBytes: file.sizeBytes, sha256: file.sha256, stored: true)
    }

    private func receive(_ body: RequestBody, _ file: VersionFile, into path: String) async throws {
        try await FileSystem.shared.withFileHandle(forWritingAt: FilePath(path), options: .newFile(replaceExisting: false)) { handle in
            var digest = SHA256()
            var count: Int64 = 0
            for try await buffer in body {
                guard count + Int64(buffer.readableBytes) <= file.sizeBytes else {
                    throw CatapultError.invalid(
                        field: "body", "\(file.path) has more than the \(file.sizeBytes) bytes that the version lists",
                        hint: "Register a new version with the file as it is now.")
                }
                buffer.withUnsafeReadableBytes { digest.update(bufferPointer: $0) }
                try await handle.write(contentsOf: buffer, toAbsoluteOffset: count)
                count += Int64(buffer.readableBytes)
            }
            let found = digest.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
            guard count == file.sizeBytes, found == file.sha256 else {
                throw CatapultError.invalid(
                    field: "body",
                    "\(file.path) arrived with \(count) bytes and SHA-256 \(found), but the version lists \(file.sizeBytes) bytes and \(file.sha256)",
                    hint: "Send the file again; if it has changed, register a new version.")
            }
            try await handle.synchronize()
        }
    }

    private static func mapped(_ error: any Error) -> any Error {
        if let error = error as? FileSystemError, "\(error)".contains("No space left") {
            return CatapultError.storageFull("storing a file")
        }
        return error
    }
}
