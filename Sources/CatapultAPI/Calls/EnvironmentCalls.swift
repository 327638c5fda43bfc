extension Catalogue {
    static let environments: [any APICall.Type] = [
        ListEnvironments.self, CreateEnvironment.self, GetEnvironment.self, UpdateEnvironment.self, DeleteEnvironment.self,
    ]
}

/// Lists environments by name.
public struct ListEnvironments: PagedCall {
    public typealias Item = Environment
    public typealias Output = Page<Environment>
    public static let route = Route.get("/environments")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Environments"
    public static let summary = "List environments"

    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?

    /// A call with its parameters.
    public init(page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil, cursor: String? = nil) {
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
    }

    public static let fields: [String: Field] = Paging.fields
}

/// Creates an environment.
public struct CreateEnvironment: APICall {
    public typealias Output = Environment
    public static let route = Route.post("/environments")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Environments"
    public static let summary = "Create an environment"
    public static let success = 201
    public static let audit: AuditAction? = AuditAction("create_environment", .environment)

    public var name: String
    public var type: EnvironmentType?
    public var resources: ResourceRequest?
    public var description: String?

    /// A call with its parameters.
    public init(name: String, type: EnvironmentType? = nil, resources: ResourceRequest? = nil, description: String? = nil) {
        self.name = name
        self.type = type
        self.resources = resources
        self.description = description
    }

    public static let fields: [String: Field] = Environment.fields.picking("name", "type", "resources", "description")
}

/// Shows an environment.
public struct GetEnvironment: APICall {
    public typealias Output = Environment
    public static let route = Route.get("/environments/{environment}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Environments"
    public static let summary = "Show an environment by id or name"

    public var environment: String

    /// A call with its parameters.
    public init(environment: String) {
        self.environment = environment
    }

    public static let fields: [String: Field] = [
        "environment": "UUID or name."
    ]
}

/// Changes an environment; what is absent stays. Running replicas keep what they have.
public struct UpdateEnvironment: APICall {
    public typealias Output = Environment
    public static let route = Route.put("/environments/{environment}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Environments"
    public static let summary = "Change an environment"
    public static let audit: AuditAction? = AuditAction("update_environment", .environment)

    public var environment: String
    public var type: EnvironmentType?
    public var resources: ResourceRequest?
    public var description: String?

    /// A call with its parameters.
    public init(environment: String, type: EnvironmentType? = nil, resources: ResourceRequest? = nil, description: String? = nil) {
        self.environment = environment
        self.type = type
        self.resources = resources
        self.description = description
    }

    public static let fields: [String: Field] = Environment.fields.picking("type", "resources", "description").merging([
        "environment": "UUID or name."
    ]) { $1 }
}

/// Deletes an environment that no deployment uses.
public struct DeleteEnvironment: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/environments/{environment}")
    public static let access = Access.role(.admin)
    public static let effect = Effect.destructive
    public static let group = "Environments"
    public static let summary = "Delete an environment"
    public static let audit: AuditAction? = AuditAction("delete_environment", .environment)

    public var environment: String

    /// A call with its parameters.
    public init(environment: String) {
        self.environment = environment
    }

    public static let fields: [String: Field] = [
        "environment": "UUID or name."
    ]
}
