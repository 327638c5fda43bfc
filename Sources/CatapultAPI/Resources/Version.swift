/// An immutable state of a model: its files by digest, its quantization, its image.
public struct Version: Codable, Sendable, Equatable {
    public var id: String
    public var modelID: String
    public var imageID: String
    public var modelName: String
    public var imageName: String
    public var modelRepository: String
    public var imageRepository: String
    public var version: String
    public var tag: String
    public var digest: String
    public var quantization: String?
    public var sizeBytes: Int64?
    public var platform: String
    public var architecture: String
    public var os: String
    public var releaseNotes: String?
    public var metadata: [String: JSONValue]
    public var cephPath: String?
    public var mlflowURL: String?
    public var isRelease: Bool
    public var status: VersionStatus
    public var fileCount: Int
    public var missingFiles: Int
    public var aliases: [String]
    public var deprecation: Deprecation?
    public var createdAt: Timestamp

    /// A version with all its parts; the names that older clients know are filled from the model's.
    public init(
        id: String, modelID: String, modelName: String, modelStoragePath: String, version: String, tag: String, digest: String,
        quantization: String?, sizeBytes: Int64?, platform: String, architecture: String, os: String, releaseNotes: String?,
        metadata: [String: JSONValue], cephPath: String?, mlflowURL: String?, isRelease: Bool, status: VersionStatus, fileCount: Int,
        missingFiles: Int, aliases: [String] = [], deprecation: Deprecation? = nil, createdAt: Timestamp
    ) {
        self.id = id
        self.modelID = modelID
        imageID = modelID
        self.modelName = modelName
        imageName = modelName
        modelRepository = modelStoragePath
        imageRepository = modelStoragePath
        self.version = version
        self.tag = tag
        self.digest = digest
        self.quantization = quantization
        self.sizeBytes = sizeBytes
        self.platform = platform
        self.architecture = architecture
        self.os = os
        self.releaseNotes = releaseNotes
        self.metadata = metadata
        self.cephPath = cephPath
        self.mlflowURL = mlflowURL
        self.isRelease = isRelease
        self.status = status
        self.fileCount = fileCount
        self.missingFiles = missingFiles
        self.aliases = aliases
        self.deprecation = deprecation
        self.createdAt = createdAt
    }
}

extension Version: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID; older clients call it release_id.",
        "modelID": "UUID of the model.",
        "imageID": "The same as model_id, for older clients.",
        "modelName": "Name of the model.",
        "imageName": "The same as model_name, for older clients.",
        "modelRepository": "Storage path of the model.",
        "imageRepository": "The same as model_repository, for older clients.",
        "version": Field("Version of the model, such as 1.0; unique per model and quantization.", .text(.version)),
        "tag": Field("Image tag that goes with the version. Default: the version.", .length(1...500)),
        "digest": Field("SHA-256 over the list of files, or the digest that the client gave.", .length(1...255)),
        "quantization": Field("Number format of the weights, such as Q4_K_M.", .length(0...50)),
        "sizeBytes": Field("Size of all files in bytes.", .range(0...9e18)),
        "platform": Field("Operating system and architecture of the image. Default linux/amd64.", .length(1...100)),
        "architecture": Field("Processor architecture. Default amd64.", .length(1...100)),
        "os": Field("Operating system. Default linux.", .length(1...100)),
        "releaseNotes": Field("What changed.", .length(0...100_000)),
        "metadata": "Free-form data; `docker_image` names the image of the newest successful build.",
        "cephPath": Field("Folder of this version's files, beneath the storage root; the model's folder when absent.", .length(0...1_000)),
        "mlflowURL": Field("Page of the MLflow run or model that this version comes from.", .length(0...1_000)),
        "isRelease": "True when the version has been promoted to a release.",
        "status": "active; deprecated: works, with a warning; archived: can neither be deployed nor promoted.",
        "fileCount": "Number of files that belong to the version; 0 when they were never listed.",
        "missingFiles": "Number of listed files that have not arrived yet; a build needs 0.",
        "aliases": "Aliases that point at the version, sorted; `latest` is not among them.",
        "deprecation": "Why a deprecated version should no longer be used; null for others.",
        "createdAt": "When the version was registered.",
    ]
}

/// Whether a version should still be used.
public enum VersionStatus: String, Codable, Sendable, CaseIterable {
    case active
    case deprecated
    case archived
}

/// One file of a version.
public struct VersionFile: Codable, Sendable, Equatable, Documented {
    public var path: String
    public var sizeBytes: Int64
    public var sha256: String
    public var stored: Bool?
    public var problem: String?

    /// A file by its relative path, size and digest.
    public init(path: String, sizeBytes: Int64, sha256: String, stored: Bool? = nil, problem: String? = nil) {
        self.path = path
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.stored = stored
        self.problem = problem
    }

    public static let fields: [String: Field] = [
        "path": Field("Path beneath the version's folder, with '/' between parts.", .length(1...1_000)),
        "sizeBytes": Field("Size in bytes.", .range(0...9e18)),
        "sha256": Field("SHA-256 of the content, 64 hexadecimal digits.", .text(.sha256)),
        "stored": "In answers: whether the file has arrived and is whole, as far as is known.",
        "problem": "In answers: what verification found wrong with the file.",
    ]
}

/// Id and names of a version, for pickers.
public struct VersionOption: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var version: String
    public var tag: String
    public var imageName: String
    public var modelName: String

    /// An entry of a picker.
    public init(id: String, version: String, tag: String, modelName: String) {
        self.id = id
        self.version = version
        self.tag = tag
        imageName = modelName
        self.modelName = modelName
    }

    public static let fields: [String: Field] = [
        "id": "UUID of the version.", "version": "The version.", "tag": "Its tag.", "imageName": "The same as model_name.",
        "modelName": "Name of the model.",
    ]
}
