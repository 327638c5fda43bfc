import CatapultAPI
import SQLDatabase

/// Who did what to which thing. Rows are written in the transaction of the change itself: both are there, or neither.
struct AuditLog: Sendable {
    /// The name in rows of what the server does by itself.
    static let system = "system"
    /// Rows that are checked from one snapshot.
    private static let pageSize = 1_000

    let database: Database

    /// Records a call's action. Must be called inside the transaction that makes the change, and before what it deletes is gone: a row is
    /// seen by the keys whose scope holds the thing.
    /// - Parameter kind: the kind of the thing, where a call takes several.
    static func record(
        _ context: CallContext, on kind: ResourceKind? = nil, id: String?, details: [String: JSONValue] = [:],
        in connection: any SQLConnection
    ) throws {
        guard var action = context.action else {
            preconditionFailure("a write without a declared audit action: the parity test forbids it")
        }
        if let kind { action.resource = kind }
        let about = try ScopeSubject.of(action.resource, id, in: connection)
        try AuditStore.append(entry(context, action, .succeeded, id: id, about, details), in: connection)
    }

    /// Records what the server did by itself, as a rule the end of work that somebody asked for: the initiator belongs in the details.
    static func recordSystem(
        _ action: AuditAction, id: String?, outcome: AuditOutcome, details: [String: JSONValue], in connection: any SQLConnection
    ) throws {
        let about = try ScopeSubject.of(action.resource, id, in: connection)
        try AuditStore.append(
            AuditEntry(
                id: Identifier.make(), sequence: 0, apiKeyID: nil, apiKeyName: system, face: system, agent: nil, action: action.action,
                operation: nil, outcome: outcome, resourceType: action.resource.rawValue, resourceID: id, modelName: about.model,
                environment: about.environment, details: details, ipAddress: nil, requestID: nil, createdAt: .now, prevHash: nil, hash: nil),
            in: connection)
    }

    /// Records a write that was refused, in a transaction of its own, since that of the write is gone.
    func recordFailure(_ context: CallContext, _ error: CatapultError, target: [String: String], suppressed: Int) async throws {
        guard let action = context.action else { return }
        var details: [String: JSONValue] = [
            "status": .int(Int64(error.status)), "code": .string(error.code),
            "target": .object(target.mapValues { .string(String($0.prefix(200))) }),
        ]
        if suppressed > 0 { details["not_recorded_before"] = .int(Int64(suppressed)) }
        let entry = Self.entry(context, action, .failed, id: nil, ScopeSubject(), details)
        try await database.write { try AuditStore.append(entry, in: $0) }
    }

    private static func entry(
        _ context: CallContext, _ action: AuditAction, _ outcome: AuditOutcome, id: String?, _ about: ScopeSubject,
        _ details: [String: JSONValue]
    ) -> AuditEntry {
        AuditEntry(
            id: Identifier.make(), sequence: 0, apiKeyID: context.caller?.id, apiKeyName: context.caller?.name, face: context.face,
            agent: context.agent, action: action.action, operation: context.call, outcome: outcome,
            resourceType: action.resource.rawValue, resourceID: id, modelName: about.model, environment: about.environment,
            details: details, ipAddress: context.address, requestID: context.requestID, createdAt: .now, prevHash: nil, hash: nil)
    }

    /// Begins the chain where there is none: its first row holds the number and the digest of the rows of before.
    /// To be called when a server starts, before it serves.
    static func seal(_ database: Database) async throws {
        guard try await database.read({ try AuditStore.head(in: $0) }) == nil else { return }
        try await database.write { connection in
            guard try AuditStore.head(in: connection) == nil else { return }
            // Hashed inside the write, which otherwise is never done: it happens once in the life of a database.
            var digest = AuditChain.Digest()
            var count: Int64 = 0
            try AuditStore.eachUnchained(in: connection) { row in
                digest.add(row)
                count += 1
            }
            try recordSystem(
                AuditAction(AuditVerifier.sealAction, .auditLog), id: nil, outcome: .succeeded,
                details: ["rows": .int(count), "digest": .string(digest.text())], in: connection)
        }
    }

    /// Rows, newest first. Addresses are for admins, and targets of links for those who see everything.
    func list(_ call: ListAuditLogs, _ context: CallContext) async throws -> [AuditEntry] {
        try await database.read { try AuditStore.list(call, for: context.scope, in: $0) }.map { Self.shown($0, to: context) }
    }

    func get(_ call: GetAuditLog, _ context: CallContext) async throws -> AuditEntry {
        Self.shown(try await database.read { try AuditStore.find(call.auditID, for: context.scope, in: $0) }, to: context)
    }

    private static func shown(_ entry: AuditEntry, to context: CallContext) -> AuditEntry {
        var entry = entry
        if context.caller?.role != .admin { entry.ipAddress = nil }
        // Who linked a thing inside to one outside named both.
        if !context.scope.isEverything { entry.details["target"] = nil }
        return entry
    }

    func head() async throws -> AuditHead {
        guard let head = try await database.read({ try AuditStore.head(in: $0) }) else {
            throw CatapultError.notFound(.auditLog, "the chain has no row yet")
        }
        return head
    }

    /// Computes the chain anew, a page at a time.
    func verify(_ call: VerifyAuditLog) async throws -> AuditVerification {
        var verifier = AuditVerifier(expecting: call.expect)
        var last = Int64.min
        while verifier.problem == nil {
            let after = last
            let page = try await database.read { try AuditStore.rows(after: after, limit: Self.pageSize, in: $0) }
            guard let end = page.last else { break }
            for row in page { verifier.add(row) }
            last = end.entry.sequence
            try Task.checkCancellation()
        }
        return verifier.result()
    }
}
