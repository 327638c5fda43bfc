extension Catalogue {
    static let builds: [any APICall.Type] = [
        CreateBuild.self, ListBuilds.self, GetBuild.self, CancelBuild.self, GetBuildLogs.self, StreamBuildLogs.self, ListTemplates.self,
        GetTemplate.self, GetDiskUsage.self,
    ]
}

/// Makes a container image for a version. The build runs as an operation; the answer comes at once.
public struct CreateBuild: APICall {
    public typealias Output = Build
    public static let route = Route.post("/docker/builds")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Builds"
    public static let summary = "Build an image for a version"
    public static let alternatives = [["releaseID", "versionID"]]
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_docker_build", .build)

    public var releaseID: String?
    public var versionID: String?
    public var imageTag: String?
    public var buildType: String?
    public var artifactID: String?
    public var artifactIDs: [String]?
    public var dockerfileContent: String?
    public var buildArgs: [String: String]?
    public var noCache: Bool?

    /// A call with its parameters.
    public init(
        releaseID: String? = nil, versionID: String? = nil, imageTag: String? = nil, buildType: String? = nil, artifactID: String? = nil,
        artifactIDs: [String]? = nil, dockerfileContent: String? = nil, buildArgs: [String: String]? = nil, noCache: Bool? = nil
    ) {
        self.releaseID = releaseID
        self.versionID = versionID
        self.imageTag = imageTag
        self.buildType = buildType
        self.artifactID = artifactID
        self.artifactIDs = artifactIDs
        self.dockerfileContent = dockerfileContent
        self.buildArgs = buildArgs
        self.noCache = noCache
    }

    public static let fields: [String: Field] = Build.fields.picking("dockerfileContent", "buildArgs").merging([
        "releaseID": "UUID of the version, or model:version; required, or version_id.",
        "versionID": "The same as release_id.",
        // Without the rule of the resource's field: the contract answers a tag that breaks it with InvalidImageTagError.
        "imageTag": "Name of the image, \(TextRule.imageTag.words). Default: model and version.",
        "buildType": Field(
            "`organic` (default) chooses the template by the model's server type; or the name of a template.", .text(.plainName)),
        "artifactID": "Not supported yet: refused.",
        "artifactIDs": "Not supported yet: refused unless empty.",
        "noCache": "Build every step anew. Default false.",
    ]) { $1 }
}

/// Lists builds, newest first.
public struct ListBuilds: PagedCall {
    public typealias Item = Build
    public typealias Output = Page<Build>
    public static let route = Route.get("/docker/builds")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "List builds, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var releaseID: String?
    public var versionID: String?
    public var status: BuildStatus?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        releaseID: String? = nil,
        versionID: String? = nil, status: BuildStatus? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.releaseID = releaseID
        self.versionID = versionID
        self.status = status
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "releaseID": "Only builds of this version.",
        "versionID": "The same as release_id.",
        "status": "Only builds of this status.",
    ]) { $1 }
}

/// Shows a build.
public struct GetBuild: APICall {
    public typealias Output = Build
    public static let route = Route.get("/docker/builds/{build_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "Show a build"

    public var buildID: String

    /// A call with its parameters.
    public init(buildID: String) {
        self.buildID = buildID
    }

    public static let fields: [String: Field] = [
        "buildID": "UUID of the build."
    ]
}

/// Stops a build. One that has ended stays as it is.
public struct CancelBuild: APICall {
    public typealias Output = Build
    public static let route = Route.post("/docker/builds/{build_id}/cancel")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Builds"
    public static let summary = "Cancel a build"
    public static let audit: AuditAction? = AuditAction("cancel_docker_build", .build)

    public var buildID: String

    /// A call with its parameters.
    public init(buildID: String) {
        self.buildID = buildID
    }

    public static let fields: [String: Field] = [
        "buildID": "UUID of the build."
    ]
}

/// Shows the log of a build so far.
public struct GetBuildLogs: APICall {
    public typealias Output = LogText
    public static let route = Route.get("/docker/builds/{build_id}/logs")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "Read a build's log"

    public var buildID: String

    /// A call with its parameters.
    public init(buildID: String) {
        self.buildID = buildID
    }

    public static let fields: [String: Field] = [
        "buildID": "UUID of the build."
    ]
}

/// Follows the log of a build to its end.
public struct StreamBuildLogs: APICall {
    public typealias Output = Streamed
    public static let route = Route.get("/docker/builds/{build_id}/logs/stream")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "Follow a build's log"
    public static let responseBody = BodyForm.text

    public var buildID: String

    /// A call with its parameters.
    public init(buildID: String) {
        self.buildID = buildID
    }

    public static let fields: [String: Field] = [
        "buildID": "UUID of the build."
    ]
}

/// Lists the build templates.
public struct ListTemplates: APICall {
    public typealias Output = [Template]
    public static let route = Route.get("/docker/templates")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "List build templates"

    /// A call with its parameters.
    public init() {}
}

/// Shows the Dockerfile of a template.
public struct GetTemplate: APICall {
    public typealias Output = TemplateContent
    public static let route = Route.get("/docker/templates/{type}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "Show a template's Dockerfile"

    public var type: String
    public var releaseID: String?

    /// A call with its parameters.
    public init(type: String, releaseID: String? = nil) {
        self.type = type
        self.releaseID = releaseID
    }

    public static let fields: [String: Field] = [
        "type": "Name of the template, or `organic` with a version.",
        "releaseID": "Version whose server type selects the template.",
    ]
}

/// Shows what the container engine keeps on disk.
public struct GetDiskUsage: APICall {
    public typealias Output = DiskUsage
    public static let route = Route.get("/docker/disk-usage")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Builds"
    public static let summary = "Show disk usage of images, containers and volumes"

    /// A call with its parameters.
    public init() {}
}
