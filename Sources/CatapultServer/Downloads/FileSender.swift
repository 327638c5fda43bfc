import Glibc
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends part of a file as the body of an answer: by the kernel (sendfile) where the connection is a plain one, piece by piece otherwise.
struct FileSender: Sendable {
    /// How much the kernel is given at once; the next piece is fetched into its cache meanwhile.
    private static let pieceSize: Int64 = 4 << 20
    /// How much is read at once where bytes pass through this process.
    private static let chunkSize = 256 << 10

    let file: OpenedFile
    let range: Range<Int64>
    let channel: any Channel

    /// The body; its length is known.
    var body: ResponseBody {
        ResponseBody(contentLength: Int(range.count)) { writer in
            if try await canBypass() { try await sendByKernel() } else { try await copy(to: &writer) }
            try await writer.finish(nil)
        }
    }

    /// Whether bytes may go straight to the socket, below the HTTP/1 encoder: connections of this server have one and no TLS; those of a test
    /// without sockets have none.
    private func canBypass() async throws -> Bool {
        try await channel.eventLoop.submit { [channel] in
            (try? channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)) != nil
        }.get()
    }

    private func sendByKernel() async throws {
        var offset = range.lowerBound
        try await fetch(from: offset)
        while offset < range.upperBound {
            let end = min(offset + Self.pieceSize, range.upperBound)
            // The event loop must not wait for the disk: while one piece is sent, the kernel fetches the next. And it would wait without end for
            // bytes that a file no longer has: files in place are not ours.
            try await fetch(from: end)
            try await write(offset..<end)
            offset = end
        }
    }

    private func fetch(from offset: Int64) async throws {
        try await HashingPool.foreground.run { [file, range] in
            guard let facts = FileFacts(descriptor: file.descriptor), facts.size >= range.upperBound else {
                throw FileProblem.shortened(file.path)
            }
            _ = posix_fadvise(file.descriptor, off_t(offset), off_t(Self.pieceSize), POSIX_FADV_WILLNEED)
        }
    }

    private func write(_ piece: Range<Int64>) async throws {
        let copy = dup(file.descriptor)
        guard copy >= 0 else { throw FileProblem(errno: errno, doing: "sending", file.path) }
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: copy)
        let region = FileRegion(fileHandle: handle, readerIndex: Int(piece.lowerBound), endIndex: Int(piece.upperBound))
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in try? handle.close() }
        channel.eventLoop.execute { [channel] in
            do {
                let encoder = try channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
                encoder.writeAndFlush(NIOAny(IOData.fileRegion(region)), promise: promise)
            } catch {
                promise.fail(error)
            }
        }
        try await promise.futureResult.get()
    }

    private func copy(to writer: inout any ResponseBodyWriter) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let start = offset
            let wanted = Int(min(Int64(Self.chunkSize), range.upperBound - start))
            let buffer = try await HashingPool.foreground.run { [file] in
                var buffer = ByteBufferAllocator().buffer(capacity: wanted)
                try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
                    let count = pread(file.descriptor, bytes.baseAddress, wanted, off_t(start))
                    guard count >= 0 else { throw FileProblem(errno: errno, doing: "sending", file.path) }
                    guard count > 0 else { throw FileProblem.shortened(file.path) }
                    return count
                }
                return buffer
            }
            offset += Int64(buffer.readableBytes)
            try await writer.write(buffer)
            // The writer looks only at whether the connection takes more, and a busy event loop has not noticed yet what it got before.
            try await channel.eventLoop.submit {}.get()
        }
    }
}
