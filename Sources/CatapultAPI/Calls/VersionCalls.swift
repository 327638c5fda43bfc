extension Catalogue {
    static let versions: [any APICall.Type] = [
        ListVersions.self, ListVersionOptions.self, GetLatestVersion.self, CreateVersion.self, GetVersion.self, UpdateVersion.self,
        DeleteVersion.self, ListVersionDeployments.self, ListVersionFiles.self, UploadVersionFile.self,
    ]
}

/// How calls describe the version that they are about.
let versionReference: Field =
    "UUID of the version, model:version (with @quantization where several have that version), model:alias, or the model's name for its newest version."

/// Registers a version of a model.
public struct CreateVersion: APICall {
    public typealias Output = Version
    public static let route = Route.post("/versions", alias: "/releases")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Register a version of a model"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_version", .version)
    public static let alternatives = [["modelID", "imageID", "modelName"]]

    public var modelID: String?
    public var imageID: String?
    public var modelName: String?
    public var version: String
    public var tag: String?
    public var digest: String?
    public var quantization: String?
    public var sizeBytes: Int64?
    public var platform: String?
    public var architecture: String?
    public var os: String?
    public var releaseNotes: String?
    public var metadata: [String: JSONValue]?
    public var cephPath: String?
    public var mlflowURL: String?
    public var isRelease: Bool?
    public var files: [VersionFile]?
    public var dependencies: [NewDependency]?
    public var autoBuild: Bool?
    public var buildConfig: AutoBuild?

    /// A call with its parameters.
    public init(
        modelID: String? = nil, imageID: String? = nil, modelName: String? = nil, version: String, tag: String? = nil,
        digest: String? = nil, quantization: String? = nil, sizeBytes: Int64? = nil, platform: String? = nil, architecture: String? = nil,
        os: String? = nil, releaseNotes: String? = nil, metadata: [String: JSONValue]? = nil, cephPath: String? = nil,
        mlflowURL: String? = nil, isRelease: Bool? = nil, files: [VersionFile]? = nil,
        dependencies: [NewDependency]? = nil, autoBuild: Bool? = nil, buildConfig: AutoBuild? = nil
    ) {
        self.modelID = modelID
        self.imageID = imageID
        self.modelName = modelName
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
        self.files = files
        self.dependencies = dependencies
        self.autoBuild = autoBuild
        self.buildConfig = buildConfig
    }

    public static let fields: [String: Field] = Version.fields.picking(
        "version", "tag", "digest", "quantization", "sizeBytes", "platform", "architecture", "os", "releaseNotes", "metadata", "cephPath",
        "mlflowURL", "isRelease"
    ).merging([
        "modelID": "UUID or name of the model; one of model_id, image_id and model_name is required.",
        "imageID": "The same as model_id.",
        "modelName": "The same as model_id.",
        "files": Field(
            "The files of the version. Files that are not beneath the storage root yet are uploaded afterwards.", .length(0...100_000)),
        "dependencies": Field("What the version was made from and needs.", .length(0...100)),
        "autoBuild": "Build the image at once; needs the role operator like a build. Default false.",
        "buildConfig": "How to build it; only with auto_build.",
    ]) { $1 }
}

/// How the image of a new version is built.
public struct AutoBuild: Codable, Sendable, Equatable, Documented {
    public var buildType: String?
    public var nocache: Bool?
    public var dockerfileContent: String?

    /// A way to build.
    public init(buildType: String? = nil, nocache: Bool? = nil, dockerfileContent: String? = nil) {
        self.buildType = buildType
        self.nocache = nocache
        self.dockerfileContent = dockerfileContent
    }

    public static let fields: [String: Field] = [
        "buildType": Field("Name of a template, or organic to choose it by the model's server type. Default organic.", .length(1...100)),
        "nocache": "Build without the engine's cache. Default false.",
        "dockerfileContent": Field("A Dockerfile to use instead of a template's.", .length(1...1_000_000)),
    ]
}

/// Lists versions of all models, newest first.
public struct ListVersions: PagedCall {
    public typealias Item = Version
    public typealias Output = Page<Version>
    public static let route = Route.get("/versions", alias: "/releases")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "List versions, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var modelName: String?
    public var imageName: String?
    public var modelID: String?
    public var version: String?
    public var environment: String?
    public var isRelease: Bool?
    public var status: VersionStatus?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        modelName: String? = nil, imageName: String? = nil, modelID: String? = nil, version: String? = nil, environment: String? = nil,
        isRelease: Bool? = nil, status: VersionStatus? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.modelName = modelName
        self.imageName = imageName
        self.modelID = modelID
        self.version = version
        self.environment = environment
        self.isRelease = isRelease
        self.status = status
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "modelName": "Only versions of the model with this name.",
        "imageName": "The same as model_name.",
        "modelID": "Only versions of the model with this UUID or name.",
        "version": "Only this version.",
        "environment": "Only versions with a deployment in this environment.",
        "isRelease": "Only releases, or only others.",
        "status": "Only versions of this status.",
    ]) { $1 }
}

/// Lists versions for pickers, newest first.
public struct ListVersionOptions: APICall {
    public typealias Output = [VersionOption]
    public static let route = Route.get("/versions/options", alias: "/releases/options")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "List ids and names of versions, newest first"

    /// The most options that an answer holds.
    public static let mostRows = 10_000

    public var modelName: String?
    public var limit: Int?

