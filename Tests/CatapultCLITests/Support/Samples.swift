import CatapultAPI

/// Values of the contract with plain content.
enum Sample {
    static let moment = Timestamp(microseconds: 1_789_999_700_000_000)

    static func model(_ name: String = "gpt-model", description: String? = nil) -> Model {
        Model(
            id: "m-1", name: name, storagePath: "models/\(name)", repository: nil, company: nil, baseModel: nil, parameterCount: nil,
            description: description, tags: ["chat"], metadata: [:], requiresGPU: false, serverType: .llamaCpp, source: .manual,
            versionCount: 2,
            createdAt: moment, updatedAt: moment
        )
    }

    static func version(id: String = "v-1", files: Int = 2, missing: Int = 0) -> Version {
        Version(
            id: id, modelID: "m-1", modelName: "gpt-model", modelStoragePath: "models/gpt-model", version: "1.0", tag: "1.0", digest: "d",
            quantization: nil, sizeBytes: 10, platform: "linux/amd64", architecture: "amd64", os: "linux", releaseNotes: nil, metadata: [:],
            cephPath: "models/gpt-model/1.0", mlflowURL: nil, isRelease: false, status: .active, fileCount: files, missingFiles: missing,
            createdAt: moment
        )
    }

    static func deployment(
        versionID: String = "v-1", status: DeploymentStatus = .running, replicas: Int = 3, type: DeploymentType = .local,
        operation: String? = nil,
        endpoint: String? = "http://127.0.0.1:9000"
    ) -> Deployment {
        Deployment(
            id: "d-1", name: "gpt-model-production", versionID: versionID, modelName: "gpt-model", version: "1.0",
            environment: "production",
            deploymentType: type, status: status, healthStatus: .healthy, replicas: replicas,
            readyReplicas: status == .running ? replicas : 0,
            endpointURL: endpoint,
            hostPort: 9000, imageTag: nil, imageDigest: nil, dockerBuildID: nil, containerID: nil, gpuCount: 0, memoryLimit: nil,
            cpuLimit: nil,
            environmentVars: [:], volumeMounts: [:], cluster: nil, k8sNamespace: nil, error: nil, operationID: operation, metadata: [:],
            deployedBy: "admin", deployedAt: moment, startedAt: moment, stoppedAt: nil
        )
    }

    static func operation(_ state: OperationState, progress: Double, message: String, error: JSONValue? = nil) -> Operation {
        Operation(
            id: "o-1", kind: .deploy, state: state, subjectType: "deployment", subjectID: "d-1", progress: progress, message: message,
            result: nil,
            error: error, attempts: 1, parentID: nil, cancelRequested: false, createdBy: "admin", createdAt: moment, startedAt: moment,
            finishedAt: nil
        )
    }
}

extension Encodable {
    /// The value as the server writes it.
    var wireText: String { get throws { String(decoding: try WireEncoder.encode(self), as: UTF8.self) } }
}
