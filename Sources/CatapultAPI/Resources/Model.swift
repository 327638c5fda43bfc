/// A named thing to serve: metadata, tags, a place in storage, a server type.
public struct Model: Codable, Sendable, Equatable {
    public var id: String
    public var name: String
    public var storagePath: String
    public var repository: String?
    public var company: String?
    public var baseModel: String?
    public var parameterCount: String?
    public var description: String?
    public var tags: [String]
    public var metadata: [String: JSONValue]
    public var requiresGPU: Bool
    public var serverType: ServerType?
    public var source: ModelSource
    public var versionCount: Int
    public var releaseCount: Int
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    /// A model with all its parts.
    public init(
        id: String, name: String, storagePath: String, repository: String?, company: String?, baseModel: String?, parameterCount: String?,
        description: String?, tags: [String], metadata: [String: JSONValue], requiresGPU: Bool, serverType: ServerType?,
        source: ModelSource,
        versionCount: Int, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
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
        self.versionCount = versionCount
        releaseCount = versionCount
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

extension Model: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID.",
        "name": Field("Unique name; may contain '/'.", .text(.name)),
        "storagePath": Field("Folder of the model's files, beneath the server's storage root.", .length(1...1_000)),
        "repository": Field("Where the model comes from, such as a hub repository.", .length(0...500)),
        "company": Field("Who made the model.", .length(0...255)),
        "baseModel": Field("The model that this one was made from.", .length(0...100)),
        "parameterCount": Field("Number of parameters in words, such as 70B.", .length(0...50)),
        "description": Field("What the model is for.", .length(0...10_000)),
        "tags": Field("Words to find the model by.", .length(0...100)),
        "metadata": "Free-form data; replaced as a whole.",
        "requiresGPU": "Whether the model needs a GPU to serve.",
        "serverType": "The kind of server that runs the model; found from the files when absent.",
        "source": "How the model came into the registry.",
        "versionCount": "Number of versions.",
        "releaseCount": "The same as version_count, for older clients.",
        "createdAt": "When the model was registered.",
        "updatedAt": "When the model was last changed.",
    ]
}

/// The kind of server that runs a model; it selects the build template.
public enum ServerType: String, Codable, Sendable, CaseIterable {
    case vllm
    case llamaCpp = "llama-cpp"
    case audio
    case audioUnderstanding = "audio-understanding"
    case audioGeneration = "audio-generation"
    case asrVLLM = "asr-vllm"
    case asrAllInOne = "asr-allinone"
    case asrAzureAllInOne = "asr-azure-allinone"
    case whisper
    case tts
    case stt
    case codec
    case embedding
    case multimodal
    case onnx
    case triton
    case generic
    case custom
}

/// How a model came into the registry.
public enum ModelSource: String, Codable, Sendable, CaseIterable {
    /// Found in the storage root.
    case filesystem
    /// Registered through the API.
    case manual
    /// Its files are gone; hidden from lists unless asked for.
    case orphaned
}

/// Id and name of a model, for pickers.
public struct ModelOption: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String

    /// An entry of a picker.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }

    public static let fields: [String: Field] = ["id": "UUID of the model.", "name": "Name of the model."]
}
