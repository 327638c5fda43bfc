/// A version running in an environment with N replicas behind one stable endpoint.
public struct Deployment: Codable, Sendable, Equatable {
    public var id: String
    public var name: String
    public var releaseID: String
    public var versionID: String
    public var modelName: String
    public var imageName: String
    public var version: String
    public var releaseVersion: String
    public var environment: String
    public var deploymentType: DeploymentType
    public var status: DeploymentStatus
    public var healthStatus: HealthStatus
    public var replicas: Int
    public var readyReplicas: Int
    public var endpointURL: String?
    public var hostPort: Int?
    public var imageTag: String?
    public var imageDigest: String?
    public var dockerBuildID: String?
    public var containerID: String?
    public var gpuEnabled: Bool
    public var gpuCount: Int
    public var memoryLimit: String?
    public var cpuLimit: Double?
    public var environmentVars: [String: String]
    public var volumeMounts: [String: String]
    public var cluster: String?
    public var k8sNamespace: String?
    public var error: String?
    public var operationID: String?
    public var metadata: [String: JSONValue]
    public var deployedBy: String?
    public var deployedAt: Timestamp
    public var startedAt: Timestamp?
    public var stoppedAt: Timestamp?
    public var terminatedAt: Timestamp?

    /// A deployment with all its parts; the names that older clients know are filled from the newer ones.
    public init(
        id: String, name: String, versionID: String, modelName: String, version: String, environment: String,
        deploymentType: DeploymentType,
        status: DeploymentStatus, healthStatus: HealthStatus, replicas: Int, readyReplicas: Int, endpointURL: String?, hostPort: Int?,
        imageTag: String?, imageDigest: String?, dockerBuildID: String?, containerID: String?, gpuCount: Int, memoryLimit: String?,
        cpuLimit: Double?, environmentVars: [String: String], volumeMounts: [String: String], cluster: String?, k8sNamespace: String?,
        error: String?, operationID: String?, metadata: [String: JSONValue], deployedBy: String?, deployedAt: Timestamp,
        startedAt: Timestamp?, stoppedAt: Timestamp?
    ) {
        self.id = id
        self.name = name
        releaseID = versionID
        self.versionID = versionID
        self.modelName = modelName
        imageName = modelName
        self.version = version
        releaseVersion = version
        self.environment = environment
        self.deploymentType = deploymentType
        self.status = status
        self.healthStatus = healthStatus
        self.replicas = replicas
        self.readyReplicas = readyReplicas
        self.endpointURL = endpointURL
        self.hostPort = hostPort
        self.imageTag = imageTag
        self.imageDigest = imageDigest
        self.dockerBuildID = dockerBuildID
        self.containerID = containerID
        gpuEnabled = gpuCount > 0
        self.gpuCount = gpuCount
        self.memoryLimit = memoryLimit
        self.cpuLimit = cpuLimit
        self.environmentVars = environmentVars
        self.volumeMounts = volumeMounts
        self.cluster = cluster
        self.k8sNamespace = k8sNamespace
        self.error = error
        self.operationID = operationID
        self.metadata = metadata
        self.deployedBy = deployedBy
        self.deployedAt = deployedAt
        self.startedAt = startedAt
        self.stoppedAt = stoppedAt
    }
}

extension Deployment: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "name": Field("Unique name. Default: model and environment, such as gpt-model-production.", .text(.plainName)),
        "releaseID": "UUID of the version, by its older name.",
        "versionID": "UUID of the version.",
        "modelName": "Name of the model.",
        "imageName": "The same as model_name, for older clients.",
        "version": "The version.",
        "releaseVersion": "The same as version, for older clients.",
        "environment": Field("Name of the environment; one that was never created is implied.", .text(.plainName)),
        "deploymentType": "local: Catapult runs it; metadata: a record only; k8s: not available yet.",
        "status": "pending, deploying, running, stopping, stopped, failed, success or terminated.",
        "healthStatus": "unknown, healthy (all replicas answer), or unhealthy.",
        "replicas": Field("Number of replicas wished for.", .range(0...100)),
        "readyReplicas": "Number of replicas that answer now.",
        "endpointURL": Field("The stable address of the deployment.", .length(1...1_000)),
        "hostPort": "The port of that address.",
        "imageTag": "Name of the image.",
        "imageDigest": "Id of the image that runs; start and restart run the same one.",
        "dockerBuildID": "The build that made the image.",
        "containerID": "The first replica's container.",
        "gpuEnabled": "Whether replicas get GPUs.",
        "gpuCount": Field("GPUs per replica.", .range(1...1_024)),
        "memoryLimit": Field("Memory per replica, such as 8g; the environment's when absent.", .text(.byteCount)),
        "cpuLimit": Field("CPU cores per replica; the environment's when absent.", .range(0.01...4_096)),
        "environmentVars": Field("Environment variables of the container.", .length(0...200)),
        "volumeMounts": "Host folder (beneath the storage root) to container path; mounted read-only.",
        "cluster": Field("Where a recorded deployment runs.", .length(0...255)),
        "k8sNamespace": Field("Kubernetes namespace of a recorded deployment.", .length(0...255)),
        "error": "Why the deployment is not as it should be.",
        "operationID": "The operation that last worked on it.",
        "metadata": "Free-form data.",
        "deployedBy": "Name of the key that deployed it.",
        "deployedAt": "When it was asked for.",
        "startedAt": "When it last became running.",
        "stoppedAt": "When it was last stopped.",
        "terminatedAt": "When a recorded deployment ended.",
    ]
}

