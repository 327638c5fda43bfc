import CatapultAPI
import ModelFiles
import SQLDatabase

/// The work of a sync. Each folder is one transaction, and a folder that is done looks unchanged to the next attempt: so a sync that was killed
/// anywhere goes on where it was.
struct SyncOperation: OperationHandler {
    static let kind = OperationKind.sync
    /// Names of each kind that the report lists.
    private static let reported = 1_000

    let concurrency = 1
    let database: Database
    let store: BlobStore
    /// Absolute, beneath the storage root.
    let directory: String

    /// What changed, for the operation's result.
    private struct Report {
        var added: [String] = []
        var changed: [String] = []
        var restored: [String] = []
        var orphaned: [String] = []
        var left: [String] = []
        var unchanged = 0
        var problems: [(path: String, reason: String)] = []

        var json: JSONValue {
            func list(_ names: [String]) -> JSONValue { .array(names.prefix(SyncOperation.reported).map(JSONValue.string)) }
            return [
                "added": list(added), "changed": list(changed), "restored": list(restored), "orphaned": list(orphaned), "left": list(left),
                "unchanged": .int(Int64(unchanged)),
                "problems": .array(
                    problems.prefix(SyncOperation.reported).map { .object(["path": .string($0.path), "reason": .string($0.reason)]) }),
            ]
        }
    }

    func run(_ run: OperationRun) async throws -> JSONValue {
        let input: SyncInput = try await run.input()
        try await run.progress(0.01, "looking at the folders")
        let (storage, folder) = (store.storage, directory)
        let scan = try await BlockingCall.run { ModelFolderScan(directory: folder, storage: storage) }
        if scan.folders.isEmpty, scan.problems.isEmpty, input.allowEmpty != true { try await requireNothingLost() }
        let plan = try await plan(scan)
        var report = Report()
        report.problems = scan.problems
        let folders = Dictionary(scan.folders.map { ($0.path, $0) }) { first, _ in first }
        let work = plan.steps.count { if case .keep = $0 { false } else { true } }
        var done = 0
        for step in plan.steps {
            try Task.checkCancellation()
            if case .keep = step {
                report.unchanged += 1
                continue
            }
            do {
                try await take(step, folders, dryRun: input.dryRun, run, &report)
            } catch let error as CatapultError {
                report.problems.append((step.path, error.message))
            }
            done += 1
            try await run.progress(0.05 + 0.95 * Double(done) / Double(work), "\(done) of \(work): \(step.path)")
        }
        for problem in report.problems { run.log.append("-- \(problem.path): \(problem.reason)\n") }
        run.log.append(
            "-- \(input.dryRun ? "would have " : "")added \(report.added.count), changed \(report.changed.count), restored \(report.restored.count), "
                + "orphaned \(report.orphaned.count); \(report.unchanged) unchanged, \(report.problems.count) problems\n")
        var result = report.json.objectValue ?? [:]
        result["dry_run"] = .bool(input.dryRun)
        return .object(result)
    }

    /// Every folder was written as it was done.
    func finish(_ operation: Operation, _ outcome: OperationOutcome, in connection: any SQLConnection) throws {}

    /// An empty directory is more often a file system that is not mounted than the end of all models.
    private func requireNothingLost() async throws {
        let count = try await database.read { try SyncStore.countPresent(in: $0) }
        guard count > 0 else { return }
        throw CatapultError.conflict(
            "models_directory_empty", "The models directory is empty, and \(count) models of the registry came from it",
            hint:
                "Mount it. If the models are really gone, ask with allow_empty (`mcp model sync --allow-empty`): they are marked orphaned.",
            details: ["directory": .string(directory), "models": .int(Int64(count))])
    }

    private func plan(_ scan: ModelFolderScan) async throws -> SyncPlan {
        let (storage, directory) = (store.storage, directory)
        let relative = storage.relative(directory)
        let seen = scan.folders.map { SyncPlan.Seen(path: $0.path, name: $0.name, folder: $0.folder, fingerprint: $0.fingerprint) }
        let (synced, written, taken) = try await database.read { connection in
            let synced = try SyncStore.synced(in: connection)
            let written = try SyncStore.owned(beneath: ["\(relative)/", "\(directory)/", "./\(relative)/"], in: connection)
            var taken: Set<String> = []
            for folder in seen where synced[folder.path] == nil {
                if try ModelStore.find(named: folder.name, in: connection) != nil { taken.insert(folder.name) }
            }
            return (synced, written, taken)
        }
        // As paths beneath the root, however they were written.
        let owned = try await BlockingCall.run {
            let paths = written.compactMap { path, name in (try? storage.resolve(path)).map { (storage.relative($0), name) } }
            return Dictionary(paths) { first, _ in first }
        }
        return SyncPlan(seen: seen, synced: synced, owned: owned, taken: taken, unreadable: Set(scan.problems.map(\.path)))
    }

