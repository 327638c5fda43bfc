import CatapultAPI
import ContainerEngine

/// The labels by which containers are known as ours. What lacks the first two is never touched.
enum ContainerLabel {
    static let managed = "catapult.managed"
    static let instance = "catapult.instance"
    static let deployment = "catapult.deployment"
    static let replica = "catapult.replica"
    static let number = "catapult.replica.number"
    static let version = "catapult.version"
    static let generation = "catapult.generation"

    /// What every container of a server has.
    static func ours(_ instance: String) -> [String: String] { [managed: "true", Self.instance: instance] }
}

extension ReplicaContainer {
    /// Most processes and threads of a container. The libraries that drive GPUs start some for every core.
    private static let maximumProcesses: Int64 = 512
    private static let maximumProcessesWithGPUs: Int64 = 4_096
    /// Size of `/tmp`, which counts against the container's memory.
    private static let temporaryBytes: Int64 = 1 << 30
    /// Shared memory that the workers of one model on several GPUs talk through.
    private static let sharedBytesWithGPUs: Int64 = 1 << 30

    /// The name of a replica's container: the same at every attempt, so that there are never two. The end of the id is used, since its
    /// beginning is the time and the same for replicas that were planned together.
    static func name(deployment: String, replica: ReplicaRecord) -> String {
        "catapult-\(deployment)-\(replica.number)-\(replica.id.suffix(8))"
    }

    /// How a replica's container is to be made.
    ///
    /// - Parameter resolve: the absolute path of what lies beneath the storage root. Asked each time: a link may have changed.
    func specification(
        deployment: DeploymentRow, replica: ReplicaRecord, instance: String, resolve: (String) throws -> String
    ) throws -> ContainerSpecification {
        var specification = ContainerSpecification(
            image: imageDigest ?? "", environment: environment.merging(["PORT": "\(port)"]) { $1 },
            labels: ContainerLabel.ours(instance).merging([
                ContainerLabel.deployment: deployment.id, ContainerLabel.replica: replica.id, ContainerLabel.number: "\(replica.number)",
                ContainerLabel.version: deployment.versionID, ContainerLabel.generation: "\(replica.generation)",
            ]) { $1 },
            ports: [.init(containerPort: port, published: .init())],
            mounts: try mounts.sorted { $0.key < $1.key }.map {
                .init(source: .hostPath(try resolve($0.key)), target: $0.value, isReadOnly: true)
            })
        let hasGPUs = gpuCount > 0
        // Compilers of GPU kernels load what they have written there.
        specification.temporaryFileSystems = ["/tmp": .init(sizeBytes: Self.temporaryBytes, allowsExecution: hasGPUs)]
        specification.resources = .init(
            memoryBytes: memoryLimit, memoryAndSwapBytes: memoryLimit, nanoCPUs: cpuLimit.map { Int64(($0 * 1e9).rounded()) },
            maximumProcesses: hasGPUs ? Self.maximumProcessesWithGPUs : Self.maximumProcesses,
            sharedMemoryBytes: hasGPUs ? Self.sharedBytesWithGPUs : nil)
        specification.security = .hardened
        specification.gpus = hasGPUs ? .count(gpuCount) : nil
        specification.restartPolicy = .never
        specification.stopTimeout = deployment.stopGrace
        specification.healthCheck = .disabled
        specification.logRetention = .init(fileBytes: 10 << 20, files: 3)
        return specification
    }
}
