import ArgumentParser
import Catapult
import CatapultAPI
import _NIOFileSystem

/// `mcp artifact`.
struct ArtifactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "artifact", abstract: "Look after stored files: weights, wheels, reports.",
        subcommands: [
            ArtifactUpload.self, List.self, Show.self, ArtifactDownload.self, Register.self, Delete.self, ArtifactVerify.self,
            ArtifactGarbage.self,
        ]
    )

    struct List: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "List artifacts, newest first.")

        @Option(help: ArgumentHelp("Only those of this model and its versions.", valueName: "name")) var model: String?
        @Option(help: ArgumentHelp("Only those of this version.", valueName: "model:version")) var version: String?
        @Option(name: .customLong("type"), help: ArgumentHelp("Only this type.", valueName: "type")) var type: String?
        @Option(help: ArgumentHelp("Only those with this text in their name.", valueName: "text")) var search: String?
        @OptionGroup var pages: PageOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = ListArtifacts(
                page: pages.page, size: pages.limit, versionID: version, modelID: model, artifactType: type, search: search)
            try session.output.list(
                await session.connect().send(call), empty: "No artifacts yet. Store one with `mcp artifact upload FILE`.")
        }
    }

    struct Show: SessionCommand {
        static let configuration = CommandConfiguration(abstract: "Show an artifact.")

        @Argument(help: "Id.") var artifact: String
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            try session.output.show(await session.connect().send(GetArtifact(artifactID: artifact)))
        }
    }

    struct Register: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a file that lies beneath the server's storage root, without copying it.")

        @Argument(help: "Path beneath the storage root (`mcp system storage` shows it).") var path: String
        @Option(help: ArgumentHelp("SHA-256 that the file must have.", valueName: "digest")) var sha256: String?
        @OptionGroup var description: ArtifactDescription
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let call = RegisterArtifact(
                filePath: path, name: description.name, artifactType: description.type, checksum: sha256, platform: description.platform,
                pythonVersion: description.pythonVersion, versionID: description.version, modelID: description.model)
            let artifact = try await session.connect().send(call, timeout: .seconds(24 * 3_600))
            try session.output.done(artifact, "registered artifact \(artifact.name) (\(artifact.id)) where it lies")
        }
    }

    struct Delete: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an artifact; its bytes go with a later `artifact gc`, unless something else needs them.")

        @Argument(help: "Id.") var artifact: String
        @Flag(help: "Delete it although versions depend on it; their dependencies on it go, too. Needs the role admin.") var force = false
        @OptionGroup var confirmation: ConfirmOptions
        @OptionGroup var global: GlobalOptions

        func run(in session: Session) async throws {
            let client = try await session.connect()
            let known = try await client.send(GetArtifact(artifactID: artifact))
            try await session.confirm("Delete artifact \(SafeText.line(known.name))?", assumeYes: confirmation.yes)
            let call = DeleteArtifact(artifactID: known.id, force: force ? true : nil)
            try session.output.gone(await client.send(call), "deleted artifact \(SafeText.line(known.name))")
        }
    }
}

/// What a file is and belongs to.
struct ArtifactDescription: ParsableArguments {
    @Option(help: ArgumentHelp("Its name; the file's by default.", valueName: "name")) var name: String?
    @Option(
        name: .customLong("type"),
        help: ArgumentHelp("What it is, such as wheel or report; told from the name by default.", valueName: "type"))
    var type: String?
    @Option(help: ArgumentHelp("Where it runs, such as any or linux_x86_64.", valueName: "platform")) var platform: String?
    @Option(name: .customLong("python"), help: ArgumentHelp("The Python that it is for.", valueName: "version")) var pythonVersion: String?
    @Option(help: ArgumentHelp("The model that it belongs to.", valueName: "name")) var model: String?
    @Option(help: ArgumentHelp("The version that it belongs to.", valueName: "model:version")) var version: String?
}

/// `mcp artifact upload`.
struct ArtifactUpload: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Store a file of any size on the server.",
        discussion: "A broken connection is taken up again by itself; after an interruption the same command goes on where it stopped.")

    @Argument(help: "The file.", completion: .file()) var path: String
    @OptionGroup var description: ArtifactDescription
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let line = ProgressLine(session)
        defer { line.clear() }
        guard let file = try await LocalFiles.find(at: path).files.first, try await isFile else {
            throw Complaint(.usage, "\(path) is a folder", hint: "An artifact is one file; `mcp model register --path` takes folders.")
        }
        let hashing = TransferProgress("hashing", total: file.size, on: line)
        let digest = try await Digests.compute([file]) { done, file in hashing.show(file.path, done, step: "hashing \(file.path)") }
        let creation = CreateUpload(
            sizeBytes: file.size, sha256: digest.first?.sha256 ?? "", versionID: description.version, modelID: description.model,
            name: description.name ?? file.path, artifactType: description.type, platform: description.platform,
            pythonVersion: description.pythonVersion)
        let earlier = try await begun(creation, client)
        let progress = TransferProgress("uploading", total: file.size, skipped: earlier?.offset ?? 0, on: line)
        progress.show(file.path, 0, step: "uploading \(file.path) (\(ByteCount.text(file.size)))")
        let skipped = earlier?.offset ?? 0
        let upload = try await client.uploadFile(creation, file: file.location, continuing: earlier) {
            progress.show(file.path, $0 - skipped)
        }
        line.clear()
        guard let id = upload.artifactID else { throw AnswerError(request: "POST /api/v1/uploads", reason: "it names no artifact") }
        let artifact = try await client.send(GetArtifact(artifactID: id))
        try session.output.done(artifact, "stored artifact \(artifact.name) (\(artifact.id)), \(ByteCount.text(artifact.sizeBytes))")
    }

    private var isFile: Bool {
        get async throws { try await FileSystem.shared.info(forFileAt: FilePath(path))?.type == .regular }
    }

    /// The upload of the same file that an earlier run left open.
    private func begun(_ creation: CreateUpload, _ client: CatapultClient) async throws -> Upload? {
        try await client.send(ListUploads(limit: 1_000, state: .open, versionID: nil)).items.first {
            $0.name == creation.name && $0.sha256 == creation.sha256 && $0.sizeBytes == creation.sizeBytes && $0.path == nil
                && creation.versionID == nil && creation.modelID == nil && $0.versionID == nil && $0.modelID == nil
        }
    }
}

