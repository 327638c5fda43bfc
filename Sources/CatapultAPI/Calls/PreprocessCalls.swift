extension Catalogue {
    static let preprocessing: [any APICall.Type] = [PreprocessModel.self]
}

/// Runs a program over a model's files, as an operation: in a container of an image that is on the engine, without network and without
/// privileges. It may write into the model's own folder; other folders of the storage root it can only read.
///
/// What became of it stands in the model's `metadata.preprocessing` (contract, section 3.1).
public struct PreprocessModel: APICall {
    public typealias Output = Preprocessing
    public static let route = Route.post("/models/{model_id}/preprocess")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Models"
    public static let summary = "Run a program over a model's files"
    public static let audit: AuditAction? = AuditAction("preprocess_model", .model)

    public var modelID: String
    public var image: String
    public var command: [String]?
    public var mounts: [String: String]?
    public var gpu: Bool?

    /// A call with its parameters.
    public init(modelID: String, image: String, command: [String]? = nil, mounts: [String: String]? = nil, gpu: Bool? = nil) {
        self.modelID = modelID
        self.image = image
        self.command = command
        self.mounts = mounts
        self.gpu = gpu
    }

    public static let fields: [String: Field] = [
        "modelID": "UUID or name of the model.",
        "image": Field("The image to run, which must be on the engine.", .length(1...500)),
        "command": Field("The program and its arguments. Default: what the image runs.", .length(0...1_000)),
        "mounts": Field(
            "What the program sees: folders beneath the storage root, each with its place in the container. Those in the model's own folder "
                + "can be written to. Default: none.", .length(0...20)),
        "gpu": "Whether the program gets a GPU. Default false.",
    ]
}

/// A preprocessing that was put in the queue.
public struct Preprocessing: Codable, Sendable, Equatable, Documented {
    public var taskID: String
    public var operationID: String
    public var status: String
    public var message: String

    /// One that waits for its turn.
    public init(operationID: String) {
        taskID = operationID
        self.operationID = operationID
        status = "dispatched"
        message = "The operation \(operationID) runs the program; GET /api/v1/operations/\(operationID) follows it."
    }

    public static let fields: [String: Field] = [
        "taskID": "The same as operation_id.", "operationID": "The operation that runs the program.", "status": "Always dispatched.",
        "message": "How to follow it.",
    ]
}
