import CatapultAPI
import Crypto
import NIOCore
import NIOHTTP1
import _NIOFileSystem

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What arrived is not what was announced.
public struct DownloadMismatch: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file that was to be written.
    public let path: String
    /// SHA-256 that the bytes should have.
    public let expected: String
    /// SHA-256 that they have.
    public let found: String

    public var description: String { "\(path) arrived with SHA-256 \(found), but should have \(expected)" }

    /// What to do.
    public var hint: String {
        "What had arrived was removed; download it again, and have the server's copy checked (`mcp artifact verify`)."
    }
}

extension CatapultClient {
    /// Downloads the bytes of a call into a file, and goes on where a connection broke, also one of an earlier run.
    ///
    /// Bytes go to `FILE.part` first. The digest is made while they arrive, and only what is right is renamed to its name; a file that is
    /// there already is replaced. Memory stays the same whatever the size.
    ///
    /// - Parameters:
    ///   - call: the call, such as `DownloadArtifact`.
    ///   - file: where to write.
    ///   - sha256: the digest that the bytes must have, in lower-case hexadecimal; nil takes them as they come.
    ///   - progress: called with the bytes that are on this machine.
    /// - Returns: the SHA-256 of the file.
    /// - Throws: ``DownloadMismatch``; `FileSystemError`; else as ``send(_:timeout:)`` once nothing arrived `options.retry.attempts` times
    ///   in a row.
    @discardableResult
    public func downloadFile<Call: APICall>(
        _ call: Call, to file: FilePath, sha256: String? = nil, progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> String where Call.Output == Streamed {
        let part = FilePath(file.string + ".part")
        let digest = try await FileSystem.shared.withFileHandle(
            forReadingAndWritingAt: part, options: .modifyFile(createIfNecessary: true)
        ) { handle in
            var download = PartialDownload()
            // Without a digest nobody could tell whether the remains of an earlier run belong to the same file.
            if sha256 != nil { try await download.take(handle) } else { try await handle.resize(to: .zero) }
            try await fetch(call, into: handle, &download, progress)
            try await handle.synchronize()
            return download.hexDigest
        }
        if let sha256, digest != sha256 {
            _ = try await FileSystem.shared.removeItem(at: part)
            throw DownloadMismatch(path: file.string, expected: sha256, found: digest)
        }
        try rename(part, over: file)
        return digest
    }

    /// Asks for what is missing until all is there.
    private func fetch<Call: APICall>(
        _ call: Call, into handle: ReadWriteFileHandle, _ download: inout PartialDownload, _ progress: (Int64) -> Void
    ) async throws {
        let wire = try WireRequest(call)
        var failed = 0
        while true {
            let before = download.size
            do {
                return try await receive(wire, Call.responseBody, handle, &download, progress)
            } catch {
                failed = download.size > before ? 1 : failed + 1
                guard let failure = RetryPolicy.Failure(error),
                    let delay = options.retry.delay(after: failed, failure, effect: .read, jitter: jitter())
                else { throw error }
                try await clock.sleep(for: delay)
            }
        }
    }

    /// One answer, as far as it gets.
    private func receive(
        _ wire: WireRequest, _ form: BodyForm, _ handle: ReadWriteFileHandle, _ download: inout PartialDownload, _ progress: (Int64) -> Void
    ) async throws {
        var request = request(wire, accept: form, timeout: nil)
        if download.size > 0 {
            request.headers.add(name: "Range", value: "bytes=\(download.size)-")
            if let tag = download.tag { request.headers.add(name: "If-Range", value: tag) }
        }
        let answer: Transport.Answer
        do {
            answer = try await transport.open(request)
        } catch let error as CatapultError where error.status == 416 && download.size > 0 {
            // Nothing lies behind what is here: it is whole, or of another file, which the digest tells.
            return
        }
        if download.size > 0, !(answer.status == 206 && ContentRange.start(of: answer.headers) == download.size) {
            download = PartialDownload()
            try await handle.resize(to: .zero)
        }
        download.tag = answer.headers.first(name: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 } ?? download.tag
        var chunks = answer.body.makeAsyncIterator()
        while let chunk = try await transport.mapping(request.url, { try await chunks.next() }) {
            try await handle.write(contentsOf: chunk, toAbsoluteOffset: download.size)
            download.add(chunk)
            progress(download.size)
        }
    }
}

/// What is known of a file that has arrived in part.
private struct PartialDownload {
    var size: Int64 = 0
    /// The strong entity tag of the answer that the bytes came with (RFC 9110, section 8.8.3).
    var tag: String?
    private var digest = SHA256()

    mutating func add(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { digest.update(bufferPointer: $0) }
        size += Int64(bytes.readableBytes)
    }

    /// Takes over what an earlier run left.
    mutating func take(_ handle: ReadWriteFileHandle) async throws {
        for try await chunk in handle.readChunks(chunkLength: .mebibytes(1)) { add(chunk) }
    }

    var hexDigest: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4).
private enum ContentRange {
    static func start(of headers: HTTPHeaders) -> Int64? {
        guard let value = headers.first(name: "Content-Range"), value.hasPrefix("bytes ") else { return nil }
        return value.dropFirst(6).split(separator: "-").first.flatMap { Int64($0) }
    }
}

/// Gives a file another name, at once and over a file that may have it. A matter of names, so it may run in place.
private func rename(_ source: FilePath, over target: FilePath) throws {
    guard rename(source.string, target.string) == 0 else {
        throw FileSystemError(
            code: errno == ENOENT ? .notFound : .io, message: "cannot rename \(source) to \(target): \(String(cString: strerror(errno)))",
            cause: nil, location: .init(function: #function, file: #fileID, line: #line))
    }
}
