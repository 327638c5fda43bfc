import CatapultAPI
import SQLDatabase

extension ImportOperation {
    /// Beneath the storage root: files that were fetched, by repository and commit.
    static let folder = "imports"

    /// Brings a repository's files into the store, and links them into a folder of their own.
    ///
    /// The folder is called after repository and commit, which together say what every file in it is: nothing that an earlier import put there
    /// can be replaced by other bytes.
    func fetch(_ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        let repository = call.repository ?? ""
        let revision = call.revision ?? "main"
        try await run.progress(0, "asking the hub about \(repository)")
        let listing = try await hub.repository(repository, revision: revision)
        let files = try HubSelection.choose(listing.files, include: call.include, exclude: call.exclude)
        try check(license: listing.license, of: repository)
        guard files.allSatisfy({ $0.size >= 0 }) else { throw HubProblem.unavailable("it does not tell the sizes of the files") }
        let total = files.reduce(0) { $0 + $1.size }
        run.log.append("-- \(repository) at \(listing.commit): \(files.count) of \(listing.files.count) files, \(ByteCount.text(total))\n")
        let name = call.name ?? repository
        let version = call.version ?? String(listing.commit.prefix(12))
        try await requireFree(version, of: name, from: repository, at: listing.commit)
        let modelFolder = "\(Self.folder)/\(HubCache.folder(of: repository))"
        let folder = "\(modelFolder)/\(listing.commit)"

        var places = try await reuse(files, in: folder)
        let missing = files.indices.filter { places[$0] == nil }
        if missing.count < files.count { run.log.append("-- \(files.count - missing.count) files are known already\n") }
        let staging = try await ImportStaging(database: database, storage: storage)
            .open(for: run.operation.id, of: "\(repository)@\(listing.commit)")
        let wanted = missing.reduce(0) { $0 + files[$1].size }
        try await requireSpace(wanted - ImportStaging.arrived(in: staging))
        let meter = ProgressMeter("fetched", total: wanted) { share, text in try? await run.progress(0.02 + 0.93 * share, text) }
        let fetch = HubFetch(
            client: hub, store: store, repository: repository, commit: listing.commit, folder: staging, onBytes: { await meter.add($0) })
        for (index, blob) in zip(missing, try await fetch.fetch(missing.map { files[$0] })) {
            places[index] = try await link(blob, to: storage.resolve("\(folder)/\(files[index].path)"))
        }
        await ImportStaging.remove(staging)
        return try await describe(
            Found(
                name: name, version: version, folder: folder, modelFolder: modelFolder, repository: repository,
                entries: files.indices.map { index in
                    guard let place = places[index] else { throw HubProblem.unavailable("\(files[index].path) did not arrive") }
                    return (files[index].path, place)
                },
                origin: [
                    "source": "hub", "repository": .string(repository), "revision": .string(revision), "commit": .string(listing.commit),
                    "url": .string("\(hub.configuration.endpoint)/\(repository)/tree/\(listing.commit)"),
                    "license": listing.license.map(JSONValue.string) ?? .null,
                ]), call, run)
    }

    /// Refuses a version's name that something else has, before anything is fetched for it.
    private func requireFree(_ version: String, of name: String, from repository: String, at commit: String) async throws {
        let taken = try await database.read { connection in
            guard let model = try ModelStore.find(named: name, in: connection) else { return false }
            return try VersionStore.named(version, ofModelID: model.id, in: connection).contains { known in
                known.metadata["import"]?["repository"]?.stringValue != repository
                    || known.metadata["import"]?["commit"]?.stringValue != commit
            }
        }
        if taken { throw ModelRegistrar.taken(name, version) }
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
        return try await store.link(blob, to: path)
    }

    private func link(_ blob: Blob, to path: String) async throws -> BlobPlace {
        guard let place = try await linkIfKnown(blob, to: path) else { throw CatapultError.unknownBytes(blob.sha256) }
        return place
    }

    private func requireSpace(_ bytes: Int64) async throws {
        let root = storage.root
        let free = await FileSystemSpace.around(root).value()?.free
        guard bytes > 0, let free, free < bytes + bytes / 50 else { return }
        throw CatapultError(
            status: 507, code: "storage_full", type: "StorageError",
            message: "The import needs \(ByteCount.text(bytes)), and the storage root has \(ByteCount.text(free)) left",
            hint: "Free space (see `mcp system storage`), or import less with include patterns.",
            details: ["needed_bytes": .int(bytes), "free_bytes": .int(free)])
    }
}
