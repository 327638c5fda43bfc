import CatapultAPI
import ModelFiles

extension ImportOperation {
    /// Takes a snapshot of a hub's cache, or a plain folder, where it lies.
    func takeCache(_ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        let path = try storage.resolve(call.path ?? "")
        let storage = storage
        let cache = try await BlockingCall.run {
            try HubCache.find(at: path, repository: call.repository, revision: call.revision).resolved(beneath: storage)
        }
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
        let entries = try await register(directory.files, call, of: name, run)
        return try await describe(
            Found(
                name: name, version: call.version ?? Self.version(of: entries, commit: cache.commit), folder: folder, modelFolder: folder,
                repository: cache.repository, entries: entries,
                origin: [
                    "source": "hf-cache", "path": .string(folder), "repository": cache.repository.map(JSONValue.string) ?? .null,
                    "commit": cache.commit.map(JSONValue.string) ?? .null,
                ]), call, run)
    }

    /// Takes a GGUF file and its other shards where they lie. A model card beside them is read, and is no part of the version.
    func takeGGUF(_ call: ImportModel, _ run: OperationRun) async throws -> ModelRegistrar.Find {
        let given = call.path ?? ""
        _ = try storage.resolve(given)
        let parts = given.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.last.map(String.init), name.lowercased().hasSuffix(".gguf") else {
            throw CatapultError.invalid(
                field: "path", "\(given) is not called .gguf", hint: "Name a GGUF file, or the first of its shards.")
        }
        // The file may be a link, as in a hub's cache: its name is that of the link, and its shards lie beside that.
        let parent = parts.dropLast().joined(separator: "/")
        let folder = try storage.resolve(parent.isEmpty ? given.hasPrefix("/") ? "/" : "." : parent)
        let there = try await BlockingCall.run { ServerTypeDetector.paths(in: folder, depth: 1) }
        let groups = ShardGroup.groups(of: there.filter { $0.lowercased().hasSuffix(".gguf") })
        guard let group = groups.first(where: { $0.paths.contains(name) }) else {
            throw CatapultError.invalid(field: "path", "There is no file \(given)", hint: "Put it beneath the storage root.")
        }
        let files = try group.paths.map { try file($0, in: folder) }
        let cards = there.filter { ["readme.md", "license", "license.md", "license.txt"].contains($0.lowercased()) }
            .compactMap { try? file($0, in: folder) }.filter { groups.count == 1 || Self.hasFrontMatter($0) }
        let relative = storage.relative(folder)
        let stem = group.stem.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) && !"._-".contains($0) }.joined(separator: "-")
        let entries = try await register(files, call, of: call.name ?? stem, run, companions: cards)
        return try await describe(
            Found(
                name: call.name ?? stem, version: call.version ?? Self.version(of: entries, commit: nil), folder: relative,
                modelFolder: relative, repository: nil, entries: entries, companions: cards,
                origin: ["source": "gguf", "path": .string(relative.isEmpty ? name : "\(relative)/\(name)")]), call, run)
    }

    /// A file of a folder, links resolved; it must lie beneath the storage root.
    private func file(_ name: String, in folder: String) throws -> ModelFile {
        let location = try storage.resolve("\(folder)/\(name)")
        guard let facts = FileFacts(path: location) else { throw FileProblem.notAFile(name) }
        return ModelFile(path: name, byteCount: facts.size, location: location)
    }

    /// Whether a text is a model card: beside several models one without front matter says nothing of any of them.
    private static func hasFrontMatter(_ file: ModelFile) -> Bool {
        guard let location = file.location, let bytes = try? FileBytes(path: location) else { return false }
        return (try? bytes.read(at: 0, count: 3))?.elementsEqual("---".utf8) == true
    }

    /// Registers files where they lie. Digests that the cache's names give are checked.
    private func register(
        _ files: [ModelFile], _ call: ImportModel, of name: String, _ run: OperationRun, companions: [ModelFile] = []
    ) async throws -> [(path: String, place: BlobPlace)] {
        guard TextRule.name.matches(name) else {
            throw CatapultError.invalid(field: "name", "The file's name cannot be that of a model", hint: "Give the name of the model.")
        }
        guard !files.isEmpty else {
            throw CatapultError.invalid(
                field: "path", "There are no files in \(call.path ?? "")", hint: "Name the folder of the model's files.")
        }
        if hub.configuration.allowedLicenses != nil {
            let facts = try await BlockingCall.run { ModelInspector.facts(of: files + companions) }
            try check(license: facts.license?.value, of: name)
        }
        let meter = ProgressMeter("hashed", total: files.reduce(0) { $0 + $1.byteCount }) { share, text in
            try? await run.progress(0.02 + 0.93 * share, text)
        }
        var entries: [(path: String, place: BlobPlace)] = []
        for file in files {
            guard let location = file.location else { continue }
            let expected = location.split(separator: "/").last.map(String.init).flatMap { TextRule.sha256.matches($0) ? $0 : nil }
            entries.append((file.path, try await store.register(location, expecting: expected, onSlice: { await meter.add($0) })))
        }
        return entries
    }

    /// What a version is called that nobody named: after its commit, or after the digest over its files.
    private static func version(of entries: [(path: String, place: BlobPlace)], commit: String?) -> String {
        let files = entries.map { VersionFile(path: $0.path, sizeBytes: $0.place.facts.size, sha256: $0.place.sha256) }
        return String((commit ?? String(ModelRegistrar.digest(of: files).dropFirst("sha256:".count))).prefix(12))
    }
}
