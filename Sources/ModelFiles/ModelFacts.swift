/// Something that a file says, and which file.
public struct Fact<Value: Sendable & Equatable & Encodable>: Sendable, Equatable, Encodable {
    public var value: Value
    /// The file, by its path beneath the model's folder.
    public var source: String

    /// A value from a file.
    public init(_ value: Value, from source: String) {
        self.value = value
        self.source = source
    }
}

/// In what form weights are stored.
public enum ModelFormat: String, Sendable, CaseIterable, Encodable {
    case gguf
    case safetensors
    case pytorch
    case onnx
}

/// What a model's files say about it. Nothing here was measured or guessed: each fact names the file that holds it.
///
/// Texts are cut to 500 characters and lists to 200 elements, so that facts stay small whatever the files hold.
public struct ModelFacts: Sendable, Equatable, Encodable {
    public var format: Fact<ModelFormat>?
    /// The family, such as `llama`: `model_type` or `general.architecture`.
    public var architecture: Fact<String>?
    /// Class names, such as `LlamaForCausalLM`.
    public var architectures: Fact<[String]>?
    public var name: Fact<String>?
    /// Numbers in the weights.
    public var parameterCount: Fact<UInt64>?
    /// Numbers in the weights of experts, of which a token uses only some.
    public var expertParameterCount: Fact<UInt64>?
    /// Bytes of the weights.
    public var weightBytes: Fact<UInt64>?
    /// Number format of the weights: `Q4_K_M`, `gptq-4bit`, `fp8`, `bf16`.
    public var quantization: Fact<String>?
    /// Tokens that fit into a context.
    public var contextLength: Fact<Int>?
    public var slidingWindow: Fact<Int>?
    public var vocabularySize: Fact<Int>?
    public var layers: Fact<Int>?
    public var hiddenSize: Fact<Int>?
    public var feedForwardSize: Fact<Int>?
    public var heads: Fact<Int>?
    /// Heads of keys and values, of one layer or the largest of them.
    public var keyValueHeads: Fact<Int>?
    /// The same for each layer, where layers differ.
    public var keyValueHeadsByLayer: Fact<[Int]>?
    public var keySize: Fact<Int>?
    public var valueSize: Fact<Int>?
    /// Numbers per token and layer in the cache of multi-head latent attention.
    public var latentSize: Fact<Int>?
    public var experts: Fact<Int>?
    public var expertsPerToken: Fact<Int>?
    public var tokenizer: Fact<String>?
    public var hasChatTemplate: Fact<Bool>?
    public var generationDefaults: Fact<[String: Double]>?
    /// An SPDX identifier or the hub's name of a license.
    public var license: Fact<String>?
    public var licenseName: Fact<String>?
    public var baseModels: Fact<[String]>?
    public var tags: Fact<[String]>?
    public var languages: Fact<[String]>?
    public var datasets: Fact<[String]>?
    public var library: Fact<String>?
    /// What the model is for, in the hub's words, such as `text-generation`.
    public var task: Fact<String>?
    public var summary: Fact<String>?
    /// The kind of adapter, such as `LORA`: the files are not a whole model.
    public var adapter: Fact<String>?
    /// Parts besides the language model, such as `vision` and `audio`.
    public var parts: Fact<[String]>?
    /// The model type of the audio part, such as `whisper`.
    public var audioArchitecture: Fact<String>?
    /// Files that could not be read, or contradict what they are.
    public var problems: [Problem] = []

    /// Something about a file that is not as it should be.
    public struct Problem: Sendable, Equatable, Encodable {
        public var path: String
        public var reason: String

        public init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }
    }

    /// Nothing is known.
    public init() {}
}

extension ModelFacts {
    /// The number of parameters in three digits, such as `8.03B`.
    public var parameterText: String? { parameterCount.map { Self.short($0.value) } }

    static func short(_ count: UInt64) -> String {
        let units: [(String, Double)] = [("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)]
        guard let unit = units.first(where: { Double(count) >= $0.1 * 0.9995 }) else { return "\(count)" }
        let number = Double(count) / unit.1
        let factor: Double = number < 9.995 ? 100 : number < 99.95 ? 10 : 1
        let digits = (number * factor).rounded() / factor
        return (digits == digits.rounded() ? "\(Int(digits))" : "\(digits)") + unit.0
    }

    /// Numbers that one token adds to the cache of keys and values, over all layers; nil where the files do not say enough.
    ///
    /// With latent attention that is the latent vector of each layer, else keys and values of each key-value head.
    public var cacheElementsPerToken: Int? {
        guard let layers = layers?.value, layers < 100_000 else { return nil }
        if let latent = latentSize?.value { return Self.product(layers, latent) }
        guard let key = keySize?.value else { return nil }
        let entry = key.addingReportingOverflow(valueSize?.value ?? key)
        let heads = keyValueHeadsByLayer?.value.reduce(0) { $0 &+ $1 } ?? keyValueHeads.flatMap { Self.product(layers, $0.value) }
        guard let heads, !entry.overflow else { return nil }
        return Self.product(heads, entry.partialValue)
    }

    private static func product(_ left: Int, _ right: Int) -> Int? {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        return overflow ? nil : product
    }
}

extension Optional {
    /// Takes a fact where none is known: what is read first wins.
    mutating func learn<Value>(_ value: Value?, from source: String) where Wrapped == Fact<Value> {
        if self == nil, let value { self = Fact(value, from: source) }
    }

    /// The same for texts.
    mutating func learn(_ text: String?, from source: String) where Wrapped == Fact<String> {
        if self == nil, let text { self = Fact(String(text.prefix(500)), from: source) }
    }

    /// The same for lists, of which an empty one says nothing.
    mutating func learn<Element>(_ value: [Element], from source: String) where Wrapped == Fact<[Element]> {
        if self == nil, !value.isEmpty { self = Fact(Array(value.prefix(200)), from: source) }
    }

    /// The same for lists of texts.
    mutating func learn(_ texts: [String], from source: String) where Wrapped == Fact<[String]> {
        if self == nil, !texts.isEmpty { self = Fact(texts.prefix(200).map { String($0.prefix(500)) }, from: source) }
    }
}
