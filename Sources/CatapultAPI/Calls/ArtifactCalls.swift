extension Catalogue {
    static let artifacts: [any APICall.Type] = [
        CreateArtifact.self, ListArtifacts.self, UploadArtifact.self, RegisterArtifact.self, VerifyArtifacts.self, CollectGarbage.self,
        ListArtifactSources.self, BrowseArtifactSource.self, DownloadSourceFile.self, ListSourceFiles.self, GetArtifact.self,
        UpdateArtifact.self, DeleteArtifact.self, DownloadArtifact.self, DownloadVersionFile.self, GetVersionManifest.self,
    ]
}

/// Records an artifact without looking at its bytes: `stored` is false until they were verified.
///
/// `name` or `filename`, and `file_path` or `storage_path` are required.
public struct CreateArtifact: APICall {
    public typealias Output = Artifact
    public static let route = Route.post("/artifacts")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Artifacts"
    public static let summary = "Record an artifact"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_artifact", .artifact)
    public static let alternatives = [["name", "filename"], ["filePath", "storagePath"]]

    public var name: String?
    public var filename: String?
    public var artifactType: String
    public var filePath: String?
    public var storagePath: String?
    public var sizeBytes: Int64
    public var checksum: String
    public var checksumType: String?
    public var platform: String?
    public var pythonVersion: String?
    public var metadata: [String: JSONValue]?
    public var releaseID: String?
    public var versionID: String?
    public var modelID: String?

    /// A call with its parameters.
    public init(
        name: String? = nil, filename: String? = nil, artifactType: String, filePath: String? = nil, storagePath: String? = nil,
        sizeBytes: Int64, checksum: String, checksumType: String? = nil, platform: String? = nil, pythonVersion: String? = nil,
        metadata: [String: JSONValue]? = nil, releaseID: String? = nil, versionID: String? = nil, modelID: String? = nil
    ) {
        self.name = name
        self.filename = filename
        self.artifactType = artifactType
        self.filePath = filePath
        self.storagePath = storagePath
        self.sizeBytes = sizeBytes
        self.checksum = checksum
        self.checksumType = checksumType
        self.platform = platform
        self.pythonVersion = pythonVersion
        self.metadata = metadata
        self.releaseID = releaseID
        self.versionID = versionID
        self.modelID = modelID
    }

    public static let fields: [String: Field] = Artifact.fields.picking(
        "name", "filename", "artifactType", "filePath", "storagePath", "sizeBytes", "checksum", "checksumType", "platform", "pythonVersion",
        "metadata", "releaseID", "versionID", "modelID")
}

/// Lists artifacts, newest first, without those that were deleted.
public struct ListArtifacts: PagedCall {
    public typealias Item = Artifact
    public typealias Output = Page<Artifact>
    public static let route = Route.get("/artifacts")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "List artifacts, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var releaseID: String?
    public var versionID: String?
    public var modelID: String?
    public var artifactType: String?
    public var platform: String?
    public var search: String?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        releaseID: String? = nil,
        versionID: String? = nil, modelID: String? = nil, artifactType: String? = nil, platform: String? = nil, search: String? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.releaseID = releaseID
        self.versionID = versionID
        self.modelID = modelID
        self.artifactType = artifactType
        self.platform = platform
        self.search = search
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "releaseID": "Only artifacts of this version.", "versionID": "The same as release_id.",
        "modelID": "Only artifacts of this model and its versions.",
        "artifactType": "Only artifacts of this type.", "platform": "Only artifacts for this platform.",
        "search": "Only artifacts with this text in their name.",
    ]) { $1 }
}

