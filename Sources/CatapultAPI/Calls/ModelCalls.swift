extension Catalogue {
    static let models: [any APICall.Type] = [
        ListModels.self, ListModelOptions.self, CreateModel.self, GetModel.self, UpdateModel.self, DeleteModel.self, ListModelVersions.self,
        ListModelReferences.self,
    ]
}

/// Lists models, newest first.
public struct ListModels: PagedCall {
    public typealias Item = Model
    public typealias Output = Page<Model>
    public static let route = Route.get("/models")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Models"
    public static let summary = "List models, newest first"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?
    public var search: String?
    public var source: ModelSource?
    public var serverType: ServerType?
    public var includeOrphaned: Bool?

    /// A call with its parameters.
    public init(
        page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil,
        search: String? = nil,
        source: ModelSource? = nil, serverType: ServerType? = nil, includeOrphaned: Bool? = nil
    ) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
        self.search = search
        self.source = source
        self.serverType = serverType
        self.includeOrphaned = includeOrphaned
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "search": "Part of the name or repository, in any case.",
        "source": "Only models that came this way.",
        "serverType": "Only models of this server type.",
        "includeOrphaned": "Also models whose files are gone. Default false.",
    ]) { $1 }
}

/// Lists models by name, for pickers.
public struct ListModelOptions: APICall {
    public typealias Output = [ModelOption]
    public static let route = Route.get("/models/options")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Models"
    public static let summary = "List ids and names of models, by name"

    /// The most options that an answer holds.
    public static let mostRows = 10_000

    public var prefix: String?
    public var limit: Int?

    /// A call with its parameters.
    public init(prefix: String? = nil, limit: Int? = nil) {
        self.prefix = prefix
        self.limit = limit
    }

    public static let fields: [String: Field] = [
        "prefix": "Only models whose name begins so.",
        "limit": Field("The most options to return, 1 to 10000. Default 10000.", .range(1...Double(mostRows))),
    ]
}

/// Registers a model.
public struct CreateModel: APICall {
    public typealias Output = Model
    public static let route = Route.post("/models")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Models"
    public static let summary = "Register a model"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_model", .model)

    public var name: String
    public var storagePath: String
    public var repository: String?
    public var company: String?
    public var baseModel: String?
    public var parameterCount: String?
    public var description: String?
    public var tags: [String]?
    public var metadata: [String: JSONValue]?
    public var requiresGPU: Bool?
    public var serverType: ServerType?
    public var source: ModelSource?

    /// A call with its parameters.
    public init(
        name: String, storagePath: String, repository: String? = nil, company: String? = nil, baseModel: String? = nil,
        parameterCount: String? = nil, description: String? = nil, tags: [String]? = nil, metadata: [String: JSONValue]? = nil,
        requiresGPU: Bool? = nil, serverType: ServerType? = nil, source: ModelSource? = nil
    ) {
        self.name = name
        self.storagePath = storagePath
        self.repository = repository
        self.company = company
        self.baseModel = baseModel
        self.parameterCount = parameterCount
        self.description = description
        self.tags = tags
        self.metadata = metadata
        self.requiresGPU = requiresGPU
        self.serverType = serverType
        self.source = source
    }

    public static let fields: [String: Field] = Model.fields.picking(
        "name", "storagePath", "repository", "company", "baseModel", "parameterCount", "description", "tags", "metadata", "requiresGPU",
        "serverType", "source")
}

/// Shows a model.
public struct GetModel: APICall {
    public typealias Output = Model
    public static let route = Route.get("/models/{model_id}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Models"
    public static let summary = "Show a model by id or name"

    public var modelID: String

    /// A call with its parameters.
    public init(modelID: String) {
        self.modelID = modelID
    }

    public static let fields: [String: Field] = [
        "modelID": "UUID or exact name of the model."
    ]
}

/// Changes a model; what is absent stays.
public struct UpdateModel: APICall {
    public typealias Output = Model
    public static let route = Route.put("/models/{model_id}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Models"
    public static let summary = "Change a model"
    public static let audit: AuditAction? = AuditAction("update_model", .model)

    public var modelID: String
    public var storagePath: String?
    public var repository: String?
    public var company: String?
    public var baseModel: String?
    public var parameterCount: String?
    public var description: String?
    public var tags: [String]?
    public var metadata: [String: JSONValue]?
    public var requiresGPU: Bool?
    public var serverType: ServerType?

    /// A call with its parameters.
    public init(
        modelID: String, storagePath: String? = nil, repository: String? = nil, company: String? = nil, baseModel: String? = nil,
        parameterCount: String? = nil, description: String? = nil, tags: [String]? = nil, metadata: [String: JSONValue]? = nil,
        requiresGPU: Bool? = nil, serverType: ServerType? = nil
    ) {
        self.modelID = modelID
        self.storagePath = storagePath
        self.repository = repository
        self.company = company
        self.baseModel = baseModel
        self.parameterCount = parameterCount
        self.description = description
        self.tags = tags
        self.metadata = metadata
        self.requiresGPU = requiresGPU
        self.serverType = serverType
    }

    public static let fields: [String: Field] = Model.fields.picking(
        "storagePath", "repository", "company", "baseModel", "parameterCount", "description", "tags", "metadata", "requiresGPU",
        "serverType"
    ).merging(["modelID": "UUID or exact name of the model."]) { $1 }
}

/// Deletes a model with its versions, builds and recorded deployments. Refused while anything else refers to one of its versions.
public struct DeleteModel: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/models/{model_id}")
    public static let access = Access.role(.admin)
    public static let effect = Effect.destructive
    public static let group = "Models"
    public static let summary = "Delete a model and its versions"
    public static let audit: AuditAction? = AuditAction("delete_model", .model)
    public static let elevations = ["force": Role.admin]

    public var modelID: String
    public var force: Bool?

    /// A call with its parameters.
    public init(modelID: String, force: Bool? = nil) {
        self.modelID = modelID
        self.force = force
    }

    public static let fields: [String: Field] = [
        "modelID": "UUID or exact name of the model.",
        "force": "Remove aliases of its versions, and dependencies of others on them, as well. Running deployments are never removed.",
    ]
}

/// Lists the versions of a model, newest first.
public struct ListModelVersions: PagedCall {
    public typealias Item = Version
    public typealias Output = Page<Version>
    public static let route = Route.get("/models/{model_id}/versions")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Models"
    public static let summary = "List the versions of a model"

    public var modelID: String
    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?

    /// A call with its parameters.
    public init(
        modelID: String, page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil
    ) {
        self.modelID = modelID
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
    }

    public static let fields: [String: Field] = Paging.fields.merging([
        "modelID": "UUID or exact name of the model."
    ]) { $1 }
}

/// Lists what stands in the way of deleting a model.
public struct ListModelReferences: APICall {
    public typealias Output = References
    public static let route = Route.get("/models/{model_id}/references")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Models"
    public static let summary = "List what still refers to the versions of a model"

    public var modelID: String

    /// A call with its parameters.
    public init(modelID: String) {
        self.modelID = modelID
    }

    public static let fields: [String: Field] = ["modelID": "UUID or exact name of the model."]
}
