import CatapultAPI

/// Binds the calls on builds and templates.
enum BuildRoutes {
    static func register(_ routes: CallRoutes, builds: BuildService) {
        routes.handle(CreateBuild.self) { try await builds.create($0, $1) }
        routes.handle(ListBuilds.self) { try await builds.list($0, $1) }
        routes.handle(GetBuild.self) { call, context in try await builds.get(call.buildID, context) }
        routes.handle(CancelBuild.self) { try await builds.cancel($0, $1) }
        routes.handle(GetBuildLogs.self) { try await builds.log($0, $1) }
        routes.stream(StreamBuildLogs.self) { try await builds.follow($0, $1) }
        routes.handle(ListTemplates.self) { _, _ in builds.templates() }
        routes.handle(GetTemplate.self) { try await builds.template($0, $1) }
    }
}
