import CatapultAPI
import SQLDatabase

/// The rules of imports: what may be asked for.
struct ImportService: Sendable {
    let database: Database
    let storage: StoragePaths
    let wake: @Sendable (OperationKind) -> Void

    /// Checks a request and puts the import in the queue.
    func start(_ call: ImportModel, _ context: CallContext) async throws -> Operation {
        try Self.check(call)
        // Where the name comes out of the files, the work itself holds it against the scope.
        let name = call.name ?? (call.source == .hub ? call.repository : nil)
        if let name { try context.scope.require(model: name) }
        guard name != nil || context.scope.models == nil else {
            throw CatapultError.invalid(
                field: "name", "A key for some models only must say which model it imports", hint: "Give the name of the model.")
        }
        if let path = call.path {
            _ = try await ScopedFolders(database: database, storage: storage).resolve(path, of: name ?? "", for: context.scope)
        }
        let id = Identifier.make()
        let operation = try await database.write { connection in
            let known = try name.flatMap { try ModelStore.find(named: $0, in: connection) }
            let modelID = known?.id ?? Identifier.make()
            try OperationStore.insert(
                id: id, kind: .import, subject: .model, subjectID: modelID, input: call, message: "waiting for a worker", parentID: nil,
                createdBy: context.caller?.name, modelName: name, in: connection)
            try AuditLog.record(
                context, id: modelID,
                details: [
                    "source": .string(call.source.rawValue), "repository": call.repository.map(JSONValue.string) ?? .null,
                    "path": call.path.map(JSONValue.string) ?? .null, "operation_id": .string(id),
                ], in: connection)
            return try OperationStore.find(id, in: connection)
        }
        wake(.import)
        guard let operation else { throw CatapultError.internalError(requestID: context.requestID) }
        return operation
    }

    /// Each source takes some fields and honours no others.
    private static func check(_ call: ImportModel) throws(CatapultError) {
        let given: [(String, Bool)] = [
            ("repository", call.repository != nil), ("revision", call.revision != nil), ("path", call.path != nil),
            ("include", call.include != nil), ("exclude", call.exclude != nil),
        ]
        let (required, allowed): (String, Set<String>) =
            switch call.source {
            case .hub: ("repository", ["repository", "revision", "include", "exclude"])
            case .cache: ("path", ["path", "repository", "revision"])
            case .gguf: ("path", ["path"])
            }
        for (field, isGiven) in given {
            if field == required, !isGiven {
                throw .unprocessable([
                    FieldProblem(kind: .missing, location: [field], message: "is required for the source \(call.source.rawValue)")
                ])
            }
            if isGiven, !allowed.contains(field) {
                throw .invalid(
                    field: field, "\(field) means nothing for the source \(call.source.rawValue)",
                    hint: "Leave it out; this source takes \(allowed.sorted().joined(separator: ", ")).")
            }
        }
        if let repository = call.repository {
            let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("--") }) else {
                throw .invalid(field: "repository", "\(repository) is not the name of a repository", hint: "It is written org/name.")
            }
        }
    }
}

/// Binds the calls on imports and the sync.
enum ImportRoutes {
    static func register(_ routes: CallRoutes, imports: ImportService, sync: SyncService) {
        routes.handle(ImportModel.self) { try await imports.start($0, $1) }
        routes.handle(SyncStorage.self) { try await sync.start($0, $1) }
    }
}
