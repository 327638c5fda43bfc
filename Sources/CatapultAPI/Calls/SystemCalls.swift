extension Catalogue {
    static let system: [any APICall.Type] = [
        GetGreeting.self, GetHealth.self, GetServerInfo.self, GetStorage.self, GetGPUs.self,
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