/// Who runs a deployment.
public enum DeploymentType: String, Codable, Sendable, CaseIterable {
    case local
    case metadata
    case k8s
}

/// Where a deployment stands.
public enum DeploymentStatus: String, Codable, Sendable, CaseIterable {
    case pending
    case deploying
    case running
    case stopping
    case stopped
    case failed
    case success
    case terminated
}

/// What probes say.
public enum HealthStatus: String, Codable, Sendable, CaseIterable {
    case unknown
    case healthy
    case unhealthy
}

/// One container of a deployment.
public struct Replica: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var index: Int
    public var state: ReplicaState
    public var containerID: String?
    public var port: Int?
    public var restarts: Int
    public var exitCode: Int?
    public var error: String?
    public var startedAt: Timestamp?
    public var readyAt: Timestamp?

    /// A replica with all its parts.
    public init(
        id: String, index: Int, state: ReplicaState, containerID: String?, port: Int?, restarts: Int, exitCode: Int?, error: String?,
        startedAt: Timestamp?, readyAt: Timestamp?
    ) {
        self.id = id
        self.index = index
        self.state = state
        self.containerID = containerID
        self.port = port
        self.restarts = restarts
        self.exitCode = exitCode
        self.error = error
        self.startedAt = startedAt
        self.readyAt = readyAt
    }

    public static let fields: [String: Field] = [
        "id": "UUID.",
        "index": "Place among the replicas, from 0.",
        "state": "pending, starting, ready, unhealthy, backoff, draining, stopped or failed.",
        "containerID": "Its container.",
        "port": "Its private port on the host.",
        "restarts": "How often it was started again after a crash.",
        "exitCode": "Exit code of its last process.",
        "error": "What went wrong last.",
        "startedAt": "When its container was last started.",
        "readyAt": "When it last became ready.",
    ]
}

/// Where a replica stands.
public enum ReplicaState: String, Codable, Sendable, CaseIterable {
    /// Planned; no container yet.
    case pending
    /// The container runs, the server in it still loads: within the start grace this is not a failure.
    case starting
    /// Answers its health probe; gets traffic.
    case ready
    /// Runs but does not answer; gets no traffic.
    case unhealthy
    /// Ended by itself; waits before it is started again.
    case backoff
    /// Gets no new requests; finishes those it has.
    case draining
    /// Stopped on purpose.
    case stopped
    /// Given up: a crash loop, or never healthy.
    case failed
}

/// How a deployment is doing right now.
public struct DeploymentState: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var status: DeploymentStatus
    public var running: Bool
    public var healthy: Bool
    public var exitCode: Int?
    public var startedAt: Timestamp?
    public var error: String?
    public var endpointURL: String?
    public var replicas: Int
    public var readyReplicas: Int
    public var replicaDetails: [Replica]

    /// A deployment's state out of the deployment and its replicas.
    public init(_ deployment: Deployment, replicas details: [Replica]) {
        id = deployment.id
        name = deployment.name
        status = deployment.status
        running = deployment.status == .running
        healthy = deployment.healthStatus == .healthy
        exitCode = details.lazy.compactMap(\.exitCode).first
        startedAt = deployment.startedAt
        error = deployment.error
        endpointURL = deployment.endpointURL
        replicas = deployment.replicas
        readyReplicas = deployment.readyReplicas
        replicaDetails = details
    }

    public static let fields: [String: Field] = [
        "id": "UUID of the deployment.", "name": "Its name.", "status": "Its status.", "running": "True when the status is running.",
        "healthy": "True when all wished replicas answer.", "exitCode": "Exit code of a replica that ended.",
        "startedAt": "When it last became running.", "error": "Why it is not as it should be.", "endpointURL": "Its stable address.",
        "replicas": "Replicas wished for.", "readyReplicas": "Replicas that answer.", "replicaDetails": "Each replica.",
    ]
}

/// The lines that a deployment's replicas printed.
public struct DeploymentLogs: Codable, Sendable, Equatable, Documented {
    public var deploymentID: String
    public var logs: String
    public var truncated: Bool

    /// The log of a deployment.
    public init(deploymentID: String, logs: String, truncated: Bool) {
        self.deploymentID = deploymentID
        self.logs = logs
        self.truncated = truncated
    }

    public static let fields: [String: Field] = [
        "deploymentID": "UUID of the deployment.", "logs": "Lines in order of time; with several replicas each begins with its name.",
        "truncated": "True when there are earlier lines.",
    ]
}

/// The answer of a health probe made now.
public struct DeploymentHealth: Codable, Sendable, Equatable, Documented {
    public var healthy: Bool
    public var endpointURL: String?
    public var healthStatus: HealthStatus
    public var responseTimeMs: Double?
    public var reason: String?

    /// What a probe found.
    public init(healthy: Bool, endpointURL: String?, healthStatus: HealthStatus, responseTimeMs: Double?, reason: String?) {
        self.healthy = healthy
        self.endpointURL = endpointURL
        self.healthStatus = healthStatus
        self.responseTimeMs = responseTimeMs
        self.reason = reason
    }

    public static let fields: [String: Field] = [
        "healthy": "True when the endpoint answered 200.", "endpointURL": "The address that was asked.",
        "healthStatus": "The health that is now recorded.",
        "responseTimeMs": "Time to the answer in milliseconds.", "reason": "Why it is not healthy.",
    ]
}
