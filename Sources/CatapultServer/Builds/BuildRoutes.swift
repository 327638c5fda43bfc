import CatapultAPI

/// Binds the calls on builds and templates.
enum BuildRoutes {
    static func register(_ routes: CallRoutes, builds: BuildService) {
        routes.handle(CreateBuild.self) { try await builds.create($0, $1) }
        routes.handle(ListBuilds.self) { call, _ in try await builds.list(call) }
        routes.handle(GetBuild.self) { call, _ in try await builds.get(call.buildID) }
        routes.handle(CancelBuild.self) { try await builds.cancel($0, $1) }
        routes.handle(GetBuildLogs.self) { call, _ in try await builds.log(call) }
        routes.stream(StreamBuildLogs.self) { call, _ in try await builds.follow(call) }
        routes.handle(ListTemplates.self) { _, _ in builds.templates() }
        routes.handle(GetTemplate.self) { call, _ in try await builds.template(call) }
    }
}
