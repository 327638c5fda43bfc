import CatapultAPI
import Glibc
import ModelFiles
import SQLDatabase

/// The work of an import. An attempt that was cut short leaves what has arrived, and the next one goes on from there.
struct ImportOperation: OperationHandler {
    static let kind = OperationKind.import
    /// Beneath the storage root: files that were fetched, by model and version; and what has arrived in part.
    static let folder = "imports"

    let concurrency = 2
    let database: Database
    let store: BlobStore
    let hub: HubClient

    private var storage: StoragePaths { store.storage }

    func run(_ run: OperationRun) async throws -> JSONValue {
        let call: ImportModel = try await run.input()
        let find =
            switch call.source {
            case .hub: try await fetch(call, run)
            case .cache: try await takeCache(call, run)
            case .gguf: try await takeGGUF(call, run)
            }
        try await run.progress(0.98, "registering \(find.modelName):\(find.version)")
        let result = try await ModelRegistrar(database: database).register(find)
        let bytes = find.files.reduce(0) { $0 + $1.sizeBytes }
        run.log.append(
            "-- \(result.model.name):\(result.version.version) \(result.isNew ? "registered" : "was there already"): \(find.files.count) files, "
                + "\(ByteCount.text(bytes))\n")
        for problem in find.facts.problems { run.log.append("-- note: \(problem.path): \(problem.reason)\n") }
        return [
            "model_id": .string(result.model.id), "model_name": .string(result.model.name), "version_id": .string(result.version.id),
            "version": .string(result.version.version), "is_new": .bool(result.isNew), "files": .int(Int64(find.files.count)),
            "size_bytes": .int(bytes), "server_type": result.model.serverType.map { .string($0.rawValue) } ?? .null,
        ]
    }

    /// The model and the version are written by the work itself, in one transaction.
    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {}

    // MARK: From the hub

    private func fetch(_ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        let repository = call.repository ?? ""
        let revision = call.revision ?? "main"
        try await run.progress(0, "asking the hub about \(repository)")
        let listing = try await hub.repository(repository, revision: revision)
        let files = try HubSelection.choose(listing.files, include: call.include, exclude: call.exclude)
        try check(license: listing.license, of: repository)
        let total = files.reduce(0) { $0 + max($1.size, 0) }
        run.log.append("-- \(repository) at \(listing.commit): \(files.count) of \(listing.files.count) files, \(ByteCount.text(total))\n")
        guard files.allSatisfy({ $0.size >= 0 }) else { throw HubProblem.unavailable("it does not tell the sizes of the files") }

        let version = call.version ?? String(listing.commit.prefix(12))
        let name = call.name ?? repository
        let folder = "\(Self.folder)/\(name)/\(version)"
        let linked = try await reuse(files, in: folder)
        let missing = files.indices.filter { linked[$0] == nil }
        let wanted = missing.reduce(0) { $0 + files[$1].size }
        if missing.count < files.count { run.log.append("-- \(files.count - missing.count) files are known already\n") }
        try await requireSpace(wanted)
        let partial = "\(StoragePaths.reserved)/imports/\(run.operation.id)"
        let staging = "\(storage.root)/\(partial)"
        try await removeLeftovers()
        try await BlockingCall.run { try PrivateFile.makeDirectory(staging, mode: 0o750) }
        let meter = ProgressMeter(total: wanted) { share, text in try? await run.progress(0.02 + 0.93 * share, text) }
        let fetch = HubFetch(
            client: hub, store: store, repository: repository, commit: listing.commit, folder: staging, onBytes: { await meter.add($0) })
        let blobs = try await fetch.fetch(missing.map { files[$0] })
        var places = linked
        for (index, blob) in zip(missing, blobs) {
            let path = try storage.resolve("\(folder)/\(files[index].path)")
            places[index] = try await link(blob, to: path)
        }
        await Self.remove(staging)
        return try await find(
            call, run, name: name, version: version, folder: folder, storagePath: "\(Self.folder)/\(name)", repository: repository,
            entries: zip(files, files.indices).map { file, index in
                guard let place = places[index] else { throw HubProblem.unavailable("\(file.path) did not arrive") }
                return (file.path, place)
            },
            metadata: [
                "source": "hub", "repository": .string(repository), "revision": .string(revision), "commit": .string(listing.commit),
                "url": .string("\(hub.configuration.endpoint)/\(repository)/tree/\(listing.commit)"),
                "license": listing.license.map(JSONValue.string) ?? .null,
            ])
    }

