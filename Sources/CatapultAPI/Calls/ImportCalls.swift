extension Catalogue {
    static let imports: [any APICall.Type] = [ImportModel.self, SyncStorage.self]
}

/// Brings a model from elsewhere into the registry, as an operation: from a hub, from a hub's cache on the server, or from a GGUF file there.
///
/// What the files say of themselves goes into the model's empty fields. Importing the same thing again changes nothing.
public struct ImportModel: APICall {
    public typealias Output = Operation
    public static let route = Route.post("/models/import")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Models"
    public static let summary = "Import a model from a hub, a hub's cache or a GGUF file"
    public static let success = 202
    public static let audit: AuditAction? = AuditAction("import_model", .model)

    public var source: ImportSource
    public var repository: String?
    public var revision: String?
    public var path: String?
    public var name: String?
    public var version: String?
    public var serverType: ServerType?
    public var tags: [String]?
    public var include: [String]?
    public var exclude: [String]?

    /// A call with its parameters.
    public init(
        source: ImportSource, repository: String? = nil, revision: String? = nil, path: String? = nil, name: String? = nil,
        version: String? = nil, serverType: ServerType? = nil, tags: [String]? = nil, include: [String]? = nil, exclude: [String]? = nil
    ) {
        self.source = source
        self.repository = repository
        self.revision = revision
        self.path = path
        self.name = name
        self.version = version
        self.serverType = serverType
        self.tags = tags
        self.include = include
        self.exclude = exclude
    }

    public static let fields: [String: Field] = [
        "source": "Where the model comes from.",
        "repository": Field("Hub: name of the repository, such as org/model. Cache: which of several repositories.", .text(.name)),
        "revision": Field("Hub and cache: branch, tag or commit. Default main.", .length(1...200)),
        "path": Field(
            "Cache: folder of the cache, of a repository in it, or of a snapshot. GGUF: the file, the first of several shards. Beneath the storage root; the files stay where they are.",
            .length(1...1_000)),
        "name": Field("Name of the model. Default: the repository's name, or the file's.", .text(.name)),
        "version": Field("Name of the version. Default: the commit, or the digest of the file, in short.", .text(.version)),
        "serverType": "The kind of server that runs the model; found from the files when absent.",
        "tags": Field("Words to find the model by, where it is new.", .length(0...100)),
        "include": Field(
            "Hub: only files whose path matches one of these patterns, in which * stands for anything. Default: all but other forms of the same weights.",
            .length(1...100)),
        "exclude": Field("Hub: no files whose path matches one of these patterns.", .length(1...100)),
    ]
}

/// Where an imported model comes from.
public enum ImportSource: String, Codable, Sendable, CaseIterable {
    /// A repository of a hub that speaks the Hugging Face protocol.
    case hub
    /// The cache that the hub's own tools keep, or a snapshot folder in it.
    case cache = "hf-cache"
    /// A GGUF file.
    case gguf
}

/// Holds the registry against the folders beneath the models directory, as an operation: new folders become models, changed files become
/// new versions, models whose folder is gone are marked orphaned and come back with it. Nothing is ever deleted.
public struct SyncStorage: APICall {
    public typealias Output = Operation
    public static let route = Route.post("/system/sync")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "System"
    public static let summary = "Register what lies in the models directory"
    public static let success = 202
    public static let audit: AuditAction? = AuditAction("sync_storage", .storage)

    public var dryRun: Bool?
    public var allowEmpty: Bool?

    /// A call with its parameters.
    public init(dryRun: Bool? = nil, allowEmpty: Bool? = nil) {
        self.dryRun = dryRun
        self.allowEmpty = allowEmpty
    }

    public static let fields: [String: Field] = [
        "dryRun": "Only report what would change. Default false.",
        "allowEmpty":
            "Mark all models orphaned where the models directory is empty; otherwise that is an error, since a file system may not be mounted. Default false.",
    ]
}
