import CatapultAPI
import HTTPTypes

/// Binds the calls about the server and its host.
enum SystemRoutes {
    static func register(_ routes: CallRoutes, system: SystemService) {
        routes.handle(GetGreeting.self) { _, _ in system.greeting() }
        routes.handle(GetHealth.self, status: { $0.database ? 200 : 503 }) { _, _ in await system.health() }
        routes.handle(GetServerInfo.self) { _, _ in system.info() }
        routes.handle(GetStorage.self) { _, context in try await system.storage(context) }
        routes.handle(ListStorageFiles.self, withFields: { call, _ in try await system.files(call) })
        routes.handle(GetGPUs.self) { _, _ in await system.gpus() }
        routes.handle(GetDiskUsage.self) { _, _ in await system.diskUsage() }
    }
}