    private func take(
        _ step: SyncPlan.Step, _ folders: [String: ModelFolder], dryRun: Bool, _ run: OperationRun, _ report: inout Report
    ) async throws {
        switch step {
        case .keep: break
        case .leave(let path, let owner): report.left.append("\(path) (\(owner))")
        case .clash(let path, let name):
            report.problems.append((path, "a model \(name) exists already, and its files lie elsewhere"))
        case .add(let path), .change(let path):
            guard let folder = folders[path] else { return }
            let version = dryRun ? nil : try await register(folder, run)
            let name = version.map { "\(folder.name):\($0)" } ?? folder.name
            if case .add = step { report.added.append(name) } else { report.changed.append(name) }
        case .restore(let path):
            if !dryRun { try await run.write { try SyncStore.setMissing(false, path: path, in: $0) } }
            report.restored.append(folders[path]?.name ?? path)
        case .orphan(let path, let name):
            if !dryRun { try await run.write { try SyncStore.setMissing(true, path: path, in: $0) } }
            report.orphaned.append(name)
        }
    }

    /// Reads a folder's files and writes them as a version.
    /// - Returns: the name of the version.
    private func register(_ folder: ModelFolder, _ run: OperationRun) async throws -> String {
        run.log.append("-- reading \(folder.path)\n")
        var places: [BlobPlace] = []
        for file in folder.files { places.append(try await place(of: file)) }
        let files = zip(folder.files, places).map { file, place in
            VersionFile(path: file.path, sizeBytes: place.facts.size, sha256: place.sha256, stored: true)
        }
        let facts = try await BlockingCall.run { ModelInspector.facts(of: folder.files) }
        let version = String(ModelRegistrar.digest(of: files).dropFirst("sha256:".count).prefix(12))
        let find = ModelRegistrar.Find(
            modelName: folder.name, modelID: Identifier.make(), source: .filesystem, storagePath: folder.folder, versionPath: folder.folder,
            version: version, files: files, places: places, facts: facts, repository: folder.repository,
            company: folder.repository?.split(separator: "/").first.map(String.init),
            metadata: ["sync": ["path": .string(folder.path)]])
        return try await run.write { connection in
            // Somebody may have registered a model of this name since the plan was made: it is theirs.
            guard try SyncStore.isKnown(folder.path, in: connection) || ModelStore.find(named: folder.name, in: connection) == nil else {
                throw CatapultError.alreadyExists(.model, folder.name, hint: "Its files lie elsewhere: rename the folder or the model.")
            }
            let result = try ModelRegistrar.write(find, in: connection)
            try SyncStore.record(
                path: folder.path, modelID: result.model.id, version: result.version.version, fingerprint: folder.fingerprint,
                in: connection)
            try SyncStore.setMissing(false, path: folder.path, in: connection)
            return result.version.version
        }
    }

    /// Where a file's bytes were seen: as before where it looks as before, else after reading all of it.
    private func place(of file: ModelFile) async throws -> BlobPlace {
        guard let location = file.location else { throw CatapultError.invalid(field: "path", "\(file.path) does not lie on this server") }
        let relative = store.storage.relative(location)
        if let known = try await database.read({ try BlobTable.place(at: relative, in: $0) }), known.problem == nil {
            let facts = try await BlobStore.mappingProblems(doing: "reading \(relative)") { try await store.open(path: relative).facts }
            if facts.hasSameContent(as: known.facts) { return known }
        }
        return try await store.register(location, pool: .background)
    }
}

extension SyncPlan.Step {
    /// The folder that it is about.
    var path: String {
        switch self {
        case .add(let path), .change(let path), .restore(let path), .keep(let path), .orphan(let path, _), .leave(let path, _),
            .clash(let path, _):
            path
        }
    }
}
