import CatapultAPI
import SQLDatabase

/// The rules of aliases and of the life of versions: promoted, demoted, deprecated, archived, restored.
///
/// Every write makes its plan inside its transaction and carries that out; a dry run makes the same plan from a snapshot and stops there.
struct VersionLifeService: Sendable {
    let database: Database

    // MARK: Aliases

    func aliases(_ call: ListVersionAliases, _ context: CallContext) async throws -> [VersionAlias] {
        try await database.read { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            let newest = try VersionStore.newest(ofModelID: model.id, in: connection)
            return try (newest.map { [Self.latest($0)] } ?? []) + AliasStore.list(modelID: model.id, in: connection)
        }
    }

    func alias(_ call: GetVersionAlias, _ context: CallContext) async throws -> VersionAlias {
        try await database.read { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            if let alias = try AliasStore.find(call.alias, modelID: model.id, in: connection) { return alias }
            if call.alias == VersionAlias.latest, let newest = try VersionStore.newest(ofModelID: model.id, in: connection) {
                return Self.latest(newest)
            }
            throw try Self.notFound(call.alias, of: model, in: connection)
        }
    }

    func history(_ call: ListAliasHistory, _ context: CallContext) async throws -> Page<AliasMove> {
        try await database.read { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            let page = try AliasStore.history(call, modelID: model.id, in: connection)
            // One that was removed keeps its history; a name that never was one is a mistake that somebody should hear of.
            guard page.total > 0 else { throw try Self.notFound(call.alias, of: model, in: connection) }
            return page
        }
    }

    func setAlias(_ call: SetVersionAlias, _ context: CallContext) async throws -> VersionTransition {
        try await carryOut(call.dryRun, reason: call.reason, context) { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            try Self.checkName(call.alias, field: "alias", of: model, in: connection)
            let version = try VersionStore.resolve(call.version, within: model, for: context.scope, in: connection)
            let current = try Self.current(call.alias, of: model, expected: call.expectedVersion, in: connection)
            return (version, try LifePlan.point(call.alias, from: current, to: version))
        }
    }

