import CatapultAPI

/// A row of `deployments` as the controller needs it.
struct DeploymentRow: Sendable, Equatable {
    var id: String
    var name: String
    var versionID: String
    var wish: DeploymentWish
    var standing: DeploymentStanding
    /// Goes up with every change by a client; the controller writes only what it has decided on the newest one.
    var revision: Int
    var container: ReplicaContainer
    var stopGrace: Duration
    /// The port of the stable endpoint.
    var endpointPort: Int?
    var endpointURL: String?
    var buildID: String?
    var operationID: String?
}

/// What is the same for all containers of a deployment.
struct ReplicaContainer: Sendable, Equatable {
    /// The id of the image, so that a tag that moves changes nothing.
    var imageDigest: String?
    /// The port that the server in the container listens on.
    var port: Int
    var environment: [String: String]
    /// Path beneath the storage root to path in the container.
    var mounts: [String: String]
    var memoryLimit: Int64?
    var cpuLimit: Double?
    var gpuCount: Int
}
