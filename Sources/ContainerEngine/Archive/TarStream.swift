import NIOCore

/// An archive as a sequence of bytes, read from the files as it is consumed. It can be iterated more than once, as long as the files stay the same.
///
/// The iteration throws ``TarError/changed(file:)`` where a file is not what it was when the archive was prepared, ``TarError/missing(file:)`` where it is
/// gone; the bytes that came before are then no complete archive.
public struct TarStream: AsyncSequence, Sendable {
    /// The bytes of a piece.
    public typealias Element = ByteBuffer

    /// The length of the whole archive.
    public let byteCount: Int64
    /// The paths of all entries, directories included, in the order of the archive.
    public var paths: [String] { items.map(\.header.path) }

    private let items: [TarPlan.Item]
    private let chunkBytes: Int
    /// Two empty blocks end an archive.
    private static let endBytes = 2 * TarHeader.blockBytes

    init(items: [TarPlan.Item], chunkBytes: Int) {
        self.items = items
        self.chunkBytes = chunkBytes
        byteCount = items.reduce(Int64(Self.endBytes)) { total, item in
            total + Int64(item.header.blocks.count) + item.header.size + Int64(TarHeader.padding(after: item.header.size))
        }
    }

    /// Begins at the first entry.
    public func makeAsyncIterator() -> Iterator {
        Iterator(items: items, chunkBytes: chunkBytes)
    }

    /// The state of one iteration.
    public struct Iterator: AsyncIteratorProtocol {
        private var items: ArraySlice<TarPlan.Item>
        private let chunkBytes: Int
        private var file: OpenTarFile?
        private var offset: Int64 = 0
        private var size: Int64 = 0
        private var isFinished = false

        init(items: [TarPlan.Item], chunkBytes: Int) {
            self.items = items[...]
            self.chunkBytes = chunkBytes
        }

        /// The next piece; nil at the end.
        public mutating func next() async throws -> ByteBuffer? {
            guard !isFinished else { return nil }
            do {
                if let file { return try await nextPiece(of: file) }
                return try await nextEntries()
            } catch {
                isFinished = true
                await file?.close()
                file = nil
                throw error
            }
        }

        /// Headers and contents in memory, gathered up to the next file.
        private mutating func nextEntries() async throws -> ByteBuffer {
            var output = ByteBuffer()
            while output.readableBytes < chunkBytes {
                guard let item = items.popFirst() else {
                    output.writeRepeatingByte(0, count: TarStream.endBytes)
                    isFinished = true
                    break
                }
                output.writeBytes(item.header.blocks)
                switch item.content {
                case .none:
                    break
                case .bytes(let bytes):
                    output.writeImmutableBuffer(bytes)
                    output.writeRepeatingByte(0, count: TarHeader.padding(after: item.header.size))
                case .file(let snapshot):
                    let opened = try await snapshot.open()
                    guard snapshot.size > 0 else {
                        await opened.close()
                        continue
                    }
                    file = opened
                    offset = 0
                    size = snapshot.size
                    return output
                }
            }
            return output
        }

        private mutating func nextPiece(of opened: OpenTarFile) async throws -> ByteBuffer {
            var piece = try await opened.read(at: offset, count: Swift.min(Int64(chunkBytes), size - offset))
            guard piece.readableBytes > 0 else { throw TarError.changed(file: opened.path) }
            offset += Int64(piece.readableBytes)
            if offset == size {
                // The contents may have changed between the pieces.
                try await opened.checkUnchanged()
                await opened.close()
                file = nil
                piece.writeRepeatingByte(0, count: TarHeader.padding(after: size))
            }
            return piece
        }
    }
}

@available(*, unavailable)
extension TarStream.Iterator: Sendable {}
