import CatapultAPI
import Crypto
import Glibc
import NIOCore

/// Fetches files of a hub's repository into the blob store: several parts at a time, what broke off goes on where it was, and no byte is
/// believed before its digest was checked.
struct HubFetch: Sendable {
    /// Connections at the same time.
    static let connections = 4
    /// How much is gathered before a thread writes it.
    private static let batchSize = 1 << 20

    let client: HubClient
    let store: BlobStore
    let repository: String
    let commit: String
    /// Folder of what has arrived in part, of this import alone.
    let folder: String
    /// Told of bytes as they arrive.
    let onBytes: @Sendable (Int64) async -> Void

    /// Fetches files.
    /// - Returns: their digests, in their order.
    func fetch(_ files: [HubRepository.File]) async throws -> [Blob] {
        let queue = try await Queue(files, folder: folder)
        await onBytes(queue.received)
        return try await withThrowingTaskGroup(of: [Int: Blob].self) { group in
            for _ in 0..<Self.connections {
                group.addTask {
                    var blobs: [Int: Blob] = [:]
                    while let job = await queue.next() {
                        if let part = job.part { try await fetch(part, of: files[job.file], into: job.partial) }
                        guard await queue.isComplete(job) else { continue }
                        if let blob = try await publish(files[job.file], job.partial) {
                            blobs[job.file] = blob
                        } else {
                            await queue.again(job.file)
                        }
                    }
                    return blobs
                }
            }
            var all: [Int: Blob] = [:]
            for try await blobs in group { all.merge(blobs) { $1 } }
            return try files.indices.map { index in
                guard let blob = all[index] else { throw HubProblem.unavailable("\(files[index].path) did not arrive") }
                return blob
            }
        }
    }

    /// What a file is called while it arrives: the same in each attempt, however many others are there by then.
    private static func name(of file: HubRepository.File) -> String {
        String(SHA256.hash(data: Array(file.path.utf8)).hexadecimal.prefix(32))
    }

    // MARK: Parts

    private func fetch(_ part: Int, of file: HubRepository.File, into partial: PartialFile) async throws {
        let range = partial.range(of: part)
        var offset = range.lowerBound
        let repeats = Repeats()
        while offset < range.upperBound {
            let start = offset
            do {
                let (count, problem) = try await client.read(
                    file.path, of: repository, at: commit, from: start, through: range.upperBound - 1
                ) { answer in try await receive(answer, from: start, to: range.upperBound, file, partial) }
                offset += count
                if count > 0 { repeats.reset() }
                if let problem, offset < range.upperBound { try await repeats.pause(after: problem) }
            } catch {
                try await repeats.pause(after: error)
            }
        }
        try await HashingPool.foreground.run { try partial.finish(part) }
    }

    /// Writes what arrives. An answer that breaks off still counts for what it brought.
    private func receive(
        _ answer: OutgoingClient.Answer, from start: Int64, to end: Int64, _ file: HubRepository.File, _ partial: PartialFile
    ) async throws -> (count: Int64, problem: (any Error)?) {
        // A server that knows no ranges sends all of the file: what lies before is passed over.
        var skip = answer.status == 200 ? start : 0
        if answer.status == 206 {
            guard let range = ContentRange(answer.headers.first(name: "content-range") ?? ""), range.start == start,
                range.total ?? file.size == file.size
            else { throw HubProblem.unavailable("it sent another part of \(file.path) than it was asked for") }
        }
        var written: Int64 = 0
        var gathered = ByteBuffer()
        func flush() async throws {
            guard gathered.readableBytes > 0 else { return }
            let (batch, offset) = (gathered, start + written)
            try await HashingPool.foreground.run { try partial.write(batch, at: offset) }
            written += Int64(batch.readableBytes)
            gathered = ByteBuffer()
            await onBytes(Int64(batch.readableBytes))
        }
        do {
            for try await buffer in answer.body {
                var buffer = buffer
                let passed = Int(min(skip, Int64(buffer.readableBytes)))
                buffer.moveReaderIndex(forwardBy: passed)
                skip -= Int64(passed)
                let room = end - start - written - Int64(gathered.readableBytes)
                if var piece = buffer.readSlice(length: Int(min(room, Int64(buffer.readableBytes)))) { gathered.writeBuffer(&piece) }
                if gathered.readableBytes >= Self.batchSize { try await flush() }
                if start + written + Int64(gathered.readableBytes) >= end { break }
            }
        } catch let error as FileProblem {
            throw error
        } catch {
            try Task.checkCancellation()
            try await flush()
            return (written, OutgoingProblem(error, host: "the hub"))
        }
        try await flush()
        // An answer that ended in order and early broke off all the same.
        return (written, start + written < end ? OutgoingProblem.unreachable(host: "the hub", reason: "the answer broke off") : nil)
    }

