import CatapultAPI
import Logging
import ModelFiles
import SQLDatabase

/// Reads what the files of a model say, and writes it where nobody has said anything yet: into the model's empty fields, and into
/// `metadata.facts` of the model and of the version.
struct FactsRecorder: Sendable {
    let database: Database
    let storage: StoragePaths

    /// Reads and writes the facts of a version whose files are all there. Facts are a help: what cannot be read never fails the caller's work.
    func record(versionID: String, logger: Logger) async {
        do {
            let (version, listed) = try await database.read { connection in
                (try VersionStore.find(versionID, in: connection), try VersionStore.files(of: versionID, in: connection))
            }
            guard let version, version.missingFiles == 0 else { return }
            let files = try await files(of: version, listed: listed)
            guard !files.isEmpty else { return }
            let facts = try await BlockingCall.run { ModelInspector.facts(of: files) }
            try await database.write { connection in
                try Self.write(facts, paths: files.map(\.path), versionID: versionID, in: connection)
            }
        } catch {
            logger.warning("cannot read a version's facts", metadata: ["version": "\(versionID)", "error": "\(error)"])
        }
    }

    /// The facts of a folder, or of one file in it; nil where it is not there.
    func facts(ofFolder path: String) async -> (facts: ModelFacts, paths: [String])? {
        let root = storage.root
        return try? await BlockingCall.run {
            let files = try ModelDirectory(path: path, boundary: root, limits: Self.limits).files
            // A folder of folders of models says nothing about one model.
            guard files.contains(where: { !$0.path.contains("/") }) else { return nil }
            return (ModelInspector.facts(of: files), files.map(\.path))
        }
    }

    /// A request waits for this walk.
    private static var limits: ModelDirectory.Limits {
        var limits = ModelDirectory.Limits()
        limits.files = 10_000
        limits.depth = 3
        return limits
    }

    private func files(of version: Version, listed: [VersionFile]) async throws -> [ModelFile] {
        let folder = version.cephPath ?? version.modelRepository
        let storage = storage
        return try await BlockingCall.run {
            guard !listed.isEmpty else {
                return (try? ModelDirectory(path: storage.resolve(folder), boundary: storage.root, limits: Self.limits).files) ?? []
            }
            return listed.compactMap { file in
                guard let location = try? storage.resolve("\(folder)/\(file.path)") else { return nil }
                return ModelFile(path: file.path, byteCount: file.sizeBytes, location: location)
            }
        }
    }

    /// Writes facts into a version and its model.
    static func write(_ facts: ModelFacts, paths: [String], versionID: String, in connection: any SQLConnection) throws {
        guard var version = try VersionStore.find(versionID, in: connection) else { return }
        let json = facts.json
        if !json.isEmpty, version.metadata["facts"] != .object(json) {
            version.metadata["facts"] = .object(json)
            try VersionStore.update(version, in: connection)
        }
        guard var model = try ModelStore.find(version.modelID, in: connection), model.learn(facts, paths: paths) else { return }
        model.updatedAt = .now
        try ModelStore.update(model, in: connection)
    }
}
