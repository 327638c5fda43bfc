import CatapultAPI
import SQLDatabase

/// Who did what to which thing. Rows are written in the transaction of the change itself: both are there, or neither.
struct AuditLog: Sendable {
    let database: Database

    /// Records a call's action. Must be called inside the transaction that makes the change, and before what it
    /// deletes is gone: a row is seen by the keys whose scope holds the thing.
    static func record(
        _ context: CallContext, id: String?, details: [String: JSONValue] = [:], in connection: any SQLConnection
    ) throws {
        guard let action = context.action else {
            preconditionFailure("a write without a declared audit action: the parity test forbids it")
        }
        let about = try ScopeSubject.of(action.resource, id, in: connection)
        try connection.execute(
            """
            INSERT INTO audit_logs (id, api_key_name, face, action, resource_type, resource_id, model_name, environment, details, ip_address,
                request_id, created_at)
            VALUES (\(Identifier.make()), \(context.caller?.name), \(context.face), \(action.action), \(action.resource.rawValue), \(id), \(about.model), \(about.environment),
                \(JSONColumn(details)), \(context.address), \(context.requestID), \(Timestamp.now))
            """)
    }

    /// Rows, newest first.
    func list(_ call: ListAuditLogs, _ context: CallContext) async throws -> [AuditEntry] {
        let paging = Paging(limit: call.limit, offset: call.offset, skip: call.skip, fallback: 100)
        var conditions: [SQLQuery] =
            ["TRUE"] + context.scope.rows(model: "model_name", environment: "environment", in: database.dialect)
        if let action = call.action { conditions.append("action = \(action)") }
        if let type = call.resourceType { conditions.append("resource_type = \(type)") }
        if let name = call.apiKeyName { conditions.append("api_key_name = \(name)") }
        let query: SQLQuery = """
            SELECT id, api_key_name, action, resource_type, resource_id, details, ip_address, request_id, created_at FROM audit_logs
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY created_at DESC, id DESC LIMIT \(paging.limit) OFFSET \(paging.offset)
            """
        return try await database.read { connection in
            try connection.fetchAll(query) { row in
                var column = row.cursor()
                return AuditEntry(
                    id: try column.next(), apiKeyName: try column.next(), action: try column.next(), resourceType: try column.next(),
                    resourceID: try column.next(), details: try column.next(JSONColumn.self).members, ipAddress: try column.next(),
                    requestID: try column.next(), createdAt: try column.next())
            }
        }
    }
}
