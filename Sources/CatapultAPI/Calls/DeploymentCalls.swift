extension Catalogue {
    static let deployments: [any APICall.Type] = [
        ExecuteDeployment.self, CreateDeployment.self, ListDeployments.self, GetDeployment.self, GetDeploymentStatus.self,
        ScaleDeployment.self, StartDeployment.self, StopDeployment.self, RestartDeployment.self, DeleteDeployment.self,
        GetDeploymentLogs.self, StreamDeploymentLogs.self, GetDeploymentHealth.self,
    ]
}

/// Records a deployment that somebody else runs.
public struct CreateDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.post("/deployments")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Deployments"
    public static let summary = "Record a deployment"
    public static let alternatives = [["releaseID", "versionID"]]
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_deployment", .deployment)

    public var releaseID: String?
    public var versionID: String?
    public var environment: String
    public var name: String?
    public var status: DeploymentStatus?
    public var metadata: [String: JSONValue]?
    public var cluster: String?
    public var k8sNamespace: String?
    public var endpointURL: String?
    public var replicas: Int?

    /// A call with its parameters.
    public init(
        releaseID: String? = nil, versionID: String? = nil, environment: String, name: String? = nil, status: DeploymentStatus? = nil,
        metadata: [String: JSONValue]? = nil, cluster: String? = nil, k8sNamespace: String? = nil, endpointURL: String? = nil,
        replicas: Int? = nil
    ) {
        self.releaseID = releaseID
        self.versionID = versionID
        self.environment = environment
        self.name = name
        self.status = status
        self.metadata = metadata
        self.cluster = cluster
        self.k8sNamespace = k8sNamespace
        self.endpointURL = endpointURL
        self.replicas = replicas
    }

    public static let fields: [String: Field] = Deployment.fields.picking(
        "environment", "name", "status", "metadata", "cluster", "k8sNamespace", "endpointURL", "replicas"
    ).merging([
        "releaseID": "UUID of the version, or model:version; required, or version_id.", "versionID": "The same as release_id.",
    ]) { $1 }
}

/// Deploys a version: plans the replicas, reserves the port, starts the containers, and waits for health as an operation.
public struct ExecuteDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.post("/deployments/execute")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Deployments"
    public static let summary = "Deploy a version"
    public static let alternatives = [["releaseID", "versionID"]]
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("execute_deployment", .deployment)

    public var releaseID: String?
    public var versionID: String?
    public var environment: String
    public var name: String?
    public var deploymentType: DeploymentType?
    public var replicas: Int?
    public var gpuEnabled: Bool?
    public var gpuCount: Int?
    public var environmentVars: [String: String]?
    public var volumeMounts: [String: String]?
    public var memoryLimit: String?
    public var cpuLimit: Double?
    public var metadata: [String: JSONValue]?
    public var dockerBuildID: String?
    public var imageTag: String?
    public var buildIfMissing: Bool?

    /// A call with its parameters.
    public init(
        releaseID: String? = nil, versionID: String? = nil, environment: String, name: String? = nil, deploymentType: DeploymentType? = nil,
        replicas: Int? = nil, gpuEnabled: Bool? = nil, gpuCount: Int? = nil, environmentVars: [String: String]? = nil,
        volumeMounts: [String: String]? = nil, memoryLimit: String? = nil, cpuLimit: Double? = nil, metadata: [String: JSONValue]? = nil,
        dockerBuildID: String? = nil, imageTag: String? = nil, buildIfMissing: Bool? = nil
    ) {
        self.releaseID = releaseID
        self.versionID = versionID
        self.environment = environment
        self.name = name
        self.deploymentType = deploymentType
        self.replicas = replicas
        self.gpuEnabled = gpuEnabled
        self.gpuCount = gpuCount
        self.environmentVars = environmentVars
        self.volumeMounts = volumeMounts
        self.memoryLimit = memoryLimit
        self.cpuLimit = cpuLimit
        self.metadata = metadata
        self.dockerBuildID = dockerBuildID
        self.imageTag = imageTag
        self.buildIfMissing = buildIfMissing
    }

    public static let fields: [String: Field] = Deployment.fields.picking(
        "environment", "name", "deploymentType", "replicas", "gpuCount", "environmentVars", "volumeMounts", "memoryLimit", "cpuLimit",
        "metadata"
    ).merging([
        "releaseID": "UUID of the version, or model:version; required, or version_id.",
        "versionID": "The same as release_id.",
        "gpuEnabled": "Whether replicas get GPUs. Default: what the environment says.",
        "dockerBuildID": "The build whose image is to run. Default: the newest successful build of the version.",
        "imageTag": Field("An image to run instead of a build's.", .text(.imageTag)),
        "buildIfMissing": "Build the image first when the version has none. Default false: it is an error.",
    ]) { $1 }
}