    // MARK: Digests

    /// Checks a file that is complete and makes it a blob; nil where its bytes are wrong for the first time and it must be fetched anew.
    private func publish(_ file: HubRepository.File, _ partial: PartialFile) async throws -> Blob? {
        let relative = store.storage.relative(partial.path)
        let opened = try await store.open(path: relative)
        let sha256 = try await HashingPool.foreground.digest(of: opened, length: file.size)
        if let wrong = try await mismatch(file, sha256, opened) {
            guard partial.mayBeWrongAgain() else {
                throw CatapultError(
                    status: 502, code: "hub_wrong_bytes", type: "ChecksumMismatchError",
                    message: "\(file.path) of \(repository) arrived twice with other bytes than the hub lists: \(wrong)",
                    hint: "Something on the way changes or damages it. Nothing was registered.", details: ["path": .string(file.path)])
            }
            try await HashingPool.foreground.run { try partial.reset() }
            return nil
        }
        // Kept unless it is published: where that fails, the next attempt need not fetch it again.
        let staged = try await HashingPool.foreground.run { try StagedFile(adopting: partial.path) }
        let blob = try await store.publish(staged, sha256: sha256, size: file.size) { blob, _ in blob }
        partial.removeList()
        return blob
    }

    private func mismatch(_ file: HubRepository.File, _ sha256: String, _ opened: OpenedFile) async throws -> String? {
        if let expected = file.sha256 { return expected == sha256 ? nil : "SHA-256 \(sha256) instead of \(expected)" }
        guard let expected = file.gitID else { return nil }
        let found = try await HashingPool.foreground.run { try Self.gitID(of: opened, size: file.size) }
        return found == expected ? nil : "Git id \(found) instead of \(expected)"
    }

    /// Git's id of a blob: SHA-1 over `blob <size>`, a zero byte and the content. Blocks.
    private static func gitID(of file: OpenedFile, size: Int64) throws -> String {
        var hash = Insecure.SHA1()
        hash.update(data: Array("blob \(size)\0".utf8))
        var offset: Int64 = 0
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while offset < size {
            let count = pread(file.descriptor, &chunk, Int(min(Int64(chunk.count), size - offset)), off_t(offset))
            guard count > 0 else { throw FileProblem(errno: errno, doing: "reading", file.path) }
            hash.update(data: chunk[..<count])
            offset += Int64(count)
        }
        return hash.finalize().hexadecimal
    }

    // MARK: Queue

    /// What is to be done, handed out part by part.
    private actor Queue {
        struct Job: Sendable {
            var file: Int
            /// Nil for an empty file, which only needs to be published.
            var part: Int?
            var partial: PartialFile
        }

        private var partials: [PartialFile]
        private var jobs: [Job] = []
        private var open: [Int: Int] = [:]
        nonisolated let received: Int64

        init(_ files: [HubRepository.File], folder: String) async throws {
            let partials = try await HashingPool.foreground.run {
                try files.map { try PartialFile(path: "\(folder)/\(HubFetch.name(of: $0))", size: $0.size) }
            }
            self.partials = partials
            received = partials.reduce(0) { $0 + $1.received }
            for index in files.indices { add(index) }
            jobs.reverse()
        }

        private func add(_ file: Int) {
            let parts: [Int?] = partials[file].missing
            let all = parts.isEmpty ? [nil] : parts
            open[file] = all.count
            jobs += all.map { Job(file: file, part: $0, partial: partials[file]) }
        }

        func next() -> Job? { jobs.popLast() }

        /// Notes that a job is done; true for the last one of its file.
        func isComplete(_ job: Job) -> Bool {
            open[job.file, default: 1] -= 1
            return open[job.file] == 0
        }

        func again(_ file: Int) { add(file) }
    }
}

/// The header of a part of a file: `bytes 0-99/1000` (RFC 9110, section 14.4).
struct ContentRange: Equatable {
    var start: Int64
    var end: Int64
    /// Nil where the server does not know the whole.
    var total: Int64?

    init?(_ text: String) {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2, bounds.count == 2, let start = bounds[0], let end = bounds[1], start >= 0, end >= start else { return nil }
        (self.start, self.end, total) = (start, end, Int64(parts[1]))
    }
}
