import CatapultAPI
import SQLDatabase

/// The SQL of the audit log. Rows are only ever appended; triggers of the database refuse anything else.
enum AuditStore {
    private static let columns: SQLQuery = """
        id, sequence, api_key_id, api_key_name, face, agent, action, operation, outcome, resource_type, resource_id, model_name, environment,
        details, ip_address, request_id, created_at, prev_hash, hash
        """

    private static func row(_ row: SQLRow) throws -> AuditChain.Row {
        var column = row.cursor()
        var entry = AuditEntry(
            id: try column.next(), sequence: try column.next(), apiKeyID: try column.next(), apiKeyName: try column.next(),
            face: try column.next(), agent: try column.next(), action: try column.next(), operation: try column.next(),
            outcome: try column.next(), resourceType: try column.next(), resourceID: try column.next(), modelName: try column.next(),
            environment: try column.next(), details: [:], ipAddress: nil, requestID: nil, createdAt: .now, prevHash: nil, hash: nil)
        let details: String = try column.next()
        // A text that somebody has made into something else than JSON shows in its hash, and must not stop the check of it.
        entry.details = (try? JSONParser.parse(details.utf8))?.objectValue ?? [:]
        entry.ipAddress = try column.next()
        entry.requestID = try column.next()
        entry.createdAt = try column.next()
        entry.prevHash = try column.next()
        entry.hash = try column.next()
        return AuditChain.Row(entry: entry, details: details)
    }

    /// Appends a row to the chain: gives it its place and its hash. Writes are one after the other, so nobody else can be doing the same.
    static func append(_ entry: AuditEntry, in connection: any SQLConnection) throws {
        let head = try head(in: connection)
        var entry = entry
        entry.sequence = (head?.sequence ?? 0) + 1
        let row = AuditChain.Row(entry: entry, details: JSONColumn(entry.details).value.jsonText)
        let previous = head?.hash ?? AuditChain.origin
        try connection.execute(
            """
            INSERT INTO audit_logs (\(columns))
            VALUES (\(entry.id), \(entry.sequence), \(entry.apiKeyID), \(entry.apiKeyName), \(entry.face), \(entry.agent), \(entry.action),
                \(entry.operation), \(entry.outcome), \(entry.resourceType), \(entry.resourceID), \(entry.modelName), \(entry.environment),
                \(row.details), \(entry.ipAddress), \(entry.requestID), \(entry.createdAt), \(previous), \(AuditChain.hash(of: row, after: previous)))
            """)
    }

    /// The end of the chain; nil before its first row.
    static func head(in connection: any SQLConnection) throws -> AuditHead? {
        try connection.fetchFirst(
            "SELECT sequence, hash, created_at FROM audit_logs WHERE sequence > 0 ORDER BY sequence DESC LIMIT 1"
        ) { AuditHead(sequence: try $0.get(0), hash: try $0.get(1), createdAt: try $0.get(2)) }
    }

    /// Rows in the order of the chain, after a place in it.
    static func rows(after sequence: Int64, limit: Int, in connection: any SQLConnection) throws -> [AuditChain.Row] {
        try connection.fetchAll(
            "SELECT \(columns) FROM audit_logs WHERE sequence > \(sequence) ORDER BY sequence LIMIT \(limit)", row)
    }

    /// Goes over the rows of before the chain, one at a time.
    static func eachUnchained(in connection: any SQLConnection, _ body: (AuditChain.Row) -> Void) throws {
        _ = try connection.fetchAll("SELECT \(columns) FROM audit_logs WHERE sequence < 1 ORDER BY sequence") { body(try row($0)) }
    }

    static func find(_ reference: String, for scope: KeyScope, in connection: any SQLConnection) throws -> AuditEntry {
        let key: SQLQuery = Int64(reference).map { "sequence = \($0)" } ?? "id = \(reference.lowercased())"
        let filter = ([key] + conditions(of: scope, in: connection)).joined(separator: " AND ")
        guard let found = try connection.fetchFirst("SELECT \(columns) FROM audit_logs WHERE \(filter)", row) else {
            throw CatapultError.notFound(.auditLog, reference)
        }
        return found.entry
    }

    static func list(_ call: ListAuditLogs, for scope: KeyScope, in connection: any SQLConnection) throws -> [AuditEntry] {
        let paging = Paging(limit: call.limit, offset: call.offset, skip: call.skip, fallback: 100)
        var conditions: [SQLQuery] = ["TRUE"] + conditions(of: scope, in: connection)
        if let action = call.action { conditions.append("action = \(action)") }
        if let type = call.resourceType { conditions.append("resource_type = \(type)") }
        if let id = call.resourceID { conditions.append("resource_id = \(id.lowercased())") }
        if let name = call.apiKeyName { conditions.append("api_key_name = \(name)") }
        if let outcome = call.outcome { conditions.append("outcome = \(outcome)") }
        if let since = call.since { conditions.append("created_at >= \(since)") }
        if let until = call.until { conditions.append("created_at < \(until)") }
        if let before = call.before { conditions.append("sequence < \(before)") }
        if let after = call.after { conditions.append("sequence > \(after)") }
        let order: SQLQuery = call.after == nil ? "sequence DESC" : "sequence"
        return try connection.fetchAll(
            """
            SELECT \(columns) FROM audit_logs WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(order) LIMIT \(paging.limit) OFFSET \(paging.offset)
            """, row
        ).map(\.entry)
    }

    private static func conditions(of scope: KeyScope, in connection: any SQLConnection) -> [SQLQuery] {
        scope.rows(model: "model_name", environment: "environment", in: connection.dialect)
    }
}