/// `mcp artifact download`.
struct ArtifactDownload: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Fetch an artifact and check its digest.",
        discussion: "A broken connection, or an interrupted earlier run, is taken up where it stopped.")

    @Argument(help: "Id.") var artifact: String
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where to write it: a file, or a folder that is there; the artifact's name by default.", valueName: "path"),
        completion: .file())
    var output: String?
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let known = try await client.send(GetArtifact(artifactID: artifact))
        let target = try await place(of: known)
        let line = ProgressLine(session)
        defer { line.clear() }
        let progress = TransferProgress("downloading", total: known.sizeBytes, on: line)
        progress.show(known.name, 0, step: "downloading \(known.name) (\(ByteCount.text(known.sizeBytes)))")
        let digest = known.checksumType == "sha256" ? known.checksum.lowercased() : nil
        try await client.downloadFile(DownloadArtifact(artifactID: known.id), to: target, sha256: digest) { progress.show(known.name, $0) }
        line.clear()
        try session.output.done(known, "wrote \(SafeText.line(target.string)), \(ByteCount.text(known.sizeBytes))")
    }

    /// The name comes from the server: it may not lead elsewhere.
    private func place(of artifact: Artifact) async throws -> FilePath {
        let isFolder =
            if let output { try await FileSystem.shared.info(forFileAt: FilePath(output))?.type == .directory } else { false }
        if let output, !isFolder { return FilePath(output) }
        let name = artifact.name
        guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0) else {
            throw Complaint(
                .usage, "the artifact's name \(name) cannot be a file's name", hint: "Say where to write it with --output FILE.")
        }
        return output.map { FilePath($0).appending(name) } ?? FilePath(name)
    }
}

/// `mcp artifact verify`.
struct ArtifactVerify: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Have the server read stored bytes again and compare them with their digests.",
        discussion: "Exits with the status of a failed operation where something is damaged.")

    @Argument(help: "Id of one artifact; everything without it.") var artifact: String?
    @Option(help: ArgumentHelp("Only the files of this model.", valueName: "name")) var model: String?
    @Option(help: ArgumentHelp("Only the files of this version.", valueName: "model:version")) var version: String?
    @Option(name: .customLong("older-than-hours"), help: ArgumentHelp("Only what was not verified for so long.", valueName: "hours"))
    var olderThanHours: Int?
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        let call = VerifyArtifacts(modelID: model, versionID: version, artifactID: artifact, olderThanHours: olderThanHours)
        let operation = try await client.send(call)
        guard !wait.detach else { return try session.output.done(operation, "operation \(operation.id) verifies") }
        let ended = try await session.follow(operation.id, with: client, timeout: wait.timeout?.duration)
        let text = VerificationText(result: ended.result ?? .null)
        if session.output.isForPeople, text.badFiles > 0 { session.output.table(text.table) }
        try session.output.done(ended, text.summary)
        guard text.badFiles == 0 else {
            throw Complaint(
                .operationFailed, text.summary, hint: "Send the damaged files again, with `mcp model register` or `mcp artifact upload`.")
        }
    }
}

/// `mcp artifact gc`.
struct ArtifactGarbage: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove stored bytes that nothing refers to any more.",
        discussion: "Files that were registered where they lie are never removed. --dry-run tells what would go, and why.")

    @Flag(name: .customLong("dry-run"), help: "Only report what would be removed.") var dryRun = false
    @Option(
        name: .customLong("grace-hours"),
        help: ArgumentHelp("How long bytes are kept after the last reference went; 24 by default.", valueName: "hours"))
    var graceHours: Double?
    @Option(
        name: .customLong("retention-hours"), help: ArgumentHelp("How long deleted artifacts are kept; 720 by default.", valueName: "hours")
    )
    var retentionHours: Double?
    @OptionGroup var confirmation: ConfirmOptions
    @OptionGroup var wait: WaitOptions
    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let client = try await session.connect()
        if !dryRun { try await session.confirm("Remove what nothing refers to? (`--dry-run` shows it first)", assumeYes: confirmation.yes) }
        let call = CollectGarbage(dryRun: dryRun ? true : nil, graceHours: graceHours, retentionHours: retentionHours)
        let operation = try await client.send(call)
        guard !wait.detach else { return try session.output.done(operation, "operation \(operation.id) collects garbage") }
        let ended = try await session.follow(operation.id, with: client, timeout: wait.timeout?.duration)
        let text = GarbageText(result: ended.result ?? .null)
        if session.output.isForPeople, !text.table.rows.isEmpty { session.output.table(text.table) }
        try session.output.done(ended, text.summary)
    }
}
