/// The header of a GGUF file, versions 2 and 3 in either byte order: its keys, and its tensors summed up.
///
/// The format is that of the GGUF specification (ggml, docs/gguf.md): magic, version, counts, key-value pairs, one description per
/// tensor, then the padded weights. Only the header is read; weights are never touched.
public struct GGUFHeader: Sendable, Equatable {
    /// How far a reader goes before it refuses.
    public struct Limits: Sendable {
        /// Bytes of the whole header. Large vocabularies take some ten MiB.
        public var headerBytes: Int64 = 128 << 20
        /// Memory, in bytes, that keys and what is kept of their values may take. Chat templates, the largest of them, have some ten KiB.
        public var keptBytes = 16 << 20
        /// Key-value pairs.
        public var keys: UInt64 = 65_536
        /// Tensors; the largest models have some thousands per file.
        public var tensors: UInt64 = 1_000_000
        /// Bytes of a text that are kept.
        public var textBytes = 64 << 10
        /// Elements of an array that are kept.
        public var arrayElements = 1_024
        /// Arrays within arrays.
        public var arrayDepth = 4

        public init() {}
    }

    /// What is known of all tensors of one type.
    public struct TensorSum: Sendable, Equatable {
        public var tensors = 0
        public var elements: UInt64 = 0
    }

    /// Version of the format.
    public var version: UInt32
    public var isBigEndian: Bool
    /// All keys, the vocabulary's long arrays cut short.
    public var values: [String: GGUFValue]
    public var tensorCount: UInt64
    /// Numbers in all tensors.
    public var parameterCount: UInt64
    /// The tensors by `ggml_type`; of types that are not known too.
    public var tensors: [UInt32: TensorSum]
    /// Bytes of all weights, where every type is known.
    public var weightBytes: UInt64?
    /// The least size that the file must have for all of its tensors; a shorter one was cut.
    public var neededFileSize: UInt64?
    /// Numbers in the tensors of experts, of which a token uses only some.
    public var expertParameterCount: UInt64

    /// Reads a header.
    /// - Throws: ``ModelFileError``; `otherFormat` where the magic number is another.
    public init(_ source: any ByteSource, limits: Limits = Limits()) throws(ModelFileError) {
        var reader = GGUFReader(source, limits: limits)
        self = try reader.header()
    }

    init(version: UInt32, isBigEndian: Bool) {
        self.version = version
        self.isBigEndian = isBigEndian
        values = [:]
        tensorCount = 0
        parameterCount = 0
        tensors = [:]
        weightBytes = 0
        neededFileSize = nil
        expertParameterCount = 0
    }

    /// `general.architecture`, such as `llama`.
    public var architecture: String? { values["general.architecture"]?.text }

    /// A key of the architecture: `context_length` means `llama.context_length` for a llama.
    public func value(_ key: String) -> GGUFValue? { architecture.flatMap { values["\($0).\(key)"] } }

    /// The number of this file among its shards, from 0, and how many there are. Shards carry the keys `split.no` and `split.count`.
    public var shard: (number: Int, count: Int)? {
        guard let number = values["split.no"]?.integer, let count = values["split.count"]?.integer, count > 1 else { return nil }
        return (number, count)
    }

    /// The name of the quantization: `general.file_type`, or the type that holds most of the weights.
    public var quantization: String? {
        if let type = values["general.file_type"]?.integer, let name = GGUFFileType.name(type) { return name }
        return tensors.max { ($0.value.elements, $1.key) < ($1.value.elements, $0.key) }
            .flatMap { GGUFTensorType($0.key)?.name }
    }
}

/// Walks through a header once.
struct GGUFReader {
    /// What an element of an array or an entry of a dictionary costs besides its text.
    private static let costOfValue = 48
    /// Types of tensors that a file may have; some forty exist.
    private static let maximumTensorTypes = 256

    private var cursor: ByteCursor
    private let limits: GGUFHeader.Limits
    /// Bytes that were kept so far.
    private var kept = 0

    init(_ source: any ByteSource, limits: GGUFHeader.Limits) {
        cursor = ByteCursor(source, limit: limits.headerBytes)
        self.limits = limits
    }