    /// Links files whose bytes the store has already.
    private func reuse(_ files: [HubRepository.File], in folder: String) async throws -> [Int: BlobPlace] {
        var places: [Int: BlobPlace] = [:]
        for (index, file) in files.enumerated() {
            guard let sha256 = file.sha256 else { continue }
            let path = try storage.resolve("\(folder)/\(file.path)")
            if let place = try await linkIfKnown(Blob(sha256: sha256, sizeBytes: file.size), to: path) { places[index] = place }
        }
        return places
    }

    private func linkIfKnown(_ blob: Blob, to path: String) async throws -> BlobPlace? {
        guard try await database.read({ try BlobTable.find(blob.sha256, in: $0) }) != nil else { return nil }
        try await BlockingCall.run { try PrivateFile.makeDirectory(Self.parent(of: path)) }
        return try await store.link(blob, to: path)
    }

    private func link(_ blob: Blob, to path: String) async throws -> BlobPlace {
        guard let place = try await linkIfKnown(blob, to: path) else { throw CatapultError.unknownBytes(blob.sha256) }
        return place
    }

    private static func parent(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }

    private func requireSpace(_ bytes: Int64) async throws {
        let root = storage.root
        let free = await FileSystemSpace.around(root).value()?.free
        guard let free, free < bytes + bytes / 50 else { return }
        throw CatapultError(
            status: 507, code: "storage_full", type: "StorageError",
            message: "The import needs \(ByteCount.text(bytes)), and the storage root has \(ByteCount.text(free)) left",
            hint: "Free space (see `mcp system storage`), or import less with include patterns.",
            details: ["needed_bytes": .int(bytes), "free_bytes": .int(free)])
    }

    private func check(license: String?, of name: String) throws(CatapultError) {
        guard let allowed = hub.configuration.allowedLicenses else { return }
        guard let license, allowed.contains(license.lowercased()) else {
            throw CatapultError(
                status: 403, code: "license_not_allowed", type: "AuthorizationError",
                message:
                    "\(name) has \(license.map { "the license \($0)" } ?? "no license that its files name"), which this server does not allow",
                field: "repository", hint: "Allowed are \(allowed.sorted().joined(separator: ", ")) (CATAPULT_ALLOWED_LICENSES).")
        }
    }

    /// Removes what imports left that will not go on.
    private func removeLeftovers() async throws {
        let folder = "\(storage.root)/\(StoragePaths.reserved)/imports"
        let ids = try await BlockingCall.run { ServerTypeDetector.paths(in: folder, depth: 1) }
        for id in ids where Identifier.isUUID(id) {
            let isOver = try await database.read { try OperationStore.find(id, in: $0)?.state.isTerminal ?? true }
            if isOver { await Self.remove("\(folder)/\(id)") }
        }
    }

    /// Removes a folder of plain files; that it cannot be removed harms nobody.
    private static func remove(_ folder: String) async {
        try? await BlockingCall.run {
            for name in ServerTypeDetector.paths(in: folder, depth: 1) { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
    }

    // MARK: From this machine

    private func takeCache(_ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        let path = try storage.resolve(call.path ?? "")
        let cache = try await BlockingCall.run { try HubCache.find(at: path, repository: call.repository, revision: call.revision) }
        guard let name = call.name ?? cache.repository ?? path.split(separator: "/").last.map(String.init), TextRule.name.matches(name)
        else {
            throw CatapultError.invalid(field: "name", "The folder's name cannot be that of a model", hint: "Give the name of the model.")
        }
        let directory: ModelDirectory
        do {
            directory = try await BlockingCall.run { try ModelDirectory(path: cache.snapshot, boundary: cache.boundary) }
        } catch let error as ModelFileError {
            throw CatapultError.invalid(field: "path", "The folder cannot be read: \(error)", hint: "Name a folder of the cache.")
        }
        for skipped in directory.skipped { run.log.append("-- left out: \(skipped)\n") }
        let folder = storage.relative(cache.snapshot)
        return try await takeInPlace(
            call, run, directory.files, name: name, folder: folder, repository: cache.repository, commit: cache.commit,
            metadata: [
                "source": "hf-cache", "path": .string(folder), "repository": cache.repository.map(JSONValue.string) ?? .null,
                "commit": cache.commit.map(JSONValue.string) ?? .null,
            ])
    }

    private func takeGGUF(_ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        let path = try storage.resolve(call.path ?? "")
        let folder = Self.parent(of: path)
        let name = String(path.dropFirst(folder.utf8.count + 1))
        guard name.lowercased().hasSuffix(".gguf") else {
            throw CatapultError.invalid(field: "path", "\(name) is not called .gguf", hint: "Name a GGUF file, or the first of its shards.")
        }
        let there = try await BlockingCall.run {
            ServerTypeDetector.paths(in: folder, depth: 1).filter { $0.lowercased().hasSuffix(".gguf") }
        }
        guard let group = ShardGroup.groups(of: there).first(where: { $0.paths.contains(name) }) else {
            throw CatapultError.invalid(field: "path", "There is no file \(call.path ?? "")", hint: "Put it beneath the storage root.")
        }
        let files = group.paths.map { shard in
            ModelFile(path: shard, byteCount: FileFacts(path: "\(folder)/\(shard)")?.size ?? 0, location: "\(folder)/\(shard)")
        }
        let relative = storage.relative(folder)
        let stem = group.stem.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) && !"._-".contains($0) }.joined(separator: "-")
        return try await takeInPlace(
            call, run, files, name: call.name ?? stem, folder: relative, repository: nil, commit: nil,
            metadata: ["source": "gguf", "path": .string("\(relative)/\(name)")])
    }

