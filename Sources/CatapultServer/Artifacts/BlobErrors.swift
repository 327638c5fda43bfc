import CatapultAPI

extension CatapultError {
    /// What a problem with a file means to a client.
    init(_ problem: FileProblem, doing: String) {
        switch problem {
        case .noSpace: self = .storageFull(doing)
        case .missing(let path):
            self = .invalid(
                "InvalidPathError", field: "file_path", "There is no file \(path) beneath the storage root.",
                hint: "Put the file there, or upload it.", details: ["path": .string(path)])
        case .notAFile(let path):
            self = .invalid(
                "InvalidPathError", field: "file_path", "\(path) is not a regular file, or a symbolic link leads to it.",
                hint: "Name the file itself.", details: ["path": .string(path)])
        case .shortened(let path): self = .changedWhileRead(path)
        case .busy(let path):
            self = .conflict(
                "file_busy", type: "FilesChangedError", "\(path) is being written by another request.",
                hint: "Wait for that request to end, then try again.", details: ["path": .string(path)])
        case .failed(let path, let doing, let reason):
            self = CatapultError(
                status: 503, code: "file_unreadable", type: "StorageError", message: "\(doing) \(path) failed: \(reason)",
                hint: "Look at the file and its rights on the server, then try again.", details: ["path": .string(path)])
        }
    }

    /// 413: more bytes than are taken.
    static func tooLarge(limit: Int64) -> CatapultError {
        CatapultError(
            status: 413, code: "upload_too_large", type: "PayloadTooLargeError",
            message: "The file has more than \(limit) bytes, the limit.",
            hint: "Ask the admin to raise CATAPULT_MAX_UPLOAD_SIZE, or put the file beneath the storage root and register it there.",
            details: ["limit_bytes": .int(limit)])
    }

    /// 409: a file changed under the reader.
    static func changedWhileRead(_ path: String) -> CatapultError {
        .conflict(
            "file_changed", type: "FilesChangedError", "\(path) was changed while it was read.",
            hint: "Wait until nobody writes to it, then try again.", details: ["path": .string(path)])
    }

    /// 409: a file has another digest than was said.
    static func otherDigest(_ path: String, expected: String, found: String) -> CatapultError {
        .conflict(
            "checksum_mismatch", type: "ChecksumMismatchError", "\(path) has the SHA-256 \(found), and not \(expected).", field: "checksum",
            hint: "The file is not the one that is meant, or was damaged: put the right one there.",
            details: ["path": .string(path), "expected": .string(expected), "found": .string(found)])
    }

    /// 409: stored bytes are not what they should be.
    static func damaged(_ sha256: String, _ problem: String) -> CatapultError {
        .conflict(
            "bytes_damaged", type: "IntegrityError", "The stored bytes with SHA-256 \(sha256) cannot be used: the file \(problem).",
            hint: "Upload the right bytes again, which heals them; or put the file back as it was and run `mcp artifact verify`.",
            details: ["sha256": .string(sha256), "problem": .string(problem)])
    }

    /// 404: nothing is stored under a digest.
    static func unknownBytes(_ sha256: String) -> CatapultError {
        CatapultError(
            status: 404, code: "bytes_not_found", type: "ArtifactFileNotFoundError", message: "No bytes are stored with SHA-256 \(sha256).",
            hint: "Upload them.", details: ["sha256": .string(sha256)])
    }
}