    mutating func header() throws(ModelFileError) -> GGUFHeader {
        guard cursor.remaining >= 4, try cursor.bytes(4, "the magic number").elementsEqual("GGUF".utf8) else {
            throw ModelFileError(.otherFormat, "not a GGUF file: it does not begin with GGUF")
        }
        var version = try cursor.integer(UInt32.self, "the version")
        // A file of the other byte order shows its version in the upper half.
        if version & 0xFFFF == 0, version != 0 {
            cursor.isBigEndian = true
            version = version.byteSwapped
        }
        guard version == 2 || version == 3 else {
            throw cursor.failure(.otherFormat, "GGUF version \(version) is not read; versions 2 and 3 are")
        }
        let tensorCount = try count("tensors", limit: limits.tensors)
        let keyCount = try count("keys", limit: limits.keys)
        var header = GGUFHeader(version: version, isBigEndian: cursor.isBigEndian)
        header.tensorCount = tensorCount
        for _ in 0..<keyCount {
            let key = try text("a key", limit: 65_535, whole: true)
            try keep(key.utf8.count)
            header.values[key] = try value(type("the type of \(key)"), depth: 0)
        }
        try sum(tensorCount, into: &header)
        return header
    }

    /// Counts what is about to be kept: a small file must not become large in memory.
    private mutating func keep(_ bytes: Int) throws(ModelFileError) {
        kept += bytes + Self.costOfValue
        guard kept <= limits.keptBytes else {
            throw cursor.failure(.beyondLimit, "the keys and their values take more than \(limits.keptBytes) bytes")
        }
    }

    private mutating func count(_ what: String, limit: UInt64) throws(ModelFileError) -> UInt64 {
        let count = try cursor.integer(UInt64.self, "the number of \(what)")
        guard count <= limit else { throw cursor.failure(.beyondLimit, "the file claims \(count) \(what); at most \(limit) are read") }
        return count
    }

    private mutating func type(_ what: String) throws(ModelFileError) -> GGUFValueType {
        let number = try cursor.integer(UInt32.self, what)
        guard let type = GGUFValueType(rawValue: number) else { throw cursor.failure(.malformed, "\(what) is \(number), which is none") }
        return type
    }

    /// - Parameter whole: whether a longer text is refused, instead of cut.
    private mutating func text(_ what: String, limit: Int, whole: Bool) throws(ModelFileError) -> String {
        let length = try cursor.integer(UInt64.self, "the length of \(what)")
        try cursor.require(length, what)
        if whole, length > UInt64(limit) {
            throw cursor.failure(.beyondLimit, "\(what) has \(length) bytes; at most \(limit) are allowed")
        }
        let kept = min(length, UInt64(limit))
        let text = String(decoding: try cursor.bytes(Int(kept), what), as: UTF8.self)
        try cursor.skip(length - kept, what)
        return text
    }

    private mutating func value(_ type: GGUFValueType, depth: Int) throws(ModelFileError) -> GGUFValue {
        try keep(0)
        return switch type {
        case .uint8: .unsigned(UInt64(try cursor.integer(UInt8.self, "a value")))
        case .uint16: .unsigned(UInt64(try cursor.integer(UInt16.self, "a value")))
        case .uint32: .unsigned(UInt64(try cursor.integer(UInt32.self, "a value")))
        case .uint64: .unsigned(try cursor.integer(UInt64.self, "a value"))
        case .int8: .signed(Int64(try cursor.integer(Int8.self, "a value")))
        case .int16: .signed(Int64(try cursor.integer(Int16.self, "a value")))
        case .int32: .signed(Int64(try cursor.integer(Int32.self, "a value")))
        case .int64: .signed(try cursor.integer(Int64.self, "a value"))
        case .float32: .float(Double(Float(bitPattern: try cursor.integer(UInt32.self, "a value"))))
        case .float64: .float(Double(bitPattern: try cursor.integer(UInt64.self, "a value")))
        case .bool: .bool(try cursor.integer(UInt8.self, "a value") != 0)
        case .string: .string(try keptText())
        case .array: try array(depth: depth)
        }
    }

