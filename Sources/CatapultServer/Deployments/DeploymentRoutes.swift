import CatapultAPI
import Hummingbird
import NIOCore

/// Binds the calls on deployments.
enum DeploymentRoutes {
    static func register(_ routes: CallRoutes, deployments: DeploymentService) {
        routes.handle(CreateDeployment.self) { try await deployments.create($0, $1) }
        routes.handle(ExecuteDeployment.self) { try await deployments.execute($0, $1) }
        routes.handle(ListDeployments.self) { try await deployments.list($0, $1) }
        routes.handle(GetDeployment.self) { try await deployments.get($0, $1) }
        routes.handle(GetDeploymentStatus.self) { try await deployments.status($0, $1) }
        routes.handle(GetDeploymentHealth.self) { try await deployments.health($0, $1) }
        routes.handle(ScaleDeployment.self) { try await deployments.scale($0, $1) }
        routes.handle(StartDeployment.self) { try await deployments.start($0, $1) }
        routes.handle(StopDeployment.self) { try await deployments.stop($0, $1) }
        routes.handle(RestartDeployment.self) { try await deployments.restart($0, $1) }
        routes.handle(DeleteDeployment.self) { try await deployments.delete($0, $1) }
        routes.handle(GetDeploymentLogs.self) { try await deployments.logs($0, $1) }
        routes.stream(StreamDeploymentLogs.self) { call, context in
            let deployment = try await deployments.get(GetDeployment(deploymentID: call.deploymentID), context)
            try await deployments.requireLogs()
            return ResponseBody { writer in
                try await deployments.followLogs(of: deployment, tail: call.tail ?? 100) {
                    try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                } send: { lines in
                    try await writer.write(ByteBuffer(string: lines.map { "data: \($0)\n\n" }.joined()))
                }
                try await writer.finish(nil)
            }
        }
    }
}
