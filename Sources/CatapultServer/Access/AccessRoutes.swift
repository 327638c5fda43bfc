import CatapultAPI

/// Binds the calls on keys and the audit log.
enum AccessRoutes {
    static func register(_ routes: CallRoutes, keys: KeyService, audit: AuditLog) {
        routes.handle(CreateAPIKey.self) { try await keys.create($0, $1) }
        routes.handle(ListAPIKeys.self) { call, _ in try await keys.list(call) }
        routes.handle(DeleteAPIKey.self) { try await keys.delete($0, $1) }
        routes.handle(ListAuditLogs.self) { try await audit.list($0, $1) }
    }
}