    /// A call with its parameters.
    public init(modelName: String? = nil, limit: Int? = nil) {
        self.modelName = modelName
        self.limit = limit
    }

    public static let fields: [String: Field] = [
        "modelName": "Only versions of the model with this name.",
        "limit": Field("The most options to return, 1 to 10000. Default 10000.", .range(1...Double(mostRows))),
    ]
}

/// Shows the newest version of a model.
public struct GetLatestVersion: APICall {
    public typealias Output = Version
    public static let route = Route.get("/versions/latest", alias: "/releases/latest")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "Show the newest version of a model"
    public static let alternatives = [["modelName", "imageName"]]

    public var modelName: String?
    public var imageName: String?
    public var environment: String?

    /// A call with its parameters.
    public init(modelName: String? = nil, imageName: String? = nil, environment: String? = nil) {
        self.modelName = modelName
        self.imageName = imageName
        self.environment = environment
    }

    public static let fields: [String: Field] = [
        "modelName": "Name of the model; required, or image_name.",
        "imageName": "The same as model_name.",
        "environment": "Only versions with a deployment in this environment.",
    ]
}

/// Shows a version.
public struct GetVersion: APICall {
    public typealias Output = Version
    public static let route = Route.get("/versions/{version_id}", alias: "/releases/{version_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "Show a version"

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference
    ]
}

/// Changes a version's notes, status and release mark; what is absent stays. What defines a version (digest, quantization, size,
/// platform, folder) can only be corrected until it is used for the first time.
public struct UpdateVersion: APICall {
    public typealias Output = Version
    public static let route = Route.put("/versions/{version_id}", alias: "/releases/{version_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Change or promote a version"
    public static let audit: AuditAction? = AuditAction("update_version", .version)

    public var versionID: String
    public var quantization: String?
    public var releaseNotes: String?
    public var metadata: [String: JSONValue]?
    public var status: VersionStatus?
    public var cephPath: String?
    public var mlflowURL: String?
    public var isRelease: Bool?
    public var digest: String?
    public var sizeBytes: Int64?
    public var platform: String?

    /// A call with its parameters.
    public init(
        versionID: String, quantization: String? = nil, releaseNotes: String? = nil, metadata: [String: JSONValue]? = nil,
        status: VersionStatus? = nil, cephPath: String? = nil, mlflowURL: String? = nil, isRelease: Bool? = nil, digest: String? = nil,
        sizeBytes: Int64? = nil, platform: String? = nil
    ) {
        self.versionID = versionID
        self.quantization = quantization
        self.releaseNotes = releaseNotes
        self.metadata = metadata
        self.status = status
        self.cephPath = cephPath
        self.mlflowURL = mlflowURL
        self.isRelease = isRelease
        self.digest = digest
        self.sizeBytes = sizeBytes
        self.platform = platform
    }

    public static let fields: [String: Field] = Version.fields.picking(
        "quantization", "releaseNotes", "metadata", "status", "cephPath", "mlflowURL", "isRelease", "digest", "sizeBytes", "platform"
    ).merging(["versionID": versionReference]) { $1 }
}

/// Deletes a version with its builds and recorded deployments. Refused while anything else refers to it.
public struct DeleteVersion: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/versions/{version_id}", alias: "/releases/{version_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Versions"
    public static let summary = "Delete a version"
    public static let audit: AuditAction? = AuditAction("delete_version", .version)
    public static let elevations = ["force": Role.admin]

    public var versionID: String
    public var force: Bool?

    /// A call with its parameters.
    public init(versionID: String, force: Bool? = nil) {
        self.versionID = versionID
        self.force = force
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference,
        "force":
            "Remove its aliases, and dependencies of others on it, as well; needs the role admin. Running deployments are never removed.",
    ]
}

/// Lists the deployments of a version, newest first.
public struct ListVersionDeployments: APICall {
    public typealias Output = [Deployment]
    public static let route = Route.get("/versions/{version_id}/deployments", alias: "/releases/{version_id}/deployments")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "List the deployments of a version"

    public var versionID: String
    public var skip: Int?
    public var limit: Int?

    /// A call with its parameters.
    public init(versionID: String, skip: Int? = nil, limit: Int? = nil) {
        self.versionID = versionID
        self.skip = skip
        self.limit = limit
    }

    public static let fields: [String: Field] = Paging.fields.picking("skip", "limit").merging(["versionID": versionReference]) { $1 }
}

/// Lists the files of a version and whether each has arrived.
public struct ListVersionFiles: APICall {
    public typealias Output = [VersionFile]
    public static let route = Route.get("/versions/{version_id}/files", alias: "/releases/{version_id}/files")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "List the files of a version"

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference
    ]
}

/// Stores one listed file of a version: the body is its bytes, which must have the listed size and SHA-256.
public struct UploadVersionFile: APICall {
    public typealias Output = VersionFile
    public static let route = Route.put("/versions/{version_id}/files/{path...}", alias: "/releases/{version_id}/files/{path...}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Upload one file of a version"
    public static let audit: AuditAction? = AuditAction("upload_version_file", .version)
    public static let requestBody = BodyForm.bytes

    public var versionID: String
    public var path: String

    /// A call with its parameters.
    public init(versionID: String, path: String) {
        self.versionID = versionID
        self.path = path
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference,
        "path": Field("Path beneath the version's folder.", .length(1...1_000)),
    ]
}
