import CatapultAPI

/// Binds the calls on environments.
enum EnvironmentRoutes {
    static func register(_ routes: CallRoutes, environments: EnvironmentService) {
        routes.handle(ListEnvironments.self) { try await environments.list($0, $1) }
        routes.handle(CreateEnvironment.self) { try await environments.create($0, $1) }
        routes.handle(GetEnvironment.self) { try await environments.get($0, $1) }
        routes.handle(UpdateEnvironment.self) { try await environments.update($0, $1) }
        routes.handle(DeleteEnvironment.self) { try await environments.delete($0, $1) }
    }
}