    func deleteAlias(_ call: DeleteVersionAlias, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            guard let current = try Self.current(call.alias, of: model, expected: call.expectedVersion, in: connection) else {
                throw try Self.notFound(call.alias, of: model, in: connection)
            }
            try AliasStore.point(
                call.alias, modelID: model.id, from: current, to: nil, reason: call.reason, by: context.caller?.name, in: connection)
            try AuditLog.record(
                context, id: current.id,
                details: [
                    "alias": .string(call.alias), "from": .string(current.handle), "reason": call.reason.map(JSONValue.string) ?? .null,
                ], in: connection)
            return Deletion(deletedID: call.alias)
        }
    }

    // MARK: Stages

    func promote(_ call: PromoteVersion, _ context: CallContext) async throws -> VersionTransition {
        try await carryOut(call.dryRun, reason: call.reason, context) { connection in
            let (version, model) = try Self.versionAndModel(call.versionID, context, in: connection)
            let stage = call.stage ?? LifePlan.releaseStage
            try Self.checkName(stage, field: "stage", of: model, in: connection)
            let current = try Self.current(stage, of: model, expected: call.expectedVersion, in: connection)
            return (version, try LifePlan.promote(version, to: stage, current: current))
        }
    }

    func demote(_ call: DemoteVersion, _ context: CallContext) async throws -> VersionTransition {
        try await carryOut(call.dryRun, reason: call.reason, context) { connection in
            let (version, model) = try Self.versionAndModel(call.versionID, context, in: connection)
            let stage = call.stage ?? LifePlan.releaseStage
            let current = try Self.current(stage, of: model, expected: nil, in: connection)
            let replacement = try Self.replacement(call, for: version, stage, of: model, context, in: connection)
            return (version, try LifePlan.demote(version, from: stage, current: current, replacement: replacement))
        }
    }

    private static func replacement(
        _ call: DemoteVersion, for version: Version, _ stage: String, of model: Model, _ context: CallContext,
        in connection: any SQLConnection
    ) throws -> Version? {
        if let reference = call.replacement {
            guard call.restorePrevious != true else {
                throw CatapultError.invalid(
                    field: "restore_previous", "replacement and restore_previous cannot go together", hint: "Give one of them.")
            }
            return try VersionStore.resolve(reference, within: model, for: context.scope, in: connection)
        }
        guard call.restorePrevious == true else { return nil }
        guard let id = try AliasStore.previousTarget(of: stage, modelID: model.id, before: version.id, in: connection),
            let previous = try VersionStore.find(id, in: connection)
        else {
            throw CatapultError.conflict(
                "no_previous_version", "\(stage) of \(model.name) pointed at no other version before \(version.version).",
                field: "restore_previous", hint: "Name the version that takes it with replacement, or leave both out.")
        }
        return previous
    }

    // MARK: Status

    func deprecate(_ call: DeprecateVersion, _ context: CallContext) async throws -> VersionTransition {
        try await carryOut(call.dryRun, reason: call.message, context) { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            let successor = try call.successor.map { try VersionStore.resolve($0, for: context.scope, in: connection) }
            if let successor, successor.id == version.id {
                throw CatapultError.invalid(field: "successor", "\(version.handle) cannot be its own successor")
            }
            let deprecation = Deprecation(
                message: call.message ?? version.deprecation?.message, successorID: successor?.id ?? version.deprecation?.successorID,
                successor: successor?.handle ?? version.deprecation?.successor, retiresAt: call.retiresAt ?? version.deprecation?.retiresAt,
                deprecatedAt: .now)
            return (version, try LifePlan.step(.deprecate, version, deprecation: deprecation))
        }
    }

    func archive(_ call: ArchiveVersion, _ context: CallContext) async throws -> VersionTransition {
        try await carryOut(call.dryRun, reason: call.reason, context) { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            let references = try ReferenceStore.list(of: .version(version), for: context.scope, in: connection)
            return (version, try LifePlan.step(.archive, version, references: references))
        }
    }

    func restore(_ call: RestoreVersion, _ context: CallContext) async throws -> VersionTransition {
        try await carryOut(call.dryRun, reason: call.reason, context) { connection in
            let version = try VersionStore.resolve(call.versionID, for: context.scope, in: connection)
            return (version, try LifePlan.step(.restore, version))
        }
    }

    // MARK: Parts

    private func carryOut(
        _ dryRun: Bool?, reason: String?, _ context: CallContext,
        plan makePlan: @escaping @Sendable (any SQLConnection) throws -> (Version, LifePlan)
    ) async throws -> VersionTransition {
        if dryRun == true {
            return try await database.read { connection in
                let (version, plan) = try makePlan(connection)
                return VersionTransition(version: version, changes: plan.steps.map(\.change), warnings: plan.warnings, dryRun: true)
            }
        }
        return try await database.write { connection in
            let (version, plan) = try makePlan(connection)
            let changes = plan.steps.map(\.change)
            if !changes.isEmpty {
                try LifeStore.apply(plan, reason: reason, by: context.caller?.name, in: connection)
                try AuditLog.record(
                    context, id: version.id,
                    details: [
                        "version": .string(version.handle), "changes": .array(changes.map { .string($0.summary) }),
                        "reason": reason.map(JSONValue.string) ?? .null,
                    ], in: connection)
            }
            return VersionTransition(
                version: try VersionStore.find(version.id, in: connection) ?? version, changes: changes, warnings: plan.warnings,
                dryRun: false)
        }
    }

    private static func versionAndModel(
        _ reference: String, _ context: CallContext, in connection: any SQLConnection
    ) throws -> (Version, Model) {
        let version = try VersionStore.resolve(reference, for: context.scope, in: connection)
        return (version, try ModelStore.resolve(version.modelID, for: context.scope, in: connection))
    }

    /// The version that an alias points at, held against what the caller believes.
    ///
    /// - Throws: 409 with the present version where somebody was faster.
    private static func current(
        _ alias: String, of model: Model, expected: String?, in connection: any SQLConnection
    ) throws -> Version? {
        let current = try AliasStore.target(of: alias, modelID: model.id, in: connection).flatMap {
            try VersionStore.find($0, in: connection)
        }
        guard let expected else { return current }
        let isAsExpected =
            if let current {
                [current.id, current.version, current.handle].contains(expected)
            } else {
                expected.isEmpty || expected == "none"
            }
        guard isAsExpected else {
            let present = current.map { "points at \($0.handle)" } ?? "does not exist"
            throw CatapultError.conflict(
                "alias_moved", type: "AliasMovedError", "The alias \(alias) of \(model.name) \(present), not at \(expected).",
                field: "expected_version",
                hint: "Look at its history with `mcp version alias history \(model.name):\(alias)`, then decide anew.",
                details: [
                    "current_version_id": current.map { .string($0.id) } ?? .null,
                    "current_version": current.map { .string($0.version) } ?? .null,
                ])
        }
        return current
    }

    /// - Throws: 400 for the computed alias, 409 for the name of a version: `model:name` would mean that version.
    private static func checkName(_ alias: String, field: String, of model: Model, in connection: any SQLConnection) throws {
        guard alias != VersionAlias.latest else {
            throw CatapultError.invalid(
                field: field, "latest is computed: it always means the newest version that is not archived",
                hint: "Choose another name, such as stable.")
        }
        if try connection.exists("SELECT 1 FROM versions WHERE model_id = \(model.id) AND version = \(alias)") {
            throw CatapultError.conflict(
                "alias_is_a_version", "\(model.name) has a version \(alias), and a version's name goes before an alias.", field: field,
                hint: "Choose another name for the alias.")
        }
    }

    private static func notFound(_ alias: String, of model: Model, in connection: any SQLConnection) throws -> CatapultError {
        let others = try AliasStore.list(modelID: model.id, in: connection).prefix(3).map { "\(model.name):\($0.alias)" }
        var error = CatapultError.notFound(.alias, "\(model.name):\(alias)", candidates: others)
        if others.isEmpty { error.hint = "Make it with `mcp version alias set \(model.name):\(alias) VERSION`." }
        return error
    }

    private static func latest(_ version: Version) -> VersionAlias {
        VersionAlias(
            alias: VersionAlias.latest, modelID: version.modelID, modelName: version.modelName, versionID: version.id,
            version: version.version, quantization: version.quantization, status: version.status, isComputed: true, reason: nil,
            movedBy: nil, movedAt: version.createdAt)
    }
}