    private mutating func keptText() throws(ModelFileError) -> String {
        let text = try text("a text", limit: limits.textBytes, whole: false)
        try keep(text.utf8.count)
        return text
    }

    private mutating func array(depth: Int) throws(ModelFileError) -> GGUFValue {
        guard depth < limits.arrayDepth else {
            throw cursor.failure(.beyondLimit, "arrays are nested deeper than \(limits.arrayDepth) levels")
        }
        let type = try type("the type of an array")
        let count = try cursor.integer(UInt64.self, "the number of elements")
        // A string or an array takes at least 8 and 12 bytes.
        let least: UInt64 = type == .string ? 8 : type == .array ? 12 : type.size ?? 1
        let (bytes, overflow) = count.multipliedReportingOverflow(by: least)
        guard !overflow else { throw cursor.failure(.malformed, "an array claims \(count) elements") }
        try cursor.require(bytes, "an array")
        let kept = min(count, UInt64(depth == 0 ? limits.arrayElements : 0))
        var first: [GGUFValue] = []
        for _ in 0..<kept { first.append(try value(type, depth: depth + 1)) }
        if let size = type.size {
            try cursor.skip((count - kept) * size, "an array")
        } else if type == .string {
            for _ in kept..<count { try cursor.skip(try cursor.integer(UInt64.self, "a text"), "a text") }
        } else {
            for _ in kept..<count { _ = try value(type, depth: depth + 1) }
        }
        return .array(count: count, first: first)
    }

    private mutating func sum(_ count: UInt64, into header: inout GGUFHeader) throws(ModelFileError) {
        var dataEnd: UInt64? = 0
        for _ in 0..<count {
            let name = try text("a tensor's name", limit: 1_024, whole: true)
            let elements = try elements(of: name)
            let type = try cursor.integer(UInt32.self, "the type of \(name)")
            let offset = try cursor.integer(UInt64.self, "the offset of \(name)")
            guard header.tensors.count < Self.maximumTensorTypes || header.tensors[type] != nil else {
                throw cursor.failure(.malformed, "the tensors have more than \(Self.maximumTensorTypes) types")
            }
            header.tensors[type, default: GGUFHeader.TensorSum()].tensors += 1
            header.tensors[type]?.elements &+= elements
            let (sum, overflow) = header.parameterCount.addingReportingOverflow(elements)
            guard !overflow else { throw cursor.failure(.malformed, "the tensors claim more than 2^64 numbers") }
            header.parameterCount = sum
            if name.contains("_exps.") { header.expertParameterCount &+= elements }
            let size = GGUFTensorType(type).flatMap { $0.byteCount(elements: elements) }
            header.weightBytes = Self.sum(header.weightBytes, size)
            dataEnd = dataEnd.flatMap { end in Self.sum(offset, size).map { max(end, $0) } }
        }
        // Weights begin at the next multiple of `general.alignment`, 32 by default.
        let alignment = UInt64(min(max(header.values["general.alignment"]?.integer ?? 32, 1), 1 << 20))
        let headerEnd = (UInt64(cursor.position) + alignment - 1) / alignment * alignment
        header.neededFileSize = count == 0 ? UInt64(cursor.position) : Self.sum(headerEnd, dataEnd)
    }

    private mutating func elements(of name: String) throws(ModelFileError) -> UInt64 {
        let dimensions = try cursor.integer(UInt32.self, "the dimensions of \(name)")
        guard dimensions <= 8 else { throw cursor.failure(.malformed, "\(name) has \(dimensions) dimensions; at most 4 make sense") }
        var elements: UInt64 = 1
        for _ in 0..<dimensions {
            let (product, overflow) = elements.multipliedReportingOverflow(by: try cursor.integer(UInt64.self, "a dimension of \(name)"))
            guard !overflow else { throw cursor.failure(.malformed, "\(name) claims more than 2^64 numbers") }
            elements = product
        }
        return elements
    }

    private static func sum(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left, let right else { return nil }
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? nil : sum
    }
}
