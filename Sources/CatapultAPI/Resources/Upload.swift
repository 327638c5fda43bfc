/// A file on its way to the server in pieces, so that a broken connection loses nothing that was acknowledged.
public struct Upload: Codable, Sendable, Equatable {
    public var id: String
    public var state: UploadState
    public var sizeBytes: Int64
    public var sha256: String
    public var offset: Int64
    public var versionID: String?
    public var path: String?
    public var modelID: String?
    public var name: String?
    public var artifactID: String?
    public var message: String?
    public var createdBy: String?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var expiresAt: Timestamp

    /// An upload with all its parts.
    public init(
        id: String, state: UploadState, sizeBytes: Int64, sha256: String, offset: Int64, versionID: String?, path: String?,
        modelID: String?, name: String?, artifactID: String?, message: String?, createdBy: String?, createdAt: Timestamp,
        updatedAt: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.state = state
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.offset = offset
        self.versionID = versionID
        self.path = path
        self.modelID = modelID
        self.name = name
        self.artifactID = artifactID
        self.message = message
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.expiresAt = expiresAt
    }
}

extension Upload: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "state": "open while bytes are awaited, complete when the file is in its place.",
        "sizeBytes": Field("Size of the whole file in bytes.", .range(0...9e18)),
        "sha256": Field("SHA-256 of the whole file, 64 hexadecimal digits.", .text(.sha256)),
        "offset": "Bytes that are safely stored: send the rest from here.",
        "versionID": "UUID of the version that the file belongs to, or `model:version`.",
        "path": Field("Path in the version's list of files; absent for an artifact.", .length(1...1_000)),
        "modelID": "UUID or name of the model that the artifact belongs to.",
        "name": Field("Name of the artifact; absent for a file of a version.", .length(1...255)),
        "artifactID": "UUID of the artifact, once the upload is complete.",
        "message": "What became of it, in a sentence.",
        "createdBy": "Name of the key that began it.",
        "createdAt": "When it was begun.",
        "updatedAt": "When bytes last arrived.",
        "expiresAt": "When it is removed, unless more arrives before.",
    ]
}

/// Where an upload stands.
public enum UploadState: String, Codable, Sendable, CaseIterable {
    /// Bytes are awaited.
    case open
    /// The file is in its place.
    case complete
}
