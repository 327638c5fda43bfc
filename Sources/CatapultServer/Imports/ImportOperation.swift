import CatapultAPI
import ModelFiles
import SQLDatabase

/// The work of an import. An attempt that was cut short leaves what has arrived, and the next one goes on from there.
struct ImportOperation: OperationHandler {
    static let kind = OperationKind.import

    let concurrency = 2
    let database: Database
    let store: BlobStore
    let hub: HubClient

    var storage: StoragePaths { store.storage }

    func run(_ run: OperationRun) async throws -> JSONValue {
        let call: ImportModel = try await run.input()
        return try await BlobStore.mappingProblems(doing: "importing") {
            let find =
                switch call.source {
                case .hub: try await fetch(call, run)
                case .cache: try await takeCache(call, run)
                case .gguf: try await takeGGUF(call, run)
                }
            try await run.progress(0.98, "registering \(find.modelName):\(find.version)")
            return Self.report(try await run.write { try ModelRegistrar.write(find, in: $0) }, of: find, in: run.log)
        }
    }

    /// The model and the version are written by the work itself, in one transaction.
    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {}

    /// Says what came of it, in the log and as the operation's result.
    private static func report(_ result: ModelRegistrar.Result, of find: ModelRegistrar.Find, in log: LogFile) -> JSONValue {
        let bytes = find.files.reduce(0) { $0 + $1.sizeBytes }
        log.append(
            "-- \(result.model.name):\(result.version.version) \(result.isNew ? "registered" : "was there already"): \(find.files.count) files, "
                + "\(ByteCount.text(bytes))\n")
        for problem in find.facts.problems { log.append("-- note: \(problem.path): \(problem.reason)\n") }
        return [
            "model_id": .string(result.model.id), "model_name": .string(result.model.name), "version_id": .string(result.version.id),
            "version": .string(result.version.version), "is_new": .bool(result.isNew), "files": .int(Int64(find.files.count)),
            "size_bytes": .int(bytes), "server_type": result.model.serverType.map { .string($0.rawValue) } ?? .null,
        ]
    }

    // MARK: What all sources share

    /// Files that are there, with their bytes known, and what they are called.
    struct Found {
        var name: String
        var version: String
        /// Folder of the files, and of the model where it is new; beneath the storage root.
        var folder: String
        var modelFolder: String
        var repository: String?
        var entries: [(path: String, place: BlobPlace)]
        /// Files beside the model that say something of it and are no part of it.
        var companions: [ModelFile] = []
        /// Where it came from: `metadata.import` of the version.
        var origin: [String: JSONValue]
    }

    /// Reads what the files say, and puts together what is registered.
    func describe(_ found: Found, _ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        try await run.progress(0.96, "reading what the files say")
        let root = storage.root
        let facts = try await BlockingCall.run {
            ModelInspector.facts(
                of: found.entries.map { ModelFile(path: $0.path, byteCount: $0.place.facts.size, location: "\(root)/\($0.place.path)") }
                    + found.companions)
        }
        let organization = found.repository?.split(separator: "/")
        return ModelRegistrar.Find(
            modelName: found.name, modelID: run.operation.subjectID, source: .manual, storagePath: found.modelFolder,
            versionPath: found.folder, version: found.version,
            files: found.entries.map { VersionFile(path: $0.path, sizeBytes: $0.place.facts.size, sha256: $0.place.sha256, stored: true) }
                .sorted { $0.path < $1.path },
            places: found.entries.map(\.place), facts: facts, repository: found.repository,
            company: organization.flatMap { $0.count == 2 ? String($0[0]) : nil }, serverType: call.serverType, tags: call.tags ?? [],
            metadata: ["import": .object(found.origin)])
    }

    /// - Throws: 403 where the server allows other licenses only.
    func check(license: String?, of name: String) throws(CatapultError) {
        guard let allowed = hub.configuration.allowedLicenses else { return }
        guard let license, allowed.contains(license.lowercased()) else {
            throw CatapultError(
                status: 403, code: "license_not_allowed", type: "AuthorizationError",
                message:
                    "\(name) has \(license.map { "the license \($0)" } ?? "no license that its files name"), which this server does not allow",
                field: "repository", hint: "Allowed are \(allowed.sorted().joined(separator: ", ")) (CATAPULT_ALLOWED_LICENSES).")
        }
    }
}

/// Says how far a transfer is, whenever another half percent is done: each word is a transaction.
actor ProgressMeter {
    private let verb: String
    private let total: Int64
    private let step: Int64
    private let tell: @Sendable (Double, String) async -> Void
    private var count: Int64 = 0
    private var told: Int64 = 0

    /// - Parameter verb: what is done to the bytes, such as `fetched`.
    init(_ verb: String, total: Int64, tell: @escaping @Sendable (Double, String) async -> Void) {
        self.verb = verb
        self.total = max(total, 1)
        step = max(self.total / 200, 1 << 20)
        self.tell = tell
    }

    func add(_ bytes: Int64) async {
        count += bytes
        guard count - told >= step || count >= total else { return }
        told = count
        await tell(min(Double(count) / Double(total), 1), "\(verb) \(ByteCount.text(count)) of \(ByteCount.text(total))")
    }
}
