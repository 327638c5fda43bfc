import Catapult
import CatapultAPI
import ContainerEngine
import Foundation
import Glibc
import Testing

extension Integration {
    /// Images that do not serve, and hosts that have no room: the reason is told, and nothing stays behind.
    @Suite struct FailingReplicas {
        /// Templates whose containers do not serve, in a folder of a test's own.
        private static func makeTemplates(_ folder: String) throws {
            let commands = [
                "ends-at-once": #"["sh", "-c", "echo cannot load the weights >&2; exit 3"]"#,
                "never-healthy": #"["sh", "-c", "echo still loading; exec sleep 600"]"#,
            ]
            for (name, command) in commands {
                let dockerfile = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nUSER 65534\nCOPY model/ /models/\nENTRYPOINT \(command)\n"
                let manifest = """
                    name: \(name)
                    summary: A server that does not serve
                    server_types: []
                    dockerfile: Dockerfile
                    files: []
                    model_path: model
                    base_image: example:1
                    build_args: [{name: BASE_IMAGE, description: Any image with a shell}]
                    environment: []
                    port: 8000
                    health_path: /health
                    start_grace_seconds: 1
                    stop_grace_seconds: 1
                    requires_gpu: false
                    endpoints: [/health]
                    """
                try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
                try Data(dockerfile.utf8).write(to: URL(filePath: "\(folder)/\(name)/Dockerfile"))
                try Data(manifest.utf8).write(to: URL(filePath: "\(folder)/\(name)/template.yml"))
            }
        }

        @Test func `a container that ends at once, and one that never gets healthy, fail with their last words`() async throws {
            let templates = FileManager.default.temporaryDirectory.appending(path: "catapult-templates-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: templates) }
            try Self.makeTemplates(templates)
            try await TestServer.run(options: ["--templates", templates]) { server in
                let expectations = [
                    ("ends-at-once", "code 3", "cannot load the weights"), ("never-healthy", "not healthy after 1 s", "still loading"),
                ]
                for (template, reason, lastWords) in expectations {
                    let version = try await server.register(server.name(template))
                    try await server.build(version, template: template)
                    let failed = try await server.mcp("deploy --model \(version.modelName):1.0 --environment e", exits: 7)
                    #expect(failed.errors.contains(reason) && failed.errors.contains(lastWords), "\(failed)")
                    #expect(failed.errors.contains("hint:"))

                    let deployment = try await server.send(GetDeployment(deploymentID: "\(version.modelName)-e"))
                    #expect(deployment.status == .failed && deployment.readyReplicas == 0)
                    #expect(deployment.error?.contains(reason) == true, "\(deployment.error ?? "no error")")
                    let operation = try await server.send(GetOperation(operationID: try #require(deployment.operationID)))
                    #expect(operation.state == .failed)
                    #expect(operation.error?["hint"]?.stringValue?.isEmpty == false)
                    let logs = try await server.send(GetDeploymentLogs(deploymentID: deployment.id))
                    #expect(logs.logs.contains(lastWords), "the log outlives the container")
                    let answer = try await server.request(.get, try #require(deployment.endpointURL) + "/health")
                    #expect(answer.status == 503, "the endpoint says that nobody answers: \(answer)")
                    try await eventually("its container is gone") {
                        try await server.containers().count
                    } until: {
                        $0 == 0
                    }
                    try await server.send(DeleteDeployment(deploymentID: deployment.id))
                }
                #expect(try await server.send(ListDeployments()).total == 0)
            }
        }

        @Test func `a port that is taken is passed over, and a range without a free one is told`() async throws {
            let ports = TestServer.freshPorts(3)
            let first = try PortHolder(ports.lowerBound)
            try await TestServer.run(ports: ports) { server in
                let version = try await server.register(server.name("model"))
                try await server.build(version)
                let deployment = try await server.deploy(version)
                #expect(deployment.hostPort == ports.lowerBound + 1)
                #expect(try await server.chat(deployment).text == TestMachine.answer)

                let last = try PortHolder(ports.upperBound)
                let before = try await server.send(ListOperations()).total
                let answer = try await server.request(
                    .post, "/api/v1/deployments/execute", body: #"{"version_id": "\#(version.id)", "environment": "other"}"#)
                #expect(answer.status == 500)
                let body = try answer.json
                #expect(body["error_type"] == "PortAllocationError" && body["code"] == "no_free_port")
                #expect(body["detail"]?.stringValue?.contains("\(ports.lowerBound) to \(ports.upperBound)") == true)
                #expect(body["hint"]?.stringValue?.isEmpty == false)
                #expect(try await server.send(ListDeployments()).total == 1, "nothing half done")
                #expect(try await server.send(ListOperations()).total == before)
                #expect(try await server.send(ListEnvironments()).items.map(\.name) == ["staging"])
                last.close()
                #expect(
                    try await server.send(ExecuteDeployment(versionID: version.id, environment: "other", replicas: 0)).hostPort
                        == ports.upperBound)
            }
            first.close()
        }

        @Test func `an engine that is away is told, and found again when it comes`() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "catapult-engine-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await TestServer.run(environment: ["DOCKER_HOST": "unix://\(folder)/engine.sock"]) { server in
                let version = try await server.register(server.name("model"))
                let requests = [
                    ("docker/builds", #"{"version_id": "\#(version.id)"}"#),
                    ("deployments/execute", #"{"version_id": "\#(version.id)", "environment": "e", "build_if_missing": true}"#),
                ]
                for (path, body) in requests {
                    let answer = try await server.request(.post, "/api/v1/\(path)", body: body)
                    #expect(answer.status == 503, "\(path): \(answer)")
                    #expect(try answer.json["error_type"] == "ServiceUnavailableError")
                    #expect(try answer.json["hint"]?.stringValue?.contains("DOCKER_HOST") == true)
                    #expect(!answer.headers["Retry-After"].isEmpty)
                }
                try await server.mcp("build create --version \(version.modelName):1.0", exits: 6)
                let health = try await server.request(.get, "/health").json
                #expect(health["status"] == "healthy" && health["components"]?["engine"] == "degraded", "the registry goes on")
                #expect(try await server.send(ListOperations()).total == 0, "nothing half done")
                #expect(try await server.send(ListDeployments()).total == 0)

                guard case .unixSocket(let path) = try EngineHost() else {
                    Issue.record("this test needs an engine on a unix socket")
                    return
                }
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/engine.sock", withDestinationPath: path)
                let deployment = try await server.deploy(version)
                #expect(try await server.chat(deployment).text == TestMachine.answer)
            }
        }
    }
}

/// A listener that keeps a port of this host from others.
private struct PortHolder: Sendable {
    private let descriptor: Int32

    init(_ port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        try #require(bound == 0 && listen(descriptor, 1) == 0, "port \(port) cannot be taken")
    }

    func close() { Glibc.close(descriptor) }
}
