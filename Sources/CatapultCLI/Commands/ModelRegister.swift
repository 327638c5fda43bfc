import ArgumentParser
import Catapult
import CatapultAPI
import _NIOFileSystem

/// `mcp model register`: from files to a version.
struct ModelRegister: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Register a model's files as a version.",
        discussion: """
            Makes the model unless it exists, and the version with a SHA-256 digest of every file. Files beneath the server's storage root \
            (`mcp system storage`) stay where they are; others are uploaded, except those whose bytes the server has already. Running it \
            again resumes what was interrupted, in the middle of a file as well, and changes nothing once all is there. What version \
            control and caches keep (.git, .cache, __pycache__ …) is left out. Links are followed within the folder, and within the cache \
            of a hub for a snapshot of it.
            """
    )

    @Option(help: ArgumentHelp("Name of the model.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("The folder of the model's files, or one file.", valueName: "path"), completion: .file())
    var path: String

    @Option(help: ArgumentHelp("The version, such as 1.0.", valueName: "version"))
    var version: String

    @Option(help: ArgumentHelp("What the model is for.", valueName: "text"))
    var description: String?

    @Option(name: .customLong("tag"), help: ArgumentHelp("A word to find the model by; may be repeated.", valueName: "word"))
    var tags: [String] = []

    @Option(
        name: .customLong("server-type"),
        help: ArgumentHelp("The kind of server; the server finds it from the files by itself.", valueName: "type"))
    var serverType: ServerType?

    @Option(help: ArgumentHelp("Number format of the weights, such as Q4_K_M.", valueName: "text"))
    var quantization: String?

    @Option(help: ArgumentHelp("What changed in this version.", valueName: "text"))
    var notes: String?

    @Option(
        name: .customLong("exclude"),
        help: ArgumentHelp("Leave out what matches, such as '*.bin' or 'original/*'; may be repeated.", valueName: "pattern"))
    var excluded: [String] = []

    @Flag(help: "Let the server read files that stay where they are, and check their digests.")
    var verify = false

    @OptionGroup var global: GlobalOptions

    func run(in session: Session) async throws {
        let found = try await LocalFiles.find(at: path, excluding: excluded)
        if !found.skipped.isEmpty { session.output.note("left out: \(found.skipped.joined(separator: ", "))", .dim) }
        let client = try await session.connect()
        let storage = try await client.send(GetStorage())
        let files = try await hash(found, session)

        let place = StoragePlace(folder: found.folder, root: LocalFiles.realPath(storage.root), model: name, version: version)
        let existing = try await client.find(GetVersion(versionID: "\(name):\(version)"))
        let registered: Version
        if let existing {
            registered = existing
        } else {
            registered = try await create(files, found, place, client)
        }

        var sent: VersionUpload.Summary?
        switch Registration(local: files, listed: try await client.send(ListVersionFiles(versionID: registered.id))) {
        case .complete where existing != nil:
            return try session.output.done(registered, "\(registered.handle) is already registered, nothing to do")
        case .complete: break
        case .incomplete(let missing):
            let wanted = Set(missing)
            sent = try await VersionUpload(version: registered, files: found.files.filter { wanted.contains($0.path) }, digests: files)
                .run(client, session)
        case .different(let difference):
            throw Complaint(
                .conflict, "\(registered.handle) is registered with other files: \(difference.text)",
                hint: "A version never changes: choose another --version, or look at `mcp version files \(registered.handle)`."
            )
        }
        let result = try await client.send(GetVersion(versionID: registered.id))
        if verify, place.isInPlace { try await check(result, client, session) }
        let how = sent?.text ?? (place.isInPlace ? "in place, nothing was copied" : "nothing had to be sent")
        try session.output.done(result, "registered \(result.handle): \(found.countText), \(ByteCount.text(found.totalSize)), \(how)")
        if session.output.isForPeople { session.output.note("next: mcp deploy --model \(result.handle) --environment staging", .dim) }
    }

    private func hash(_ found: LocalFiles, _ session: Session) async throws -> [VersionFile] {
        let line = ProgressLine(session)
        defer { line.clear() }
        let meter = TransferMeter(total: found.totalSize)
        let start = ContinuousClock.now
        return try await Digests.compute(found.files) { done, file in
            let detail = meter.text(done, after: ContinuousClock.now - start)
            line.show(
                ProgressBar(label: "hashing \(file.path)", fraction: meter.fraction(done), detail: detail),
                step: "hashing \(found.countText), \(ByteCount.text(found.totalSize))")
        }
    }

    /// Has the server read what lies beneath its storage root: what this machine saw there might be another file.
    private func check(_ version: Version, _ client: CatapultClient, _ session: Session) async throws {
        try await session.follow(client.send(VerifyArtifacts(versionID: version.id)).id, with: client)
    }

    /// Makes the model unless it is there, then the version. Another client may do the same at this moment: then its result is taken.
    private func create(_ files: [VersionFile], _ found: LocalFiles, _ place: StoragePlace, _ client: CatapultClient) async throws
        -> Version
    {
        let model: Model
        if let known = try await client.find(GetModel(modelID: name)) {
            model = known
        } else {
            let creation = CreateModel(
                name: name, storagePath: place.modelPath, description: description, tags: tags.isEmpty ? nil : tags, serverType: serverType
            )
            model = try await client.create(creation, orFind: GetModel(modelID: name))
        }
        let creation = CreateVersion(
            modelID: model.id, version: version, quantization: quantization, sizeBytes: found.totalSize, releaseNotes: notes,
            cephPath: place.versionPath, files: files
        )
        return try await client.create(creation, orFind: GetVersion(versionID: "\(name):\(version)"))
    }
}

extension CatapultClient {
    /// The answer of a read, or nil where the thing does not exist.
    func find<Call: APICall>(_ call: Call) async throws -> Call.Output? {
        do {
            return try await send(call)
        } catch let error as CatapultError where error.status == 404 {
            return nil
        }
    }

    /// Creates a thing, or finds the one that another client created in the meantime.
    func create<Creation: APICall, Read: APICall>(_ creation: Creation, orFind read: Read) async throws -> Creation.Output
    where Creation.Output == Read.Output {
        do {
            return try await send(creation)
        } catch let error as CatapultError where error.status == 409 {
            guard let known = try await find(read) else { throw error }
            return known
        }
    }
}