    /// Registers files where they lie. Digests that the cache's names give are checked.
    private func takeInPlace(
        _ call: ImportModel, _ run: OperationRun, _ files: [ModelFile], name: String, folder: String, repository: String?, commit: String?,
        metadata: [String: JSONValue]
    ) async throws -> ModelRegistrar.Find {
        guard !files.isEmpty else {
            throw CatapultError.invalid(
                field: "path", "There are no files in \(call.path ?? "")", hint: "Name the folder of the model's files.")
        }
        if let allowed = hub.configuration.allowedLicenses, !allowed.isEmpty {
            let facts = try await BlockingCall.run { ModelInspector.facts(of: files) }
            try check(license: facts.license?.value, of: name)
        }
        let total = files.reduce(0) { $0 + $1.byteCount }
        let meter = ProgressMeter(total: total) { share, text in
            try? await run.progress(0.02 + 0.93 * share, text.replacing("fetched", with: "hashed"))
        }
        var entries: [(String, BlobPlace)] = []
        for file in files {
            let location = file.location ?? "\(storage.root)/\(folder)/\(file.path)"
            let expected = location.split(separator: "/").last.map(String.init).flatMap { TextRule.sha256.matches($0) ? $0 : nil }
            let place = try await store.register(location, expecting: expected, onSlice: { await meter.add($0) })
            entries.append((file.path, place))
        }
        let digest = ModelRegistrar.digest(of: entries.map { VersionFile(path: $0.0, sizeBytes: $0.1.facts.size, sha256: $0.1.sha256) })
        let version = call.version ?? String((commit ?? String(digest.dropFirst("sha256:".count))).prefix(12))
        return try await find(
            call, run, name: name, version: version, folder: folder, storagePath: folder, repository: repository, entries: entries,
            metadata: metadata)
    }

    private func find(
        _ call: ImportModel, _ run: OperationRun, name: String, version: String, folder: String, storagePath: String, repository: String?,
        entries: [(path: String, place: BlobPlace)], metadata: [String: JSONValue]
    ) async throws -> ModelRegistrar.Find {
        try await run.progress(0.96, "reading what the files say")
        let root = storage.root
        let facts = try await BlockingCall.run {
            ModelInspector.facts(
                of: entries.map { ModelFile(path: $0.path, byteCount: $0.place.facts.size, location: "\(root)/\($0.place.path)") })
        }
        let organization = repository?.split(separator: "/")
        return ModelRegistrar.Find(
            modelName: name, modelID: run.operation.subjectID, source: .manual, storagePath: storagePath, versionPath: folder,
            version: version,
            files: entries.map { VersionFile(path: $0.path, sizeBytes: $0.place.facts.size, sha256: $0.place.sha256, stored: true) }
                .sorted { $0.path < $1.path },
            places: entries.map(\.place), facts: facts, repository: repository,
            company: organization.flatMap { $0.count == 2 ? String($0[0]) : nil }, serverType: call.serverType, tags: call.tags ?? [],
            metadata: ["import": .object(metadata)])
    }
}

/// Says how far a transfer is, whenever another half percent is done: each word is a transaction.
actor ProgressMeter {
    private let total: Int64
    private let step: Int64
    private let tell: @Sendable (Double, String) async -> Void
    private var count: Int64 = 0
    private var told: Int64 = 0

    init(total: Int64, tell: @escaping @Sendable (Double, String) async -> Void) {
        self.total = max(total, 1)
        step = max(self.total / 200, 1 << 20)
        self.tell = tell
    }

    func add(_ bytes: Int64) async {
        count += bytes
        guard count - told >= step || count >= total else { return }
        told = count
        await tell(min(Double(count) / Double(total), 1), "fetched \(ByteCount.text(count)) of \(ByteCount.text(total))")
    }
}