/// Shows an artifact.
public struct GetArtifact: APICall {
    public typealias Output = Artifact
    public static let route = Route.get("/artifacts/{artifact_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "Show an artifact"

    public var artifactID: String

    /// A call with its parameters.
    public init(artifactID: String) {
        self.artifactID = artifactID
    }

    public static let fields: [String: Field] = ["artifactID": "UUID of the artifact."]
}

/// Changes an artifact; what is absent stays. A new path must hold the same bytes.
public struct UpdateArtifact: APICall {
    public typealias Output = Artifact
    public static let route = Route.put("/artifacts/{artifact_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Artifacts"
    public static let summary = "Change an artifact"
    public static let audit: AuditAction? = AuditAction("update_artifact", .artifact)

    public var artifactID: String
    public var metadata: [String: JSONValue]?
    public var filePath: String?
    public var storagePath: String?

    /// A call with its parameters.
    public init(artifactID: String, metadata: [String: JSONValue]? = nil, filePath: String? = nil, storagePath: String? = nil) {
        self.artifactID = artifactID
        self.metadata = metadata
        self.filePath = filePath
        self.storagePath = storagePath
    }

    public static let fields: [String: Field] = Artifact.fields.picking("metadata", "filePath", "storagePath").merging([
        "artifactID": "UUID of the artifact."
    ]) { $1 }
}

/// Deletes an artifact; 409 with a list where versions depend on it. Its bytes are kept for the retention time; garbage collection removes them then, unless something else refers to them.
public struct DeleteArtifact: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/artifacts/{artifact_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Artifacts"
    public static let summary = "Delete an artifact"
    public static let audit: AuditAction? = AuditAction("delete_artifact", .artifact)
    public static let elevations = ["force": Role.admin]

    public var artifactID: String
    public var force: Bool?

    /// A call with its parameters.
    public init(artifactID: String, force: Bool? = nil) {
        self.artifactID = artifactID
        self.force = force
    }

    public static let fields: [String: Field] = [
        "artifactID": "UUID of the artifact.",
        "force": "Remove the dependencies of versions on it as well; needs the role admin.",
    ]
}

/// Stores an artifact. The body is a form (`multipart/form-data`) with a part `file` and the other fields as parts, or the bytes
/// alone (`application/octet-stream`) with the fields in the query.
public struct UploadArtifact: APICall {
    public typealias Output = Artifact
    public static let route = Route.post("/artifacts/upload")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Artifacts"
    public static let summary = "Upload an artifact"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("upload_artifact", .artifact)
    public static let requestBody = BodyForm.multipart

    public var name: String?
    public var filename: String?
    public var artifactType: String?
    public var platform: String?
    public var pythonVersion: String?
    public var releaseID: String?
    public var versionID: String?
    public var modelID: String?
    public var checksum: String?

    /// A call with its parameters.
    public init(
        name: String? = nil, filename: String? = nil, artifactType: String? = nil, platform: String? = nil, pythonVersion: String? = nil,
        releaseID: String? = nil, versionID: String? = nil, modelID: String? = nil, checksum: String? = nil
    ) {
        self.name = name
        self.filename = filename
        self.artifactType = artifactType
        self.platform = platform
        self.pythonVersion = pythonVersion
        self.releaseID = releaseID
        self.versionID = versionID
        self.modelID = modelID
        self.checksum = checksum
    }

    public static let fields: [String: Field] = Artifact.fields.picking(
        "artifactType", "platform", "pythonVersion", "releaseID", "versionID", "modelID"
    ).merging([
        "name": Field("Name of the artifact. Default: the file name of the form's part; required with bytes alone.", .length(1...255)),
        "filename": Field("The same as name.", .length(1...255)),
        "checksum": Field("SHA-256 that the bytes must have.", .text(.sha256)),
    ]) { $1 }
}

/// Registers a file that lies beneath the storage root, where it is: it is read once for its digest and not copied.
///
/// `file_path` or `storage_path` is required.
public struct RegisterArtifact: APICall {
    public typealias Output = Artifact
    public static let route = Route.post("/artifacts/register")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Artifacts"
    public static let summary = "Register a file where it lies"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("register_artifact", .artifact)
    public static let alternatives = [["filePath", "storagePath"]]

    public var filePath: String?
    public var storagePath: String?
    public var name: String?
    public var filename: String?
    public var artifactType: String?
    public var checksum: String?
    public var platform: String?
    public var pythonVersion: String?
    public var metadata: [String: JSONValue]?
    public var releaseID: String?
    public var versionID: String?
    public var modelID: String?

