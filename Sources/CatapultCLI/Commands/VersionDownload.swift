import ArgumentParser
import Catapult
import CatapultAPI
import _NIOFileSystem

/// `mcp version download`.
struct VersionDownload: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Fetch the files of a version and check their digests.",
        discussion: "Running it again fetches only what is missing or differs, and goes on in the middle of a file.")

    @Argument(help: "MODEL, MODEL:VERSION or id.") var version: String
    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write to; it is made.", valueName: "folder"), completion: .directory)
    var output: String
    @OptionGroup var global: GlobalOptions

    /// Downloads at once.
    private static let mostAtOnce = 4

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let known = try await client.version(version)
        let files = try await client.send(ListVersionFiles(versionID: known.id))
        guard !files.isEmpty else {
            throw Complaint(.conflict, "\(known.handle) was registered without a list of files", hint: "There is nothing to download.")
        }
        if let missing = files.first(where: { $0.stored == false }) {
            throw Complaint(
                .conflict, "\(missing.path) of \(known.handle) is not on the server",
                hint: "Upload it with `mcp model register`, then try again.")
        }
        let targets = try files.map { ($0, try Self.target($0.path, in: output)) }
        let line = ProgressLine(session)
        defer { line.clear() }
        let missing = try await lacking(targets, line)
        let progress = TransferProgress("downloading", total: missing.reduce(0) { $0 + $1.0.sizeBytes }, on: line)
        try await fetch(missing, of: known, client, progress)
        line.clear()
        let here = files.count - missing.count
        let bytes = missing.reduce(0) { $0 + $1.0.sizeBytes }
        try session.output.done(
            known,
            "downloaded \(known.handle) to \(SafeText.line(output)): \(missing.count) \(missing.count == 1 ? "file" : "files"), "
                + ByteCount.text(bytes) + (here > 0 ? "; \(here) were there already" : ""))
    }

    /// The server's paths name places beneath the folder and nowhere else.
    static func target(_ path: String, in folder: String) throws -> FilePath {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }), !path.utf8.contains(0) else {
            throw AnswerError(request: "GET /api/v1/versions/{id}/files", reason: "the path \(path) leads out of the folder")
        }
        return parts.reduce(FilePath(folder)) { $0.appending(String($1)) }
    }

    /// The files that are not here, or not with their digest.
    private func lacking(_ targets: [(VersionFile, FilePath)], _ line: ProgressLine) async throws -> [(VersionFile, FilePath)] {
        var present: [LocalFile] = []
        for (file, target) in targets {
            let info = try await FileSystem.shared.info(forFileAt: target)
            guard let info, info.type == .regular, info.size == file.sizeBytes else { continue }
            present.append(LocalFile(location: target, path: file.path, size: file.sizeBytes))
        }
        let meter = TransferMeter(total: present.reduce(0) { $0 + $1.size })
        let digests = try await Digests.compute(present) { done, file in
            line.show(ProgressBar(label: "checking \(file.path)", fraction: meter.fraction(done)), step: "checking what is there already")
        }
        let right = Set(digests.map { "\($0.sha256) \($0.path)" })
        return targets.filter { !right.contains("\($0.0.sha256) \($0.0.path)") }
    }

    private func fetch(
        _ files: [(VersionFile, FilePath)], of version: Version, _ client: CatapultClient, _ progress: TransferProgress
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var waiting = files.sorted { $0.0.sizeBytes > $1.0.sizeBytes }[...]
            func addOne() {
                guard let (file, target) = waiting.popFirst() else { return }
                group.addTask {
                    try await FileSystem.shared.createFolders(target.removingLastComponent())
                    progress.show(file.path, 0, step: "downloading \(file.path) (\(ByteCount.text(file.sizeBytes)))")
                    let call = DownloadVersionFile(versionID: version.id, path: file.path)
                    try await client.downloadFile(call, to: target, sha256: file.sha256) { progress.show(file.path, $0) }
                }
            }
            for _ in 0..<Self.mostAtOnce { addOne() }
            while try await group.next() != nil { addOne() }
        }
    }
}

extension FileSystem {
    /// Makes a folder and those above it, unless they are there.
    fileprivate func createFolders(_ path: FilePath) async throws {
        guard try await info(forFileAt: path) == nil else { return }
        do {
            try await createDirectory(at: path, withIntermediateDirectories: true)
        } catch let error as FileSystemError where error.code == .fileAlreadyExists {
            // Another file's download made it meanwhile.
        }
    }
}
