import Catapult
import CatapultAPI
import Foundation
import Testing

/// The steps of the main job through the SDK, for tests whose subject is something else.
extension TestServer {
    /// The storage root.
    var storage: String { "\(data)/storage" }

    /// Puts the tiny model beneath the storage root, and gives its path there.
    func placeModel(_ path: String) throws -> String {
        let target = "\(storage)/\(path)"
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(TestMachine.modelFolder)/tiny.gguf", toPath: "\(target)/tiny.gguf")
        return path
    }

    /// Registers the tiny model and its version 1.0, in place.
    func register(_ name: String) async throws -> Version {
        let model = try await send(CreateModel(name: name, storagePath: try placeModel(name), requiresGPU: false))
        return try await send(CreateVersion(modelID: model.id, version: "1.0"))
    }

    /// Builds the image of a version, and waits for it.
    @discardableResult
    func build(_ version: Version, template: String? = nil) async throws -> Build {
        let build = try await send(CreateBuild(versionID: version.id, buildType: template))
        try await client.waitForOperation(build.operationID)
        return try await send(GetBuild(buildID: build.id))
    }

    /// Deploys a version to `staging`, and waits until it answers.
    func deploy(_ version: Version, replicas: Int = 1, cpu: Double? = nil) async throws -> Deployment {
        let asked = try await send(
            ExecuteDeployment(versionID: version.id, environment: "staging", replicas: replicas, cpuLimit: cpu, buildIfMissing: true))
        return try await settled(asked)
    }

    /// A deployment once its operation has ended well.
    func settled(_ deployment: Deployment) async throws -> Deployment {
        try await client.waitForOperation(try #require(deployment.operationID))
        return try await send(GetDeployment(deploymentID: deployment.id))
    }

    /// What a deployment answers to a question, streamed.
    func chat(_ deployment: Deployment) async throws -> (text: String, pieces: Int) {
        let chat = try ChatClient(endpoint: try #require(deployment.endpointURL))
        var text = ""
        var pieces = 0
        for try await delta in chat.stream([ChatMessage(.user, "Hi")]) where !delta.content.isEmpty {
            text += delta.content
            pieces += 1
        }
        return (text, pieces)
    }

    /// The deployment's state once all wished replicas answer, and no others are there.
    @discardableResult
    func converged(_ deployment: String, replicas: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws -> DeploymentState {
        try await eventually("\(replicas) ready replicas", sourceLocation: sourceLocation) {
            try await client.send(GetDeploymentStatus(deploymentID: deployment))
        } until: { state in
            state.status == .running && state.readyReplicas == replicas && state.replicaDetails.count == replicas
        }
    }
}
