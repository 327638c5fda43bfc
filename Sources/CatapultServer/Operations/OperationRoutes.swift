import CatapultAPI

/// Binds the calls on operations.
enum OperationRoutes {
    static func register(_ routes: CallRoutes, operations: OperationService) {
        routes.handle(ListOperations.self) { call, _ in try await operations.list(call) }
        routes.handle(GetOperation.self) { call, _ in try await operations.get(call) }
        routes.handle(CancelOperation.self) { try await operations.cancel($0, $1) }
        routes.handle(GetOperationLogs.self) { call, _ in try await operations.log(call) }
    }
}
