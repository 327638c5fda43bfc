import Catapult
import CatapultAPI

/// Sends the files of a version that the server lacks: several at once, each resumed where an earlier run left off, none whose bytes
/// the server has already.
struct VersionUpload: Sendable {
    /// What was done.
    struct Summary: Sendable, Equatable {
        var sentFiles = 0
        var sentBytes: Int64 = 0
        var knownFiles = 0
        var elapsed = Duration.zero

        /// The figures in words.
        var text: String {
            var parts: [String] = []
            if sentFiles > 0 {
                let time = TransferMeter.time(elapsed / .seconds(1))
                parts.append("uploaded \(ByteCount.text(sentBytes)) in \(time) (\(TransferMeter.rate(sentBytes, in: elapsed)))")
            }
            if knownFiles > 0 { parts.append("\(knownFiles) of the files were on the server already") }
            return parts.isEmpty ? "nothing had to be sent" : parts.joined(separator: ", ")
        }
    }

    /// Uploads at once: small files need several to fill the line, large ones do not mind.
    private static let mostAtOnce = 4

    let version: Version
    let files: [LocalFile]
    let digests: [VersionFile]

    func run(_ client: CatapultClient, _ session: Session) async throws -> Summary {
        let line = ProgressLine(session)
        defer { line.clear() }
        let progress = TransferProgress("uploading", total: files.reduce(0) { $0 + $1.size }, on: line)
        let digest = Dictionary(digests.map { ($0.path, $0.sha256) }) { $1 }
        let open = try await client.openUploads(to: version.id)
        var summary = Summary()
        try await withThrowingTaskGroup(of: (Int64, Bool).self) { group in
            // Large files first, so that the last one does not run alone.
            var waiting = files.sorted { $0.size > $1.size }[...]
            func addOne() {
                guard let file = waiting.popFirst() else { return }
                let earlier = open.first { $0.path == file.path && $0.sha256 == digest[file.path] && $0.sizeBytes == file.size }
                let creation = CreateUpload(
                    sizeBytes: file.size, sha256: digest[file.path] ?? "", versionID: version.id, path: file.path)
                group.addTask { try await send(file, creation, earlier, client, progress) }
            }
            for _ in 0..<Self.mostAtOnce { addOne() }
            while let (bytes, wasKnown) = try await group.next() {
                if wasKnown { summary.knownFiles += 1 } else { summary.sentFiles += 1 }
                summary.sentBytes += bytes
                addOne()
            }
        }
        summary.elapsed = progress.elapsed
        return summary
    }

    /// Bytes that were sent, and whether the server had the file already.
    private func send(
        _ file: LocalFile, _ creation: CreateUpload, _ earlier: Upload?, _ client: CatapultClient, _ progress: TransferProgress
    ) async throws -> (Int64, Bool) {
        let upload = if let earlier { earlier } else { try await client.send(creation) }
        if upload.state == .complete {
            progress.show(file.path, file.size, step: "the server has \(file.path) already")
            return (0, earlier == nil)
        }
        let from = upload.offset > 0 ? ", from \(ByteCount.text(upload.offset))" : ""
        progress.show(file.path, upload.offset, step: "uploading \(file.path) (\(ByteCount.text(file.size))\(from))")
        try await client.uploadFile(creation, file: file.location, continuing: upload) { progress.show(file.path, $0) }
        return (file.size - upload.offset, false)
    }
}

extension CatapultClient {
    /// The uploads to a version that somebody began and nobody ended.
    func openUploads(to version: String) async throws -> [Upload] {
        var found: [Upload] = []
        while true {
            let page = try await send(ListUploads(limit: 1_000, offset: found.count, state: .open, versionID: version))
            found += page.items
            if page.items.isEmpty || found.count >= page.total { return found }
        }
    }
}
