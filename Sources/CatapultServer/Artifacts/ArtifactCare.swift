import CatapultAPI
import SQLDatabase

/// Begins the operations that look after stored bytes.
struct ArtifactCare: Sendable {
    let database: Database
    let runner: OperationRunner

    func verify(_ call: VerifyArtifacts, _ context: CallContext) async throws -> Operation {
        let operation = try await database.write { connection in
            var input = VerifyOperation.Input(
                sha256: call.sha256, olderThanHours: call.olderThanHours, bytesPerSecond: call.bytesPerSecond)
            var subject: (kind: ResourceKind, id: String) = (.storage, "storage")
            if let reference = call.artifactID {
                let artifact = try ArtifactStore.get(reference, for: context.scope, in: connection).artifact
                input.artifactID = artifact.id
                subject = (.artifact, artifact.id)
            }
            if let reference = call.modelID {
                let model = try ModelStore.resolve(reference, for: context.scope, in: connection)
                input.modelID = model.id
                subject = (.model, model.id)
            }
            if let reference = call.versionID ?? call.releaseID {
                let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
                input.versionID = version.id
                subject = (.version, version.id)
            }
            if subject.kind == .storage, !context.scope.isEverything { throw CatapultError.wholeScopeRequired() }
            return try Self.queue(.verify, subject, input, context, in: connection)
        }
        runner.wake(.verify)
        return operation
    }

    func collectGarbage(_ call: CollectGarbage, _ context: CallContext) async throws -> Operation {
        let input = GarbageOperation.Input(dryRun: call.dryRun, graceHours: call.graceHours, retentionHours: call.retentionHours)
        let operation = try await database.write { try Self.queue(.gc, (.storage, "storage"), input, context, in: $0) }
        runner.wake(.gc)
        return operation
    }

    /// One that waits to do the same is given instead of another: whoever asks again wants it done, not done twice.
    private static func queue(
        _ kind: OperationKind, _ subject: (kind: ResourceKind, id: String), _ input: some Encodable, _ context: CallContext,
        in connection: any SQLConnection
    ) throws -> Operation {
        if let waiting = try OperationStore.waiting(kind, subjectID: subject.id, input: input, in: connection) {
            try AuditLog.record(context, on: subject.kind, id: subject.id, details: ["operation_id": .string(waiting.id)], in: connection)
            return waiting
        }
        let id = Identifier.make()
        try OperationStore.insert(
            id: id, kind: kind, subject: subject.kind, subjectID: subject.id, input: input, message: "waiting for a worker", parentID: nil,
            createdBy: context.caller?.name, in: connection)
        try AuditLog.record(context, on: subject.kind, id: subject.id, details: ["operation_id": .string(id)], in: connection)
        guard let operation = try OperationStore.find(id, in: connection) else { throw CatapultError.notFound(.operation, id) }
        return operation
    }
}
