/// An image as the engine describes it in full.
public struct EngineImage: Sendable, Hashable, Decodable {
    /// `sha256:…`, the digest of the image's configuration.
    public let id: String
    /// References with tags, such as `name:tag`.
    public let tags: [String]
    /// References with the digest of the manifest; empty for an image that was never pushed or pulled.
    public let digests: [String]
    /// When the image was made; nil where that is not recorded.
    public let created: EngineTimestamp?
    /// The size of all layers, unpacked.
    public let sizeBytes: Int64
    /// The digests of the layers, lowest first.
    public let layers: [String]
    /// The labels of the configuration.
    public let labels: [String: String]
    /// `K=V` of the configuration.
    public let environment: [String]
    /// The ports that the image says it listens on, such as `8080/tcp`.
    public let exposedPorts: [String]
    /// The command of the configuration.
    public let command: [String]
    /// The entry point of the configuration.
    public let entrypoint: [String]
    /// Whether the image has a health check of its own.
    public let hasHealthCheck: Bool
    /// The user of the configuration; empty is root.
    public let user: String
    /// Such as `amd64`.
    public let architecture: String
    /// Such as `linux`.
    public let operatingSystem: String

    private enum Key: String, CodingKey {
        case id = "Id"
        case tags = "RepoTags"
        case digests = "RepoDigests"
        case created = "Created"
        case size = "Size"
        case rootFileSystem = "RootFS"
        case config = "Config"
        case architecture = "Architecture"
        case operatingSystem = "Os"
    }

    private struct RootFileSystem: Decodable {
        var layers: [String]?
        enum CodingKeys: String, CodingKey { case layers = "Layers" }
    }

    private struct Config: Decodable {
        struct Check: Decodable {
            var test: [String]?
            enum CodingKeys: String, CodingKey { case test = "Test" }
        }
        struct Empty: Decodable {}
        var labels: [String: String]?
        var environment: [String]?
        var exposedPorts: [String: Empty]?
        var command: [String]?
        var entrypoint: [String]?
        var user: String?
        var healthCheck: Check?
        enum CodingKeys: String, CodingKey {
            case labels = "Labels"
            case environment = "Env"
            case exposedPorts = "ExposedPorts"
            case command = "Cmd"
            case entrypoint = "Entrypoint"
            case user = "User"
            case healthCheck = "Healthcheck"
        }
    }

    /// Reads the answer of `GET /images/{name}/json`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let config = try container.decodeIfPresent(Config.self, forKey: .config)
        id = try container.decode(String.self, forKey: .id)
        tags = try container.decodeIfPresent([String].self, forKey: .tags) ?? []
        digests = try container.decodeIfPresent([String].self, forKey: .digests) ?? []
        created = EngineTimestamp(engineText: try container.decodeIfPresent(String.self, forKey: .created))
        sizeBytes = try container.decodeIfPresent(Int64.self, forKey: .size) ?? 0
        layers = try container.decodeIfPresent(RootFileSystem.self, forKey: .rootFileSystem)?.layers ?? []
        labels = config?.labels ?? [:]
        environment = config?.environment ?? []
        exposedPorts = (config?.exposedPorts ?? [:]).keys.sorted()
        command = config?.command ?? []
        entrypoint = config?.entrypoint ?? []
        user = config?.user ?? ""
        hasHealthCheck = (config?.healthCheck?.test?.first).map { $0 != "NONE" } ?? false
        architecture = try container.decodeIfPresent(String.self, forKey: .architecture) ?? ""
        operatingSystem = try container.decodeIfPresent(String.self, forKey: .operatingSystem) ?? ""
    }
}

/// An image in a list.
public struct ImageSummary: Sendable, Hashable, Decodable {
    /// `sha256:…`
    public let id: String
    /// References with tags.
    public let tags: [String]
    /// When the image was made.
    public let created: EngineTimestamp
    /// The size of all layers, unpacked.
    public let sizeBytes: Int64
    /// The labels of the configuration.
    public let labels: [String: String]

    private enum Key: String, CodingKey {
        case id = "Id"
        case tags = "RepoTags"
        case created = "Created"
        case size = "Size"
        case labels = "Labels"
    }

    /// Reads an element of the answer of `GET /images/json`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        id = try container.decode(String.self, forKey: .id)
        // Older engines list an untagged image as this one tag.
        tags = (try container.decodeIfPresent([String].self, forKey: .tags) ?? []).filter { $0 != "<none>:<none>" }
        created = EngineTimestamp(seconds: try container.decodeIfPresent(Int64.self, forKey: .created) ?? 0)
        sizeBytes = try container.decodeIfPresent(Int64.self, forKey: .size) ?? 0
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    }
}

/// One step of an image's history, newest first in lists.
public struct ImageHistoryStep: Sendable, Hashable, Decodable {
    /// The id of the image after the step; nil where it is not on this engine.
    public let id: String?
    /// When the step was made.
    public let created: EngineTimestamp
    /// The instruction of the step.
    public let createdBy: String
    /// What the step added, unpacked.
    public let sizeBytes: Int64
    /// The references that point to the image after the step.
    public let tags: [String]
    /// What its maker noted.
    public let comment: String

    private enum Key: String, CodingKey {
        case id = "Id"
        case created = "Created"
        case createdBy = "CreatedBy"
        case size = "Size"
        case tags = "Tags"
        case comment = "Comment"
    }

    /// Reads an element of the answer of `GET /images/{name}/history`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let id = try container.decode(String.self, forKey: .id)
        self.id = id == "<missing>" ? nil : id
        created = EngineTimestamp(seconds: try container.decodeIfPresent(Int64.self, forKey: .created) ?? 0)
        createdBy = try container.decodeIfPresent(String.self, forKey: .createdBy) ?? ""
        sizeBytes = try container.decodeIfPresent(Int64.self, forKey: .size) ?? 0
        tags = try container.decodeIfPresent([String].self, forKey: .tags) ?? []
        comment = try container.decodeIfPresent(String.self, forKey: .comment) ?? ""
    }
}

/// What a removal did.
public struct ImageRemoval: Sendable, Hashable {
    /// The references that no longer exist.
    public let untagged: [String]
    /// The ids of the images and layers that no longer exist.
    public let deleted: [String]
}
