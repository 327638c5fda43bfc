import CatapultAPI
import ContainerEngine
import Glibc
import SQLDatabase

/// The rules of preprocessing: whose program may run over which files.
struct PreprocessService: Sendable {
    let database: Database
    let storage: StoragePaths
    let engine: ContainerEngine
    let gpus: @Sendable () async -> GPUInventory
    let wake: @Sendable () -> Void

    /// Checks a request and puts the program in the queue. An engine that is away is told at once; nothing is stored then.
    func start(_ call: PreprocessModel, _ context: CallContext) async throws -> Preprocessing {
        let model = try await database.read { connection in
            let model = try ModelStore.resolve(call.modelID, for: context.scope, in: connection)
            // An image that only other models have would show a limited key what lies outside of its scope.
            guard try !BuildStore.isForeign(imageTag: call.image, to: context.scope, in: connection) else { throw Self.noImage(call.image) }
            return model
        }
        try PreprocessMounts(call.mounts ?? [:], of: model, storage).check(for: context.scope)
        let image: String
        do {
            image = try await engine.images.inspect(call.image).id
        } catch let error as ContainerEngineError where error.isNotFound {
            throw Self.noImage(call.image)
        }
        let inventory = call.gpu == true ? await gpus() : GPUInventory(gpus: [])
        let id = Identifier.make()
        try await database.write { connection in
            let model = try ModelStore.resolve(model.id, for: context.scope, in: connection)
            try DeploymentPlanner.checkGPUs(
                perReplica: call.gpu == true ? 1 : 0, replicas: 1, inventory: inventory, except: nil, in: connection)
            try OperationStore.insert(
                id: id, kind: .preprocess, subject: .model, subjectID: model.id,
                input: PreprocessInput(image: image, command: call.command, mounts: call.mounts ?? [:], gpu: call.gpu ?? false),
                message: "waiting for a worker", parentID: nil, createdBy: context.caller?.name, in: connection)
            try PreprocessRecord("dispatched", operation: id).store(of: model.id, in: connection)
            try AuditLog.record(
                context, id: model.id,
                details: [
                    "name": .string(model.name), "image": .string(call.image), "operation_id": .string(id),
                    "mounts": .object((call.mounts ?? [:]).mapValues(JSONValue.string)),
                ], in: connection)
        }
        wake()
        return Preprocessing(operationID: id)
    }

    private static func noImage(_ name: String) -> CatapultError {
        var error = DeploymentPlanner.imageNotFound(name, "the container engine has no image of this name")
        error.field = "image"
        error.hint = "Build it on the server's engine, or load it there; nothing is pulled."
        return error
    }
}

/// What a preprocessing was asked for, as its operation keeps it.
struct PreprocessInput: Codable, Sendable {
    /// The id of the image: a name could mean another one by the time that it runs.
    var image: String
    var command: [String]?
    var mounts: [String: String]
    var gpu: Bool
}

/// What a model's `metadata.preprocessing` says, in the words of earlier clients (contract, section 3.1).
struct PreprocessRecord: Sendable {
    private let value: JSONValue

    init(_ status: String, operation id: String, error: String? = nil) {
        value = [
            "status": .string(status), "operation_id": .string(id), "log_path": .string("/api/v1/operations/\(id)/logs"),
            "error": error.map(JSONValue.string) ?? .null,
        ]
    }

    /// Writes it down, where the model is still there.
    func store(of modelID: String, in connection: any SQLConnection) throws {
        guard var model = try ModelStore.find(modelID, in: connection) else { return }
        model.metadata["preprocessing"] = value
        model.updatedAt = .now
        try ModelStore.update(model, in: connection)
    }
}

/// The folders that a program sees.
struct PreprocessMounts: Sendable {
    private let mounts: [String: String]
    private let model: Model
    private let storage: StoragePaths

    init(_ mounts: [String: String], of model: Model, _ storage: StoragePaths) {
        self.mounts = mounts
        self.model = model
        self.storage = storage
    }

    /// - Throws: 400 for what is no folder beneath the storage root, or no place in a container; 403 for a key that is limited to some models and
    ///   asks for more than this one's folder.
    func check(for scope: KeyScope) throws {
        for (source, target) in mounts.sorted(by: { $0.key < $1.key }) {
            guard DeploymentPlanner.isContainerPath(target) else {
                throw CatapultError.invalid(
                    field: "mounts", "\(target) must be an absolute path in the container, such as /models, without '.' and '..'")
            }
            let path = try folder(source)
            if scope.models != nil, try !isOwn(path) { throw CatapultError.wholeScopeRequired() }
        }
    }

    /// The mounts, their paths resolved anew: a link may have changed.
    func resolved() throws -> [ContainerSpecification.Mount] {
        try mounts.sorted { $0.key < $1.key }.map { source, target in
            let path = try folder(source)
            return .init(source: .hostPath(path), target: target, isReadOnly: try !isOwn(path))
        }
    }

    /// The absolute path of what is to be mounted. An engine that makes what is missing would make it as root.
    private func folder(_ source: String) throws(CatapultError) -> String {
        let path = try storage.resolve(source)
        guard access(path, F_OK) == 0 else {
            throw .invalid(
                "InvalidPathError", field: "mounts", "\(source) is not there",
                hint: "`mcp system files` lists what lies beneath the storage root.", details: ["path": .string(source)])
        }
        return path
    }

    private func isOwn(_ path: String) throws -> Bool {
        let folder = try storage.resolve(model.storagePath)
        return folder != storage.root && (path == folder || path.hasPrefix(folder + "/"))
    }
}
