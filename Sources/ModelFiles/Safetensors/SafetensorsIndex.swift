/// The index of a sharded checkpoint, `model.safetensors.index.json` (or `pytorch_model.bin.index.json`): which file holds which tensor.
public struct SafetensorsIndex: Sendable, Equatable {
    /// Bytes that an index may have. The largest known ones have ten MB.
    public static let maximumBytes = 64 << 20

    /// The files that the index names, sorted.
    public var files: [String]
    /// Number of tensors.
    public var tensorCount: Int
    /// `metadata.total_size`: bytes of all weights.
    public var totalSize: UInt64?
    /// `metadata.total_parameters`, which newer writers add.
    public var totalParameters: UInt64?

    /// Reads an index.
    /// - Throws: ``ModelFileError``.
    public init(_ source: any ByteSource) throws(ModelFileError) {
        var pull = JSONPull(try source.readAll(limit: Self.maximumBytes))
        var names: Set<String> = []
        var tensors = 0
        var metadata: JSONNode?
        try pull.object { name, pull throws(ModelFileError) in
            switch name {
            case "weight_map":
                try pull.object { _, pull throws(ModelFileError) in
                    let file = try pull.string()
                    tensors += 1
                    guard names.count < 100_000 else { throw ModelFileError(.beyondLimit, "the index names more than 100000 files") }
                    names.insert(file)
                }
            case "metadata": metadata = try pull.value()
            default: try pull.skip()
            }
        }
        try pull.end()
        files = names.sorted()
        tensorCount = tensors
        totalSize = metadata?["total_size"]?.integer.flatMap(UInt64.init(exactly:))
        totalParameters = metadata?["total_parameters"]?.integer.flatMap(UInt64.init(exactly:))
    }
}
