import CatapultAPI

/// Binds the calls on environments.
enum EnvironmentRoutes {
    static func register(_ routes: CallRoutes, environments: EnvironmentService) {
        routes.handle(ListEnvironments.self) { call, _ in try await environments.list(call) }
        routes.handle(CreateEnvironment.self) { try await environments.create($0, $1) }
        routes.handle(GetEnvironment.self) { call, _ in try await environments.get(call) }
        routes.handle(UpdateEnvironment.self) { try await environments.update($0, $1) }
        routes.handle(DeleteEnvironment.self) { try await environments.delete($0, $1) }
    }
}
