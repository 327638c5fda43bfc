extension Catalogue {
    static let uploads: [any APICall.Type] = [
        CreateUpload.self, ListUploads.self, GetUpload.self, WriteUpload.self, CompleteUpload.self, CancelUpload.self,
    ]
}

/// Begins an upload in pieces: of a listed file of a version (`version_id` and `path`), or of an artifact (`name` …). It is complete at
/// once where the server has the bytes already and the caller may read them.
public struct CreateUpload: APICall {
    public typealias Output = Upload
    public static let route = Route.post("/uploads")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Uploads"
    public static let summary = "Begin an upload in pieces"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_upload", .upload)
    public static let alternatives = [["path", "name"]]

    public var sizeBytes: Int64
    public var sha256: String
    public var versionID: String?
    public var releaseID: String?
    public var path: String?
    public var modelID: String?
    public var name: String?
    public var artifactType: String?
    public var platform: String?
    public var pythonVersion: String?
    public var metadata: [String: JSONValue]?

    /// A call with its parameters.
    public init(
        sizeBytes: Int64, sha256: String, versionID: String? = nil, releaseID: String? = nil, path: String? = nil, modelID: String? = nil,
        name: String? = nil, artifactType: String? = nil, platform: String? = nil, pythonVersion: String? = nil,
        metadata: [String: JSONValue]? = nil
    ) {
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.versionID = versionID
        self.releaseID = releaseID
        self.path = path
        self.modelID = modelID
        self.name = name
        self.artifactType = artifactType
        self.platform = platform
        self.pythonVersion = pythonVersion
        self.metadata = metadata
    }

    public static let fields: [String: Field] = Upload.fields.picking("sizeBytes", "sha256", "versionID", "path", "modelID", "name")
        .merging(
            Artifact.fields.picking("artifactType", "platform", "pythonVersion", "metadata")
        ) { first, _ in first }.merging(["releaseID": "The same as version_id."]) { $1 }
}

/// Lists uploads, newest first.
public struct ListUploads: PagedCall {
    public typealias Item = Upload
    public typealias Output = Page<Upload>
    public static let route = Route.get("/uploads")
    public static let access = Access.role(.operator)
    public static let effect = Effect.read
    public static let group = "Uploads"
    public static let summary = "List uploads, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var state: UploadState?
    public var versionID: String?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        state: UploadState? = nil,
        versionID: String? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.state = state
        self.versionID = versionID
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "state": "Only uploads in this state.", "versionID": "Only uploads to this version.",
    ]) { $1 }
}

/// Shows an upload, above all how many bytes have safely arrived.
public struct GetUpload: APICall {
    public typealias Output = Upload
    public static let route = Route.get("/uploads/{upload_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.read
    public static let group = "Uploads"
    public static let summary = "Show an upload and its offset"

    public var uploadID: String

    /// A call with its parameters.
    public init(uploadID: String) {
        self.uploadID = uploadID
    }

    public static let fields: [String: Field] = ["uploadID": "UUID of the upload."]
}

/// Sends the next bytes of an upload, as many as one likes. What arrived before a connection broke stays: ask for the offset and go on there.
/// 409 with `offset` in the answer where the offset is another, or somebody else is writing.
public struct WriteUpload: APICall {
    public typealias Output = Upload
    public static let route = Route.put("/uploads/{upload_id}/content")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Uploads"
    public static let summary = "Send the next bytes of an upload"
    public static let audit: AuditAction? = AuditAction("write_upload", .upload)
    public static let requestBody = BodyForm.bytes

    public var uploadID: String
    public var offset: Int64

    /// A call with its parameters.
    public init(uploadID: String, offset: Int64) {
        self.uploadID = uploadID
        self.offset = offset
    }

    public static let fields: [String: Field] = [
        "uploadID": "UUID of the upload.",
        "offset": Field("Where in the file the body begins: the upload's present offset.", .range(0...9e18)),
    ]
}

/// Ends an upload: the digest is checked, and the file goes to its place. 400 with a wrong digest; the upload then begins again at offset 0.
public struct CompleteUpload: APICall {
    public typealias Output = Upload
    public static let route = Route.post("/uploads/{upload_id}/complete")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Uploads"
    public static let summary = "Check an upload and put the file in its place"
    public static let audit: AuditAction? = AuditAction("complete_upload", .upload)

    public var uploadID: String

    /// A call with its parameters.
    public init(uploadID: String) {
        self.uploadID = uploadID
    }

    public static let fields: [String: Field] = ["uploadID": "UUID of the upload."]
}

/// Gives up an upload and removes what has arrived. A complete one is forgotten; its file stays.
public struct CancelUpload: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/uploads/{upload_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Uploads"
    public static let summary = "Give up an upload"
    public static let audit: AuditAction? = AuditAction("cancel_upload", .upload)

    public var uploadID: String

    /// A call with its parameters.
    public init(uploadID: String) {
        self.uploadID = uploadID
    }

    public static let fields: [String: Field] = ["uploadID": "UUID of the upload."]
}
