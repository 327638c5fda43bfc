import AsyncHTTPClient
import CatapultAPI
import NIOCore
import _NIOFileSystem

extension CatapultClient {
    /// Sends a call whose body is the bytes of a file. The file is read while it is sent, in pieces of 256 KiB, however large it is.
    ///
    /// An upload is not repeated by itself once bytes were sent: `ListVersionFiles` says what has arrived.
    ///
    /// - Parameters:
    ///   - call: the call, such as `UploadVersionFile`.
    ///   - file: path of the file.
    ///   - progress: called with the bytes of the file that were handed to the network so far; again from 0 after a repetition.
    /// - Throws: `FileSystemError` where the file cannot be read; else as ``send(_:timeout:)``.
    public func upload<Call: APICall>(
        _ call: Call, file: FilePath, progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Call.Output {
        let wire = try WireRequest(call)
        let bytes = try await FileSystem.shared.withFileHandle(forReadingAt: file) { handle in
            let size = try await handle.info().size
            return try await retrier.run(effect: Call.effect) {
                var request = request(wire, timeout: nil)
                // A form would need its fields as parts; the bytes alone leave them in the query.
                request.headers.replaceOrAdd(name: "Content-Type", value: BodyForm.bytes.mediaType)
                let chunks = CountedChunks(chunks: handle.readChunks(in: 0..<size, chunkLength: .kibibytes(256)), progress: progress)
                request.body = .stream(chunks, length: .known(size))
                return try await transport.collect(request, upTo: options.longestAnswer)
            }
        }
        return try Self.decode(Call.Output.self, from: bytes, of: wire)
    }
}

/// The pieces of a file, reporting how far one has come.
struct CountedChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let chunks: FileChunks
    let progress: @Sendable (Int64) -> Void

    func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks.makeAsyncIterator(), progress: progress) }

    struct Iterator: AsyncIteratorProtocol {
        var chunks: FileChunks.AsyncIterator
        let progress: @Sendable (Int64) -> Void
        private var sent: Int64 = 0

        init(chunks: FileChunks.AsyncIterator, progress: @escaping @Sendable (Int64) -> Void) {
            self.chunks = chunks
            self.progress = progress
        }

        mutating func next() async throws -> ByteBuffer? {
            guard let chunk = try await chunks.next() else { return nil }
            sent += Int64(chunk.readableBytes)
            progress(sent)
            return chunk
        }
    }
}
