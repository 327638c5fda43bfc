/// A stored file of its own: weights, a wheel, a report. Its bytes are known by their SHA-256 and never change.
public struct Artifact: Codable, Sendable, Equatable {
    public var id: String
    public var name: String
    public var filename: String
    public var artifactType: String
    public var filePath: String
    public var storagePath: String
    public var sizeBytes: Int64
    public var checksum: String
    public var checksumType: String
    public var platform: String?
    public var pythonVersion: String?
    public var metadata: [String: JSONValue]
    public var releaseID: String?
    public var versionID: String?
    public var modelID: String?
    public var releaseVersion: String?
    public var imageName: String?
    public var modelName: String?
    public var stored: Bool
    public var problem: String?
    public var verifiedAt: Timestamp?
    public var createdAt: Timestamp
    public var uploadedBy: String?

    /// An artifact with all its parts; the names that older clients know are filled from the others.
    public init(
        id: String, name: String, artifactType: String, filePath: String, sizeBytes: Int64, checksum: String, checksumType: String,
        platform: String?, pythonVersion: String?, metadata: [String: JSONValue], versionID: String?, modelID: String?, version: String?,
        modelName: String?, stored: Bool, problem: String?, verifiedAt: Timestamp?, createdAt: Timestamp, uploadedBy: String?
    ) {
        self.id = id
        self.name = name
        filename = name
        self.artifactType = artifactType
        self.filePath = filePath
        storagePath = filePath
        self.sizeBytes = sizeBytes
        self.checksum = checksum
        self.checksumType = checksumType
        self.platform = platform
        self.pythonVersion = pythonVersion
        self.metadata = metadata
        releaseID = versionID
        self.versionID = versionID
        self.modelID = modelID
        releaseVersion = version
        imageName = modelName
        self.modelName = modelName
        self.stored = stored
        self.problem = problem
        self.verifiedAt = verifiedAt
        self.createdAt = createdAt
        self.uploadedBy = uploadedBy
    }
}

extension Artifact: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "name": Field(
            "File name, under which it is downloaded; unique in its version, else in its model, else among the others.", .length(1...255)),
        "filename": Field("The same as name.", .length(1...255)),
        "artifactType": Field("What it is: wheel, sdist, tarball, singularity, binary or a word of your own.", .length(1...50)),
        "filePath": Field("Path of the file beneath the storage root.", .length(1...1_000)),
        "storagePath": Field("The same as file_path.", .length(1...1_000)),
        "sizeBytes": Field("Size in bytes.", .range(0...9e18)),
        "checksum": Field("Digest of the content, in hexadecimal.", .length(1...128)),
        "checksumType": Field("The algorithm of the checksum. Default sha256.", .length(1...50)),
        "platform": Field("Where it runs, such as any or linux_x86_64.", .length(0...100)),
        "pythonVersion": Field("The Python that it is for.", .length(0...50)),
        "metadata": "Free-form data; replaced as a whole.",
        "releaseID": "UUID of the version that it belongs to, or `model:version`.",
        "versionID": "The same as release_id.",
        "modelID": "UUID or name of the model that it belongs to.",
        "releaseVersion": "The version that it belongs to.",
        "imageName": "The same as model_name, for older clients.",
        "modelName": "Name of the model that it belongs to.",
        "stored": "Whether the server has checked and keeps the bytes; false for a mere record, or when they are damaged.",
        "problem": "What is wrong with the bytes, where verification found something.",
        "verifiedAt": "When the bytes were last read and found right.",
        "createdAt": "When it was registered.",
        "uploadedBy": "Name of the key that registered it.",
    ]
}

/// A folder of files that others provide, to be browsed and downloaded.
public struct ArtifactSource: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var description: String
    public var path: String
    public var available: Bool
    public var readonly: Bool

    /// A source.
    public init(id: String, name: String, description: String, path: String, available: Bool) {
        self.id = id
        self.name = name
        self.description = description
        self.path = path
        self.available = available
        readonly = true
    }

    public static let fields: [String: Field] = [
        "id": "Name of the source in paths.", "name": "Name for people.", "description": "What it holds.",
        "path": "Folder beneath the storage root.", "available": "Whether the folder is there.", "readonly": "Always true.",
    ]
}

/// One folder of a source.
public struct ArtifactSourceFolder: Codable, Sendable, Equatable, Documented {
    public var sourceID: String
    public var sourceName: String
    public var currentPath: String
    public var breadcrumbs: [Breadcrumb]
    public var folders: [Subfolder]
    public var files: [ArtifactSourceFile]
    public var readonly: Bool

    /// What a folder holds.
    public init(source: ArtifactSource, path: String, breadcrumbs: [Breadcrumb], folders: [Subfolder], files: [ArtifactSourceFile]) {
        sourceID = source.id
        sourceName = source.name
        currentPath = path
        self.breadcrumbs = breadcrumbs
        self.folders = folders
        self.files = files
        readonly = true
    }

    public static let fields: [String: Field] = [
        "sourceID": "Name of the source in paths.", "sourceName": "Name of the source for people.",
        "currentPath": "Path of this folder in the source; empty at the top.", "breadcrumbs": "The folders on the way here.",
        "folders": "Its folders.", "files": "Its files.", "readonly": "Always true.",
    ]

    /// A step on the way to a folder.
    public struct Breadcrumb: Codable, Sendable, Equatable, Documented {
        public var name: String
        public var path: String

        /// A step.
        public init(name: String, path: String) {
            self.name = name
            self.path = path
        }

        public static let fields: [String: Field] = ["name": "Name of the folder.", "path": "Its path in the source."]
    }

    /// A folder in a folder.
    public struct Subfolder: Codable, Sendable, Equatable, Documented {
        public var name: String
        public var path: String
        public var itemCount: Int

        /// A folder.
        public init(name: String, path: String, itemCount: Int) {
            self.name = name
            self.path = path
            self.itemCount = itemCount
        }

        public static let fields: [String: Field] = [
            "name": "Name of the folder.", "path": "Its path in the source.", "itemCount": "How many files and folders it has.",
        ]
    }
}

/// A file of a source.
public struct ArtifactSourceFile: Codable, Sendable, Equatable, Documented {
    public var name: String
    public var path: String
    public var sizeBytes: Int64
    public var modifiedAt: Double
    public var fileType: String

    /// A file.
    public init(name: String, path: String, sizeBytes: Int64, modifiedAt: Double, fileType: String) {
        self.name = name
        self.path = path
        self.sizeBytes = sizeBytes
        self.modifiedAt = modifiedAt
        self.fileType = fileType
    }

    public static let fields: [String: Field] = [
        "name": "Name of the file.", "path": "Its path in the source.", "sizeBytes": "Size in bytes.",
        "modifiedAt": "When it was last changed, in seconds since 1970.", "fileType": "wheel, or unknown.",
    ]
}

/// All files of a source.
public struct ArtifactSourceFiles: Codable, Sendable, Equatable, Documented {
    public var sourceID: String
    public var sourceName: String
    public var files: [ArtifactSourceFile]
    public var total: Int
    public var readonly: Bool

    /// The files of a source, sorted by path.
    public init(source: ArtifactSource, files: [ArtifactSourceFile]) {
        sourceID = source.id
        sourceName = source.name
        self.files = files
        total = files.count
        readonly = true
    }

    public static let fields: [String: Field] = [
        "sourceID": "Name of the source in paths.", "sourceName": "Name of the source for people.", "files": "All its files, by path.",
        "total": "How many there are.", "readonly": "Always true.",
    ]
}