    /// A call with its parameters.
    public init(
        filePath: String? = nil, storagePath: String? = nil, name: String? = nil, filename: String? = nil, artifactType: String? = nil,
        checksum: String? = nil, platform: String? = nil, pythonVersion: String? = nil, metadata: [String: JSONValue]? = nil,
        releaseID: String? = nil, versionID: String? = nil, modelID: String? = nil
    ) {
        self.filePath = filePath
        self.storagePath = storagePath
        self.name = name
        self.filename = filename
        self.artifactType = artifactType
        self.checksum = checksum
        self.platform = platform
        self.pythonVersion = pythonVersion
        self.metadata = metadata
        self.releaseID = releaseID
        self.versionID = versionID
        self.modelID = modelID
    }

    public static let fields: [String: Field] = Artifact.fields.picking(
        "filePath", "storagePath", "artifactType", "platform", "pythonVersion", "metadata", "releaseID", "versionID", "modelID"
    ).merging([
        "name": Field("Name of the artifact. Default: the name of the file.", .length(1...255)),
        "filename": Field("The same as name.", .length(1...255)),
        "checksum": Field("SHA-256 that the file must have.", .text(.sha256)),
    ]) { $1 }
}

/// Sends the bytes of an artifact. Ranges (RFC 9110, section 14) and the conditions `If-None-Match`,
/// `If-Modified-Since` and `If-Range` are honoured; a verified file's ETag is its SHA-256.
public struct DownloadArtifact: APICall {
    public typealias Output = Streamed
    public static let route = Route.get("/artifacts/{artifact_id}/download")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "Download an artifact"
    public static let responseBody = BodyForm.bytes

    public var artifactID: String

    /// A call with its parameters.
    public init(artifactID: String) {
        self.artifactID = artifactID
    }

    public static let fields: [String: Field] = ["artifactID": "UUID of the artifact."]
}

/// Sends the bytes of a listed file of a version. Ranges (RFC 9110, section 14) and the conditions `If-None-Match`,
/// `If-Modified-Since` and `If-Range` are honoured; a verified file's ETag is its SHA-256.
public struct DownloadVersionFile: APICall {
    public typealias Output = Streamed
    public static let route = Route.get("/versions/{version_id}/files/{path...}", alias: "/releases/{version_id}/files/{path...}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "Download one file of a version"
    public static let responseBody = BodyForm.bytes

    public var versionID: String
    public var path: String

    /// A call with its parameters.
    public init(versionID: String, path: String) {
        self.versionID = versionID
        self.path = path
    }

    public static let fields: [String: Field] = [
        "versionID": "UUID of the version.",
        "path": Field("Path beneath the version's folder.", .length(1...1_000)),
    ]
}

/// Lists the digests of a version's files as `sha256sum` prints and checks them: a line `digest  path` per file.
public struct GetVersionManifest: APICall {
    public typealias Output = Streamed
    public static let route = Route.get("/versions/{version_id}/manifest", alias: "/releases/{version_id}/manifest")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "List a version's digests as sha256sum has them"
    public static let responseBody = BodyForm.text

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = ["versionID": "UUID of the version."]
}

/// Lists the folders of files that others provide.
public struct ListArtifactSources: APICall {
    public typealias Output = [ArtifactSource]
    public static let route = Route.get("/artifacts/sources/list")
    public static let access = Access.role(.viewer)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "List artifact sources"

    /// A call with its parameters.
    public init() {}

}

/// Lists one folder of a source.
public struct BrowseArtifactSource: APICall {
    public typealias Output = ArtifactSourceFolder
    public static let route = Route.get("/artifacts/sources/{source_id}/browse")
    public static let access = Access.role(.viewer)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "Browse an artifact source"

    public var sourceID: String
    public var path: String?

    /// A call with its parameters.
    public init(sourceID: String, path: String? = nil) {
        self.sourceID = sourceID
        self.path = path
    }

