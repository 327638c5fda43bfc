extension Catalogue {
    static let system: [any APICall.Type] = [
        GetGreeting.self, GetHealth.self, GetServerInfo.self, GetStorage.self, ListStorageFiles.self, GetGPUs.self,
    ]
}

/// Greets, and says where to go.
public struct GetGreeting: APICall {
    public typealias Output = Greeting
    public static let route = Route.root("/")
    public static let access = Access.open
    public static let effect = Effect.read
    public static let group = "System"
    public static let summary = "Greet"

    /// A call with its parameters.
    public init() {}
}

/// Says whether the server works; 503 when its database does not answer.
public struct GetHealth: APICall {
    public typealias Output = Health
    public static let route = Route.root("/api/health", alias: "/health")
    public static let access = Access.open
    public static let effect = Effect.read
    public static let group = "System"
    public static let summary = "Say whether the server works"

    /// A call with its parameters.
    public init() {}
}

/// Says what server this is.
public struct GetServerInfo: APICall {
    public typealias Output = ServerInfo
    public static let route = Route.get("/info")
    public static let access = Access.open
    public static let effect = Effect.read
    public static let group = "System"
    public static let summary = "Show name and version of the server"

    /// A call with its parameters.
    public init() {}
}

/// Shows the file system of the storage root.
public struct GetStorage: APICall {
    public typealias Output = Storage
    public static let route = Route.get("/system/storage")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "System"
    public static let summary = "Show storage"

    /// A call with its parameters.
    public init() {}
}

/// Lists a folder beneath the storage root: folders first, then by name without regard to case.
public struct ListStorageFiles: APICall {
    public typealias Output = [StorageFile]
    public static let route = Route.get("/system/files")
    public static let access = Access.role(.viewer)
    public static let needsWholeScope = true
    public static let effect = Effect.read
    public static let group = "System"
    public static let summary = "List a folder of the storage root"

    public var path: String?
    public var skip: Int?
    public var offset: Int?
    public var limit: Int?

    /// A call with its parameters.
    public init(path: String? = nil, skip: Int? = nil, offset: Int? = nil, limit: Int? = nil) {
        self.path = path
        self.skip = skip
        self.offset = offset
        self.limit = limit
    }

    public static let fields: [String: Field] = Paging.fields.picking("skip", "offset").merging([
        "path": Field("The folder, from the storage root on. Default: the root itself.", .length(0...4_096)),
        "limit": Field(
            "Entries to return, at most 10000. Default 1000; the header X-Total-Count says how many there are.", .range(1...10_000)),
    ]) { $1 }
}

/// Shows the GPUs of the host.
public struct GetGPUs: APICall {
    public typealias Output = GPUInventory
    public static let route = Route.get("/system/gpu")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "System"
    public static let summary = "Show GPUs"

    /// A call with its parameters.
    public init() {}
}