/// Lists deployments, newest first.
public struct ListDeployments: PagedCall {
    public typealias Item = Deployment
    public typealias Output = Page<Deployment>
    public static let route = Route.get("/deployments")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Deployments"
    public static let summary = "List deployments, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var environment: String?
    public var status: DeploymentStatus?
    public var releaseID: String?
    public var versionID: String?
    public var modelName: String?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        environment: String? = nil,
        status: DeploymentStatus? = nil, releaseID: String? = nil, versionID: String? = nil, modelName: String? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.environment = environment
        self.status = status
        self.releaseID = releaseID
        self.versionID = versionID
        self.modelName = modelName
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "environment": "Only deployments in this environment.",
        "status": "Only deployments of this status.",
        "releaseID": "Only deployments of this version.",
        "versionID": "The same as release_id.",
        "modelName": "Only deployments of the model with this name, in any case.",
    ]) { $1 }
}

/// Shows a deployment.
public struct GetDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.get("/deployments/{deployment_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Deployments"
    public static let summary = "Show a deployment by id or name"

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}

/// Shows how a deployment and its replicas are doing.
public struct GetDeploymentStatus: APICall {
    public typealias Output = DeploymentState
    public static let route = Route.get("/deployments/{deployment_id}/status")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Deployments"
    public static let summary = "Show a deployment's replicas"

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}

/// Changes the number of replicas; those taken away finish their requests first.
public struct ScaleDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.post("/deployments/{deployment_id}/scale")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Deployments"
    public static let summary = "Scale a deployment"
    public static let audit: AuditAction? = AuditAction("scale_deployment", .deployment)

    public var deploymentID: String
    public var replicas: Int

    /// A call with its parameters.
    public init(deploymentID: String, replicas: Int) {
        self.deploymentID = deploymentID
        self.replicas = replicas
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment.",
        "replicas": Field("Number of replicas wished for; 0 stops serving but keeps the endpoint.", .range(0...100)),
    ]
}

/// Starts a stopped or failed deployment again, from the same image.
public struct StartDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.post("/deployments/{deployment_id}/start")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Deployments"
    public static let summary = "Start a deployment"
    public static let audit: AuditAction? = AuditAction("start_deployment", .deployment)

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}

/// Stops a deployment; its port stays reserved, its logs are kept.
public struct StopDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.post("/deployments/{deployment_id}/stop")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Deployments"
    public static let summary = "Stop a deployment"
    public static let audit: AuditAction? = AuditAction("stop_deployment", .deployment)

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}

/// Replaces all replicas of a deployment by new ones from the same image.
public struct RestartDeployment: APICall {
    public typealias Output = Deployment
    public static let route = Route.post("/deployments/{deployment_id}/restart")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Deployments"
    public static let summary = "Restart a deployment"
    public static let audit: AuditAction? = AuditAction("restart_deployment", .deployment)

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}

/// Stops a deployment and removes it with its containers, its port and its logs.
public struct DeleteDeployment: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/deployments/{deployment_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Deployments"
    public static let summary = "Delete a deployment"
    public static let audit: AuditAction? = AuditAction("delete_deployment", .deployment)

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}

/// Shows the last lines that the replicas printed, also after they are gone.
public struct GetDeploymentLogs: APICall {
    public typealias Output = DeploymentLogs
    public static let route = Route.get("/deployments/{deployment_id}/logs")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Deployments"
    public static let summary = "Read a deployment's logs"

    public var deploymentID: String
    public var tail: Int?

    /// A call with its parameters.
    public init(deploymentID: String, tail: Int? = nil) {
        self.deploymentID = deploymentID
        self.tail = tail
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment.",
        "tail": Field("Number of lines, 1 to 10000. Default 100.", .range(1...10_000)),
    ]
}

/// Follows what the replicas print, beginning with the last lines.
public struct StreamDeploymentLogs: APICall {
    public typealias Output = Streamed
    public static let route = Route.get("/deployments/{deployment_id}/logs/stream")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Deployments"
    public static let summary = "Follow a deployment's logs"
    public static let responseBody = BodyForm.events

    public var deploymentID: String
    public var tail: Int?

    /// A call with its parameters.
    public init(deploymentID: String, tail: Int? = nil) {
        self.deploymentID = deploymentID
        self.tail = tail
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment.",
        "tail": Field("Number of earlier lines. Default 100.", .range(0...10_000)),
    ]
}

/// Asks the deployment's endpoint for its health now.
public struct GetDeploymentHealth: APICall {
    public typealias Output = DeploymentHealth
    public static let route = Route.get("/deployments/{deployment_id}/health")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Deployments"
    public static let summary = "Probe a deployment"

    public var deploymentID: String

    /// A call with its parameters.
    public init(deploymentID: String) {
        self.deploymentID = deploymentID
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID or name of the deployment."
    ]
}
