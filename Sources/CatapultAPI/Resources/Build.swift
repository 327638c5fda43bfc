/// Making a container image for a version from a template.
public struct Build: Codable, Sendable, Equatable {
    public var id: String
    public var releaseID: String
    public var versionID: String
    public var artifactID: String?
    public var artifactIDs: [String]
    public var imageTag: String
    public var imageDigest: String?
    public var buildType: String
    public var template: String?
    public var dockerfileContent: String?
    public var buildArgs: [String: String]
    public var status: BuildStatus
    public var serverType: ServerType?
    public var errorMessage: String?
    public var logPath: String?
    public var operationID: String
    public var isCurrent: Bool
    public var isCleaned: Bool
    public var supersededAt: Timestamp?
    public var cleanedAt: Timestamp?
    public var cleanupScheduledAt: Timestamp?
    public var daysUntilCleanup: Int?
    public var createdAt: Timestamp
    public var completedAt: Timestamp?

    /// A build with all its parts.
    public init(
        id: String, versionID: String, imageTag: String, imageDigest: String?, buildType: String, template: String?,
        dockerfileContent: String?, buildArgs: [String: String], status: BuildStatus, serverType: ServerType?, errorMessage: String?,
        operationID: String, supersededAt: Timestamp?, createdAt: Timestamp, completedAt: Timestamp?
    ) {
        self.id = id
        releaseID = versionID
        self.versionID = versionID
        artifactIDs = []
        self.imageTag = imageTag
        self.imageDigest = imageDigest
        self.buildType = buildType
        self.template = template
        self.dockerfileContent = dockerfileContent
        self.buildArgs = buildArgs
        self.status = status
        self.serverType = serverType
        self.errorMessage = errorMessage
        logPath = "/api/v1/docker/builds/\(id)/logs"
        self.operationID = operationID
        isCurrent = status == .success && supersededAt == nil
        isCleaned = false
        self.supersededAt = supersededAt
        self.createdAt = createdAt
        self.completedAt = completedAt
    }
}

extension Build: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "releaseID": "UUID of the version, by its older name.",
        "versionID": "UUID of the version.",
        "artifactID": "Null: files are baked in from the version.",
        "artifactIDs": "Empty: files are baked in from the version.",
        "imageTag": Field("Name of the image. Default: model and version.", .text(.imageTag)),
        "imageDigest": "Id of the image that was made, `sha256:…`; a deployment runs exactly this one.",
        "buildType": "How the template is chosen: `organic` by the model's server type, or the name of a template.",
        "template": "The template that was used.",
        "dockerfileContent": Field("A Dockerfile of one's own instead of a template.", .length(1...1_000_000)),
        "buildArgs": Field("Build arguments of the Dockerfile.", .length(0...100)),
        "status": "pending, building, success, failed or cancelled.",
        "serverType": "The server type that the template was chosen by.",
        "errorMessage": "Why the build failed.",
        "logPath": "Where the log is read.",
        "operationID": "The operation that does the work.",
        "isCurrent": "True for the newest successful build of its version.",
        "isCleaned": "True when the image has been removed.",
        "supersededAt": "When a newer build of the version succeeded.",
        "cleanedAt": "When the image was removed.",
        "cleanupScheduledAt": "When the image may be removed.",
        "daysUntilCleanup": "Days until then.",
        "createdAt": "When the build was asked for.",
        "completedAt": "When the build ended.",
    ]
}

/// Where a build stands.
public enum BuildStatus: String, Codable, Sendable, CaseIterable {
    case pending
    case building
    case success
    case failed
    case cancelled

    /// True when nothing more will happen.
    public var isTerminal: Bool { self != .pending && self != .building }
}

/// A build template: a folder with a Dockerfile and a manifest.
public struct Template: Codable, Sendable, Equatable, Documented {
    public var name: String
    public var summary: String
    public var serverTypes: [String]
    public var requiresGPU: Bool
    public var port: Int
    public var healthPath: String
    public var startGraceSeconds: Int
    public var stopGraceSeconds: Int
    public var baseImage: String?
    public var buildArgs: [TemplateParameter]
    public var environment: [TemplateParameter]
    public var endpoints: [String]

    /// A template with all its parts.
    public init(
        name: String, summary: String, serverTypes: [String], requiresGPU: Bool, port: Int, healthPath: String, startGraceSeconds: Int,
        stopGraceSeconds: Int, baseImage: String?, buildArgs: [TemplateParameter], environment: [TemplateParameter], endpoints: [String]
    ) {
        self.name = name
        self.summary = summary
        self.serverTypes = serverTypes
        self.requiresGPU = requiresGPU
        self.port = port
        self.healthPath = healthPath
        self.startGraceSeconds = startGraceSeconds
        self.stopGraceSeconds = stopGraceSeconds
        self.baseImage = baseImage
        self.buildArgs = buildArgs
        self.environment = environment
        self.endpoints = endpoints
    }

    public static let fields: [String: Field] = [
        "name": "Name of the template; `build_type` selects it.",
        "summary": "What it is for.",
        "serverTypes": "Server types that select it by themselves.",
        "requiresGPU": "Whether its server needs a GPU.",
        "port": "Port that the server listens on in the container.",
        "healthPath": "Path that answers 200 when the server is ready.",
        "startGraceSeconds": "How long a replica may load before it counts as unhealthy.",
        "stopGraceSeconds": "How long a replica may take to stop.",
        "baseImage": "Default of the build argument BASE_IMAGE.",
        "buildArgs": "Build arguments.",
        "environment": "Settings of the running server.",
        "endpoints": "Paths that the server answers.",
    ]
}

/// A declared setting of a template.
public struct TemplateParameter: Codable, Sendable, Equatable, Documented {
    public var name: String
    public var `default`: String?
    public var description: String

    /// A setting with its default and meaning.
    public init(name: String, default: String?, description: String) {
        self.name = name
        self.default = `default`
        self.description = description
    }

    public static let fields: [String: Field] = [
        "name": "Name of the variable.", "default": "Value when nothing is set.", "description": "What it does.",
    ]
}

/// The Dockerfile that a template gives.
public struct TemplateContent: Codable, Sendable, Equatable, Documented {
    public var content: String
    public var templateType: String

    /// A Dockerfile's text and the template it is from.
    public init(content: String, templateType: String) {
        self.content = content
        self.templateType = templateType
    }

    public static let fields: [String: Field] = ["content": "Text of the Dockerfile.", "templateType": "Name of the template."]
}

/// A log as one text.
public struct LogText: Codable, Sendable, Equatable, Documented {
    public var logs: String

    /// A log.
    public init(logs: String) { self.logs = logs }

    public static let fields: [String: Field] = ["logs": "The whole text."]
}
