import CatapultAPI
import NIOCore
import _NIOFileSystem

extension CatapultClient {
    /// Uploads a file of any size, and goes on where a connection broke: what the server acknowledged is not sent again.
    ///
    /// The server is asked first: it may refuse (size, space, rights) before a byte is sent, and what it has already it does not want
    /// again. Then the file goes over in one stream. When that breaks, the server says how much has arrived, and the rest follows after a
    /// pause that grows while nothing gets through. Memory stays the same whatever the size: the file is read while it is sent.
    ///
    /// ```swift
    /// let upload = try await client.uploadFile(
    ///     CreateUpload(sizeBytes: size, sha256: digest, name: "report.html", artifactType: "report"), file: "report.html")
    /// ```
    ///
    /// - Parameters:
    ///   - creation: what the file is, with its size and digest.
    ///   - file: path of the file.
    ///   - earlier: an open upload of the same file that is to be continued (`ListUploads` has them).
    ///   - progress: called with the bytes that the server has or was sent; it goes back where something was lost.
    /// - Returns: the upload, complete.
    /// - Throws: `CatapultError` where the server refuses, also in the middle; `FileSystemError` where the file cannot be read;
    ///   ``FileChanged``; else as ``send(_:timeout:)`` once nothing got through ten times in a row, or
    ///   `options.retry.attempts` if that is more; never again where it is 1.
    @discardableResult
    public func uploadFile(
        _ creation: CreateUpload, file: FilePath, continuing earlier: Upload? = nil,
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Upload {
        try await FileSystem.shared.withFileHandle(forReadingAt: file) { handle in
            let size = try await handle.info().size
            guard size == creation.sizeBytes else { throw FileChanged(path: file.string, expected: creation.sizeBytes, found: size) }
            var upload = if let earlier { earlier } else { try await send(creation) }
            var failed = 0
            while upload.state == .open {
                progress(upload.offset)
                do {
                    upload = try await step(upload, handle, isCareful: failed > 0, progress)
                    failed = 0
                } catch {
                    guard let failure = RetryPolicy.Failure(uploading: error) else { throw error }
                    let known = upload.offset
                    failed += 1
                    // Nothing is lost by asking again; so it is a read as far as repetition goes.
                    guard let delay = patience.delay(after: failed, failure, effect: .read, jitter: jitter()) else { throw error }
                    try await clock.sleep(for: delay)
                    upload = try await send(GetUpload(uploadID: upload.id))
                    if upload.offset > known { failed = 1 }
                }
            }
            progress(upload.sizeBytes)
            return upload
        }
    }

    /// Uploads wait longer than other calls: a server may take a minute to notice that the connection which it still reads from is gone.
    private var patience: RetryPolicy {
        guard options.retry.attempts > 1 else { return options.retry }
        return RetryPolicy(
            attempts: max(options.retry.attempts, 10), base: options.retry.base, longest: max(options.retry.longest, .seconds(20)))
    }

    /// How much is sent after a failure: a server that refuses for good (disk full, gone) closes the connection on whoever keeps writing,
    /// and its answer is lost with it. So little fits into the buffers of the network, and the answer can be read.
    private static let carefulPiece: Int64 = 32 << 10

    /// Sends what is missing, or has the whole checked where nothing is.
    private func step(
        _ upload: Upload, _ handle: ReadFileHandle, isCareful: Bool, _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> Upload {
        guard upload.offset < upload.sizeBytes else {
            let wire = try WireRequest(CompleteUpload(uploadID: upload.id))
            // The server may have to read the whole file again before it answers.
            return try Self.decode(
                Upload.self, from: await transport.collect(request(wire, timeout: nil), upTo: options.longestAnswer), of: wire)
        }
        let end = isCareful ? min(upload.sizeBytes, upload.offset + Self.carefulPiece) : upload.sizeBytes
        let wire = try WireRequest(WriteUpload(uploadID: upload.id, offset: upload.offset))
        var request = request(wire, timeout: nil)
        request.headers.replaceOrAdd(name: "Content-Type", value: WriteUpload.requestBody.mediaType)
        let start = upload.offset
        let chunks = CountedChunks(chunks: handle.readChunks(in: start..<end, chunkLength: .kibibytes(256))) { progress(start + $0) }
        request.body = .stream(chunks, length: .known(end - start))
        return try Self.decode(Upload.self, from: await transport.collect(request, upTo: options.longestAnswer), of: wire)
    }
}

/// A file is not the one whose size and digest were named.
public struct FileChanged: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// The size that was named, in bytes.
    public let expected: Int64
    /// Its size now, in bytes.
    public let found: Int64

    public var description: String { "\(path) has changed: it has \(found) bytes, but had \(expected)" }

    /// What to do.
    public var hint: String { "Try again when nothing writes to it." }
}

extension RetryPolicy.Failure {
    /// What an error in the middle of an upload means; nil where going on makes no sense. A conflict means that the server has another
    /// offset than we thought, or has not noticed yet that our last connection broke.
    init?(uploading error: any Error) {
        if let error = error as? CatapultError, error.status == 409 {
            self = .status(503, retryAfter: error.retryAfter)
        } else {
            self.init(error)
        }
    }
}
