import CatapultAPI

/// Binds the calls on keys and the audit log.
enum AccessRoutes {
    static func register(_ routes: CallRoutes, keys: KeyService, audit: AuditLog) {
        routes.handle(CreateAPIKey.self) { try await keys.create($0, $1) }
        routes.handle(ListAPIKeys.self) { call, _ in try await keys.list(call) }
        routes.handle(GetAPIKey.self) { call, _ in try await keys.get(call) }
        routes.handle(UpdateAPIKey.self) { try await keys.update($0, $1) }
        routes.handle(RotateAPIKey.self) { try await keys.rotate($0, $1) }
        routes.handle(DeleteAPIKey.self) { try await keys.delete($0, $1) }

        routes.handle(ListAuditLogs.self) { try await audit.list($0, $1) }
        routes.handle(GetAuditLog.self) { try await audit.get($0, $1) }
        routes.handle(GetAuditHead.self) { _, _ in try await audit.head() }
        routes.handle(VerifyAuditLog.self) { call, _ in try await audit.verify(call) }
    }
}
