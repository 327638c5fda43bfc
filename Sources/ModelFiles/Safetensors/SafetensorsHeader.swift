/// The header of a safetensors file, its tensors summed up.
///
/// The format: eight bytes with the length of the header in little-endian order, the header as a JSON object from tensor names to
/// `dtype`, `shape` and `data_offsets`, then the weights without gaps (safetensors README, "Format"). The library's own limit for a
/// header is 100 MB; ours is the hub's, 25 MB.
public struct SafetensorsHeader: Sendable, Equatable {
    /// Bytes that a header may have.
    public static let maximumHeaderBytes: UInt64 = 25_000_000

    /// What tensors of one data type hold together.
    public struct Sum: Sendable, Equatable {
        /// Numbers in tensors that are weights as they stand.
        public var plain: UInt64 = 0
        /// Elements of tensors into which a quantizer packed several weights each.
        public var packed: UInt64 = 0
        /// Scales, zero points and the like: no parameters of the model.
        public var auxiliary: UInt64 = 0
    }

    /// The texts under `__metadata__`, such as `format`.
    public var metadata: [String: String]
    public var tensorCount: Int
    /// By the format's name of the data type, such as `BF16`.
    public var elements: [String: Sum]
    /// Bytes of all weights.
    public var weightBytes: UInt64
    /// The size that the file must have; a shorter one was cut.
    public var neededFileSize: UInt64
    /// Where the weights begin.
    private let dataStart: UInt64

    /// Reads a header.
    /// - Throws: ``ModelFileError``; `otherFormat` where the bytes cannot be safetensors at all.
    public init(_ source: any ByteSource) throws(ModelFileError) {
        var cursor = ByteCursor(source, limit: Int64(Self.maximumHeaderBytes) + 8)
        guard source.byteCount >= 10 else { throw ModelFileError(.truncated, "a safetensors file has at least 10 bytes") }
        let length = try cursor.integer(UInt64.self, "the length of the header")
        let first = try source.read(at: 8, count: 1).first
        guard first == UInt8(ascii: "{"), length > 1 else {
            throw ModelFileError(.otherFormat, at: 8, "not a safetensors file: its header does not begin with '{'")
        }
        guard length <= Self.maximumHeaderBytes else {
            throw ModelFileError(.beyondLimit, "the header claims \(length) bytes; at most \(Self.maximumHeaderBytes) are read")
        }
        guard length <= UInt64(source.byteCount - 8) else { throw ModelFileError(.truncated, at: 8, "the file ends within its header") }
        let json = try source.read(at: 8, count: Int(length))
        guard json.count == Int(length) else { throw ModelFileError(.truncated, at: 8, "the file ends within its header") }
        metadata = [:]
        tensorCount = 0
        elements = [:]
        weightBytes = 0
        dataStart = 8 + length
        neededFileSize = dataStart
        try read(Array(json))
    }

    private mutating func read(_ json: [UInt8]) throws(ModelFileError) {
        var pull = JSONPull(json)
        var header = self
        try pull.object { name, pull throws(ModelFileError) in
            if name == "__metadata__" {
                guard try pull.isObject() else { return try pull.skip() }
                try pull.object { key, pull throws(ModelFileError) in
                    let value = try pull.value()
                    if header.metadata.count < 1_000, let text = value.text { header.metadata[key] = String(text.prefix(4_096)) }
                }
            } else {
                try header.add(name, pull.value())
            }
        }
        try pull.end()
        self = header
    }

    private mutating func add(_ name: String, _ tensor: JSONNode) throws(ModelFileError) {
        guard let type = tensor["dtype"]?.text, case .array(let shape) = tensor["shape"], shape.count <= 32,
            case .array(let offsets) = tensor["data_offsets"], offsets.count == 2,
            let start = offsets[0].integer, let end = offsets[1].integer, start >= 0, end >= start
        else {
            throw ModelFileError(.malformed, "the tensor '\(name.prefix(200))' lacks a dtype, a shape or two data offsets in order")
        }
        var count: UInt64 = 1
        for dimension in shape {
            guard let size = dimension.integer.flatMap(UInt64.init(exactly:)) else {
                throw ModelFileError(.malformed, "the shape of '\(name.prefix(200))' is not made of sizes")
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { throw ModelFileError(.malformed, "'\(name.prefix(200))' claims more than 2^64 numbers") }
            count = product
        }
        tensorCount += 1
        guard elements.count < 64 || elements[type] != nil else {
            throw ModelFileError(.beyondLimit, "the header names more than 64 data types")
        }
        var sum = elements[type] ?? Sum()
        switch TensorRole(name: name, type: type) {
        case .plain: sum.plain &+= count
        case .packed: sum.packed &+= count
        case .auxiliary: sum.auxiliary &+= count
        }
        elements[type] = sum
        weightBytes &+= UInt64(end - start)
        neededFileSize = max(neededFileSize, dataStart + UInt64(end))
    }
}