    public static let fields: [String: Field] = [
        "sourceID": "Name of the source.", "path": Field("Folder in the source; the top when absent.", .length(0...1_000)),
    ]
}

/// Sends a file of a source, with ranges as for artifacts.
public struct DownloadSourceFile: APICall {
    public typealias Output = Streamed
    public static let route = Route.get("/artifacts/sources/{source_id}/download")
    public static let access = Access.role(.viewer)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "Download a file of a source"
    public static let responseBody = BodyForm.bytes

    public var sourceID: String
    public var path: String

    /// A call with its parameters.
    public init(sourceID: String, path: String) {
        self.sourceID = sourceID
        self.path = path
    }

    public static let fields: [String: Field] = [
        "sourceID": "Name of the source.", "path": Field("The file in the source.", .length(1...1_000)),
    ]
}

/// Lists all files of a source by path.
public struct ListSourceFiles: APICall {
    public typealias Output = ArtifactSourceFiles
    public static let route = Route.get("/artifacts/sources/{source_id}/files")
    public static let access = Access.role(.viewer)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "Artifacts"
    public static let summary = "List all files of a source"

    public var sourceID: String

    /// A call with its parameters.
    public init(sourceID: String) {
        self.sourceID = sourceID
    }

    public static let fields: [String: Field] = ["sourceID": "Name of the source."]
}

/// Reads stored bytes again and compares them with their digests, as an operation: finds flipped bits, missing and changed files.
/// Without a selection everything is read.
public struct VerifyArtifacts: APICall {
    public typealias Output = Operation
    public static let route = Route.post("/artifacts/verify")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Artifacts"
    public static let summary = "Check stored bytes against their digests"
    public static let success = 202
    public static let audit: AuditAction? = AuditAction("verify_artifacts", .artifact)

    public var modelID: String?
    public var versionID: String?
    public var releaseID: String?
    public var artifactID: String?
    public var sha256: String?
    public var olderThanHours: Int?
    public var bytesPerSecond: Int64?

    /// A call with its parameters.
    public init(
        modelID: String? = nil, versionID: String? = nil, releaseID: String? = nil, artifactID: String? = nil, sha256: String? = nil,
        olderThanHours: Int? = nil, bytesPerSecond: Int64? = nil
    ) {
        self.modelID = modelID
        self.versionID = versionID
        self.releaseID = releaseID
        self.artifactID = artifactID
        self.sha256 = sha256
        self.olderThanHours = olderThanHours
        self.bytesPerSecond = bytesPerSecond
    }

    public static let fields: [String: Field] = [
        "modelID": "Only the files and artifacts of this model.", "versionID": "Only the files and artifacts of this version.",
        "releaseID": "The same as version_id.", "artifactID": "Only this artifact.",
        "sha256": Field("Only the bytes with this digest.", .text(.sha256)),
        "olderThanHours": Field("Only what was not verified for so many hours.", .range(0...1_000_000)),
        "bytesPerSecond": Field("How fast to read at most. Default: as fast as idle processors and disks allow.", .range(1...1e15)),
    ]
}

/// Removes stored bytes that nothing refers to any more, remains of broken uploads, and deleted artifacts whose retention is over, as an
/// operation. Files that were registered where they lie are never removed.
public struct CollectGarbage: APICall {
    public typealias Output = Operation
    public static let route = Route.post("/artifacts/gc")
    public static let access = Access.role(.admin)
    public static let needsWholeScope = true
    public static let effect = Effect.destructive
    public static let group = "Artifacts"
    public static let summary = "Remove what nothing refers to"
    public static let success = 202
    public static let audit: AuditAction? = AuditAction("collect_garbage", .artifact)

    public var dryRun: Bool?
    public var graceHours: Double?
    public var retentionHours: Double?

    /// A call with its parameters.
    public init(dryRun: Bool? = nil, graceHours: Double? = nil, retentionHours: Double? = nil) {
        self.dryRun = dryRun
        self.graceHours = graceHours
        self.retentionHours = retentionHours
    }

    public static let fields: [String: Field] = [
        "dryRun": "Only report what would be removed.",
        "graceHours": Field("How long bytes are kept after the last reference went. Default 24.", .range(0...100_000)),
        "retentionHours": Field("How long deleted artifacts are kept. Default 720 (30 days).", .range(0...1_000_000)),
    ]
}
