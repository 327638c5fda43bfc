import CatapultAPI
import Crypto
import ModelFiles
import SQLDatabase

/// Writes a model that was found with its files as a version: the last step of imports and of the sync.
enum ModelRegistrar {
    /// What was found.
    struct Find: Sendable {
        /// Name of the model, and the id that it gets where it is new.
        var modelName: String
        var modelID: String
        var source: ModelSource
        /// The model's folder, where it is new; and the version's.
        var storagePath: String
        var versionPath: String
        var version: String
        var files: [VersionFile]
        /// Where the files' bytes were seen.
        var places: [BlobPlace]
        var facts: ModelFacts
        var repository: String?
        var company: String?
        var serverType: ServerType?
        var tags: [String] = []
        var releaseNotes: String?
        /// Goes beside the facts into the version's metadata.
        var metadata: [String: JSONValue] = [:]
    }

    /// What came of it.
    struct Result: Sendable {
        var model: Model
        var version: Version
        /// False where the version was there already.
        var isNew: Bool
    }

    /// SHA-256 over the sorted lines `sha256  path\n`, as `sha256sum` prints them: the digest of a version.
    static func digest(of files: [VersionFile]) -> String {
        let text = files.sorted { $0.path < $1.path }.map { "\($0.sha256)  \($0.path)\n" }.joined()
        return "sha256:" + SHA256.hash(data: Array(text.utf8)).hexadecimal
    }

    /// Writes all of it. The same find again changes nothing.
    ///
    /// - Throws: 409 where the version's name is taken by other files.
    static func write(_ find: Find, in connection: any SQLConnection) throws -> Result {
        let digest = digest(of: find.files)
        let known = try ModelStore.find(named: find.modelName, in: connection)
        var model = known ?? newModel(find)
        if known != nil {
            if let same = try VersionStore.find(modelID: model.id, digest: digest, in: connection) {
                return Result(model: model, version: same, isNew: false)
            }
            let quantization = quantization(of: find.facts)
            if try VersionStore.find(modelID: model.id, version: find.version, quantization: quantization, in: connection) != nil {
                throw taken(find.modelName, find.version)
            }
        }
        model.learn(find.facts, paths: find.files.map(\.path))
        if known == nil {
            try ModelStore.insert(model, in: connection)
        } else {
            model.updatedAt = .now
            try ModelStore.update(model, in: connection)
        }
        let version = newVersion(find, of: model, digest: digest)
        try VersionStore.insert(version, files: find.files, in: connection)
        for place in find.places { try BlobTable.record(place, in: connection) }
        let reference = "\(model.name):\(version.version)"
        for sha256 in Set(find.files.map(\.sha256)) { _ = try BlobTable.reference(sha256, by: reference, in: connection) }
        return Result(model: try ModelStore.find(model.id, in: connection) ?? model, version: version, isNew: true)
    }

    /// 409: a version's name is that of other files.
    static func taken(_ model: String, _ version: String) -> CatapultError {
        .alreadyExists(
            .version, "\(model):\(version)", hint: "It has other files. A version never changes: give this one another name.")
    }

    private static func quantization(of facts: ModelFacts) -> String? {
        facts.quantization.flatMap { $0.value.unicodeScalars.count <= 50 ? $0.value : nil }
    }

    private static func newModel(_ find: Find) -> Model {
        let now = Timestamp.now
        // A person's words first, then those of the model card.
        var tags = find.tags
        for tag in find.facts.tags?.value ?? [] where tag.unicodeScalars.count <= 100 && !tags.contains(tag) && tags.count < 50 {
            tags.append(tag)
        }
        return Model(
            id: find.modelID, name: find.modelName, storagePath: find.storagePath, repository: find.repository, company: find.company,
            baseModel: nil, parameterCount: nil, description: nil, tags: tags, metadata: [:], requiresGPU: true,
            serverType: find.serverType, source: find.source, versionCount: 0, createdAt: now, updatedAt: now)
    }

    private static func newVersion(_ find: Find, of model: Model, digest: String) -> Version {
        var metadata = find.metadata
        if !find.facts.json.isEmpty { metadata["facts"] = .object(find.facts.json) }
        return Version(
            id: Identifier.make(), modelID: model.id, modelName: model.name, modelStoragePath: model.storagePath, version: find.version,
            tag: find.version, digest: digest, quantization: quantization(of: find.facts),
            sizeBytes: find.files.reduce(0) { $0 + $1.sizeBytes },
            platform: "linux/amd64", architecture: "amd64", os: "linux", releaseNotes: find.releaseNotes, metadata: metadata,
            cephPath: find.versionPath == model.storagePath ? nil : find.versionPath, mlflowURL: nil, isRelease: false, status: .active,
            fileCount: find.files.count, missingFiles: 0, createdAt: .now)
    }
}
