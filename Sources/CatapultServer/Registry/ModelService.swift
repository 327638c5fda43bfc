import CatapultAPI
import SQLDatabase

/// The rules of models.
struct ModelService: Sendable {
    let database: Database
    let storage: StoragePaths

    private var folders: ScopedFolders { ScopedFolders(database: database, storage: storage) }

    func list(_ call: ListModels, _ context: CallContext) async throws -> Page<Model> {
        try await database.read { try ModelStore.list(call, for: context.scope, in: $0) }
    }

    func options(_ call: ListModelOptions, _ context: CallContext) async throws -> OptionList<ModelOption> {
        try await database.read { try ModelStore.options(call, for: context.scope, in: $0) }
    }

    func get(_ call: GetModel, _ context: CallContext) async throws -> Model {
        try await database.read { try ModelStore.resolve(call.modelID, for: context.scope, in: $0) }
    }

    func create(_ call: CreateModel, _ context: CallContext) async throws -> Model {
        try context.scope.require(model: call.name)
        let folder = try await folders.resolve(call.storagePath, of: call.name, for: context.scope)
        let found = await FactsRecorder(database: database, storage: storage).facts(ofFolder: folder)
        let now = Timestamp.now
        var model = Model(
            id: Identifier.make(at: now), name: call.name, storagePath: call.storagePath, repository: call.repository,
            company: call.company,
            baseModel: call.baseModel, parameterCount: call.parameterCount, description: call.description, tags: call.tags ?? [],
            metadata: call.metadata ?? [:], requiresGPU: call.requiresGPU ?? true,
            serverType: call.serverType, source: call.source ?? .manual, versionCount: 0, createdAt: now, updatedAt: now)
        if let found { model.learn(found.facts, paths: found.paths) }
        do {
            try await database.write { [model] connection in
                try ModelStore.insert(model, in: connection)
                try AuditLog.record(
                    context, id: model.id, details: ["name": .string(model.name), "storage_path": .string(model.storagePath)],
                    in: connection)
            }
        } catch DatabaseError.uniqueViolation {
            throw CatapultError.alreadyExists(.model, call.name)
        }
        return model
    }

    func update(_ call: UpdateModel, _ context: CallContext) async throws -> Model {
        if let path = call.storagePath {
            let name = try await get(GetModel(modelID: call.modelID), context).name
            _ = try await folders.resolve(path, of: name, for: context.scope)
        }
        return try await database.write { connection in
            var model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            model.storagePath = call.storagePath ?? model.storagePath
            model.repository = call.repository ?? model.repository
            model.company = call.company ?? model.company
            model.baseModel = call.baseModel ?? model.baseModel
            model.parameterCount = call.parameterCount ?? model.parameterCount
            model.description = call.description ?? model.description
            model.tags = call.tags ?? model.tags
            model.metadata = call.metadata ?? model.metadata
            model.requiresGPU = call.requiresGPU ?? model.requiresGPU
            if let type = call.serverType { model.choose(type) }
            model.updatedAt = .now
            try ModelStore.update(model, in: connection)
            try AuditLog.record(context, id: model.id, details: ["name": .string(model.name)], in: connection)
            return model
        }
    }

    /// Deletes the row and what hangs on it; files beneath the storage root stay, they are not ours to remove.
    func delete(_ call: DeleteModel, _ context: CallContext) async throws -> Deletion {
        try await database.write { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            let released = try ReferenceStore.release(.model(model), force: call.force == true, context, in: connection)
            try AuditLog.record(
                context, id: model.id,
                details: ["name": .string(model.name), "versions": .int(Int64(model.versionCount))].merging(released.details) { $1 },
                in: connection
            )
            try ArtifactStore.delete(ofModel: model.id, in: connection)
            try ModelStore.delete(model.id, in: connection)
            return Deletion(deletedID: model.id, released: released.references)
        }
    }

    func references(_ call: ListModelReferences, _ context: CallContext) async throws -> References {
        try await database.read { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            return try ReferenceStore.list(of: .model(model), for: context.scope, in: connection)
        }
    }

    func versions(_ call: ListModelVersions, _ context: CallContext) async throws -> Page<Version> {
        try await database.read { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            return try VersionStore.list(call, ofModel: model, in: connection)
        }
    }
}
