import CatapultAPI

/// Binds the calls on operations.
enum OperationRoutes {
    static func register(_ routes: CallRoutes, operations: OperationService) {
        routes.handle(ListOperations.self) { try await operations.list($0, $1) }
        routes.handle(GetOperation.self) { try await operations.get($0, $1) }
        routes.handle(CancelOperation.self) { try await operations.cancel($0, $1) }
        routes.handle(GetOperationLogs.self) { try await operations.log($0, $1) }
    }
}
