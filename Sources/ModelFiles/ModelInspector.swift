/// One file of a model: where it stands beneath the model's folder, and how to read it.
public struct ModelFile: Sendable {
    /// Path with '/' between parts.
    public var path: String
    public var byteCount: Int64
    /// Where it lies on this machine, with symbolic links resolved; nil where it lies elsewhere.
    public let location: String?
    private let openFile: @Sendable () throws(ModelFileError) -> any ByteSource

    /// A file that is opened when it is needed.
    public init(path: String, byteCount: Int64, open: @escaping @Sendable () throws(ModelFileError) -> any ByteSource) {
        self.path = path
        self.byteCount = byteCount
        location = nil
        openFile = open
    }

    /// A file on this machine.
    public init(path: String, byteCount: Int64, location: String) {
        self.path = path
        self.byteCount = byteCount
        self.location = location
        openFile = { () throws(ModelFileError) in try FileBytes(path: location) }
    }

    /// The last part of the path in lower case.
    public var name: String { path.split(separator: "/").last.map { $0.lowercased() } ?? "" }

    func open() throws(ModelFileError) -> any ByteSource { try openFile() }
}

/// Reads what a model's files say: their headers and small files, never weights. Reading blocks.
///
/// Where files contradict each other, the one nearer to the weights wins: GGUF keys and `config.json` before the model card, a header
/// before a name. A file that cannot be read becomes a problem among the facts, and the others are read all the same.
public struct ModelInspector {
    /// Weight files of which headers are read; the largest models have some hundred.
    public static let maximumWeightFiles = 2_000

    private let files: [ModelFile]
    private var facts = ModelFacts()

    /// The facts of a set of files.
    public static func facts(of files: [ModelFile]) -> ModelFacts {
        var inspector = ModelInspector(files: files.sorted { $0.path < $1.path })
        inspector.readConfiguration()
        inspector.readGGUF()
        inspector.readSafetensors()
        inspector.readTokenizer()
        inspector.readCard()
        inspector.noteFormat()
        return inspector.facts
    }

    private init(files: [ModelFile]) { self.files = files }

    /// The file of a name at the top of the folder.
    private func file(_ name: String) -> ModelFile? { files.first { $0.path == name } }

    /// Reads a file where it is there; what goes wrong becomes a problem.
    private mutating func read<Value>(_ name: String, _ body: (any ByteSource) throws(ModelFileError) -> Value) -> Value? {
        file(name).flatMap { read($0, body) }
    }

    private mutating func read<Value>(_ file: ModelFile, _ body: (any ByteSource) throws(ModelFileError) -> Value) -> Value? {
        do throws(ModelFileError) {
            return try body(file.open())
        } catch {
            facts.problems.append(ModelFacts.Problem(path: file.path, reason: String(error.description.prefix(500))))
            return nil
        }
    }

    // MARK: Configuration

    private mutating func readConfiguration() {
        if let adapter = read("adapter_config.json", { source throws(ModelFileError) in try AdapterConfiguration(source) }) {
            let source = "adapter_config.json"
            facts.adapter.learn(adapter.kind ?? "PEFT", from: source)
            facts.baseModels.learn(adapter.baseModel.map { [$0] } ?? [], from: source)
        }
        guard let configuration = read("config.json", { source throws(ModelFileError) in try ModelConfiguration(source) }) else { return }
        let source = "config.json"
        facts.architecture.learn(configuration.modelType, from: source)
        facts.architectures.learn(configuration.architectures, from: source)
        facts.contextLength.learn(configuration.contextLength, from: source)
        facts.slidingWindow.learn(configuration.slidingWindow, from: source)
        facts.vocabularySize.learn(configuration.vocabularySize, from: source)
        facts.layers.learn(configuration.layers, from: source)
        facts.hiddenSize.learn(configuration.hiddenSize, from: source)
        facts.feedForwardSize.learn(configuration.feedForwardSize, from: source)
        facts.heads.learn(configuration.heads, from: source)
        facts.keyValueHeads.learn(configuration.keyValueHeads, from: source)
        facts.keySize.learn(configuration.headSize, from: source)
        facts.valueSize.learn(configuration.headSize, from: source)
        facts.latentSize.learn(configuration.latentSize, from: source)
        facts.experts.learn(configuration.experts, from: source)
        facts.expertsPerToken.learn(configuration.expertsPerToken, from: source)
        facts.parts.learn(configuration.parts.subtracting(["text", "quantization"]).sorted(), from: source)
        facts.audioArchitecture.learn(configuration.audioModelType, from: source)
        quantizationConfiguration = configuration.quantization
        facts.quantization.learn(configuration.quantization?.name, from: source)
        if configuration.quantization == nil {
            readQuantizerFiles()
            dataType = configuration.dataType
        }
        if let defaults = read("generation_config.json", { source throws(ModelFileError) in try GenerationDefaults(source).values }),
            !defaults.isEmpty
        {
            facts.generationDefaults.learn(defaults, from: "generation_config.json")
        }
    }

    private var quantizationConfiguration: QuantizationConfiguration?
    private var dataType: String?

    /// Older quantizers write a file of their own.
    private mutating func readQuantizerFiles() {
        for name in ["quantize_config.json", "quant_config.json", "hf_quant_config.json"] {
            let found = read(name) { source throws(ModelFileError) in
                let root = try JSONPull.parse(source.readAll(limit: 1 << 20))
                return QuantizationConfiguration(root["quantization"] ?? root)
            }
            if let configuration = found ?? nil {
                quantizationConfiguration = configuration
                return facts.quantization.learn(configuration.name, from: name)
            }
        }
    }

    // MARK: Weights

    private mutating func readGGUF() {
        let all = files.filter { $0.name.hasSuffix(".gguf") }.prefix(Self.maximumWeightFiles)
        guard !all.isEmpty else { return }
        var groups = ShardGroup.groups(of: all.map(\.path))
        if let projector = groups.firstIndex(where: \.isProjector), groups.count > 1 {
            let path = groups.remove(at: projector).paths[0]
            facts.parts.learn(["vision"], from: path)
        }
        let chosen = groups[0]
        if groups.count > 1 {
            facts.problems.append(
                ModelFacts.Problem(
                    path: chosen.paths[0], reason: "the folder holds \(groups.count) GGUF models; the facts are those of this one"))
        }
        var parameters: UInt64 = 0
        var experts: UInt64 = 0
        var weights: UInt64? = 0
        var isWhole = true
        for file in all where chosen.paths.contains(file.path) {
            guard let header = read(file, { source throws(ModelFileError) in try GGUFHeader(source) }) else {
                isWhole = false
                continue
            }
            learn(header, from: file.path)
            parameters &+= header.parameterCount
            experts &+= header.expertParameterCount
            weights = weights.flatMap { sum in header.weightBytes.map { sum &+ $0 } }
            if let needed = header.neededFileSize, needed > UInt64(max(file.byteCount, 0)) {
                isWhole = false
                facts.problems.append(
                    ModelFacts.Problem(
                        path: file.path, reason: "the file was cut: it has \(file.byteCount) bytes, its tensors need \(needed)"))
            }
            if let shard = header.shard, shard.count > chosen.paths.count {
                isWhole = false
                let missing = "\(shard.count - chosen.paths.count) of \(shard.count) shards are missing"
                if !facts.problems.contains(where: { $0.reason == missing }) {
                    facts.problems.append(ModelFacts.Problem(path: file.path, reason: missing))
                }
            }
        }
        guard isWhole || parameters > 0 else { return }
        facts.parameterCount.learn(isWhole && parameters > 0 ? parameters : nil, from: chosen.paths[0])
        facts.expertParameterCount.learn(isWhole && experts > 0 ? experts : nil, from: chosen.paths[0])
        facts.weightBytes.learn(isWhole ? weights : nil, from: chosen.paths[0])
    }

    private mutating func learn(_ header: GGUFHeader, from source: String) {
        facts.format.learn(.gguf, from: source)
        facts.architecture.learn(header.architecture, from: source)
        facts.name.learn(header.values["general.name"]?.text, from: source)
        if header.values["general.type"]?.text == "adapter" {
            facts.adapter.learn(header.values["adapter.type"]?.text ?? "LORA", from: source)
        }
        facts.quantization.learn(header.quantization, from: source)
        facts.contextLength.learn(header.value("context_length")?.integer, from: source)
        facts.slidingWindow.learn(header.value("attention.sliding_window")?.integer, from: source)
        if case .array(let count, _) = header.values["tokenizer.ggml.tokens"] {
            facts.vocabularySize.learn(Int(exactly: count), from: source)
        }
        facts.vocabularySize.learn(header.value("vocab_size")?.integer, from: source)
        let layers = header.value("block_count")?.integer
        facts.layers.learn(layers, from: source)
        facts.hiddenSize.learn(header.value("embedding_length")?.integer, from: source)
        facts.feedForwardSize.learn(header.value("feed_forward_length")?.integer, from: source)
        let heads = header.value("attention.head_count")
        facts.heads.learn(heads?.integer ?? heads?.integers?.max(), from: source)
        let keyValueHeads = header.value("attention.head_count_kv") ?? heads
        facts.keyValueHeads.learn(keyValueHeads?.integer ?? keyValueHeads?.integers?.max(), from: source)
        if facts.keyValueHeadsByLayer == nil, let all = keyValueHeads?.integers { facts.keyValueHeadsByLayer = Fact(all, from: source) }
        // Without its own key the size of a head is the embedding's share (GGUF specification, attention.key_length).
        let share = facts.hiddenSize.flatMap { size in facts.heads.flatMap { $0.value > 0 ? size.value / $0.value : nil } }
        facts.keySize.learn(header.value("attention.key_length")?.integer ?? share, from: source)
        facts.valueSize.learn(header.value("attention.value_length")?.integer ?? share, from: source)
        if let rank = header.value("attention.kv_lora_rank")?.integer, rank > 0, rank < 1 << 30 {
            let rotated = header.value("rope.dimension_count")?.integer ?? 0
            facts.latentSize.learn(rank + max(0, min(rotated, 1 << 30)), from: source)
        }
        facts.experts.learn(header.value("expert_count")?.integer, from: source)
        facts.expertsPerToken.learn(header.value("expert_used_count")?.integer, from: source)
        facts.tokenizer.learn(header.values["tokenizer.ggml.model"]?.text, from: source)
        let hasTemplate = header.values["tokenizer.chat_template"]?.text != nil
        if hasTemplate || header.values["tokenizer.ggml.tokens"] != nil { facts.hasChatTemplate.learn(hasTemplate, from: source) }
        facts.license.learn(header.values["general.license"]?.text, from: source)
        facts.licenseName.learn(header.values["general.license.name"]?.text, from: source)
        facts.tags.learn(header.values["general.tags"]?.texts ?? [], from: source)
        facts.languages.learn(header.values["general.languages"]?.texts ?? [], from: source)
        facts.baseModels.learn(Self.baseModels(of: header), from: source)
    }

    /// `general.base_model.{n}.repo_url`, from which the hub's name is taken, or organization and name.
    private static func baseModels(of header: GGUFHeader) -> [String] {
        let count = min(header.values["general.base_model.count"]?.integer ?? 0, 100)
        return (0..<max(count, 0)).compactMap { index in
            let key = "general.base_model.\(index)"
            if let url = header.values["\(key).repo_url"]?.text {
                let parts = url.split(separator: "/")
                if parts.count >= 4 { return parts.suffix(2).joined(separator: "/") }
            }
            guard let name = header.values["\(key).name"]?.text else { return nil }
            return header.values["\(key).organization"]?.text.map { "\($0)/\(name)" } ?? name
        }
    }

    private mutating func readSafetensors() {
        let all = files.filter { $0.name.hasSuffix(".safetensors") }
        guard !all.isEmpty || file("model.safetensors.index.json") != nil else { return }
        let index = read("model.safetensors.index.json") { source throws(ModelFileError) in try SafetensorsIndex(source) }
        let chosen = Self.weights(among: all, index: index)
        if let index {
            let there = Set(all.map(\.path))
            let missing = index.files.filter { !there.contains($0) }
            if !missing.isEmpty {
                let names = missing.prefix(3).joined(separator: ", ")
                facts.problems.append(
                    ModelFacts.Problem(
                        path: "model.safetensors.index.json",
                        reason: "\(missing.count) of \(index.files.count) shards are missing: \(names)"))
            }
        }
        var elements: [String: SafetensorsHeader.Sum] = [:]
        var bytes: UInt64 = 0
        var isWhole = !chosen.isEmpty && (index.map { Set($0.files).isSubset(of: all.map(\.path)) } ?? true)
        for file in chosen.prefix(Self.maximumWeightFiles) {
            guard let header = read(file, { source throws(ModelFileError) in try SafetensorsHeader(source) }) else {
                isWhole = false
                continue
            }
            facts.format.learn(.safetensors, from: file.path)
            if header.neededFileSize > UInt64(max(file.byteCount, 0)) {
                isWhole = false
                facts.problems.append(
                    ModelFacts.Problem(
                        path: file.path,
                        reason: "the file was cut: it has \(file.byteCount) bytes, its tensors need \(header.neededFileSize)"))
            }
            bytes &+= header.weightBytes
            for (type, sum) in header.elements {
                elements[type, default: .init()].plain &+= sum.plain
                elements[type, default: .init()].packed &+= sum.packed
                elements[type, default: .init()].auxiliary &+= sum.auxiliary
            }
        }
        let source = index == nil ? chosen.first?.path ?? "" : "model.safetensors.index.json"
        if isWhole {
            let parameters = Self.parameters(elements, bits: quantizationConfiguration?.bits)
            facts.parameterCount.learn(parameters > 0 ? parameters : nil, from: source)
            facts.weightBytes.learn(bytes, from: source)
        }
        facts.parameterCount.learn(index?.totalParameters, from: "model.safetensors.index.json")
        facts.weightBytes.learn(index?.totalSize, from: "model.safetensors.index.json")
        let widest = elements.max { ($0.value.plain, $1.key) < ($1.value.plain, $0.key) }?.key.lowercased()
        facts.quantization.learn(widest.map { $0.hasPrefix("f8") ? "fp8" : $0 }, from: source)
    }

    /// The files that together are the weights: what the index names, else `model*.safetensors`, else an adapter's, else all that are not a
    /// second copy in another precision or layout.
    private static func weights(among all: [ModelFile], index: SafetensorsIndex?) -> [ModelFile] {
        if let index {
            let names = Set(index.files)
            return all.filter { names.contains($0.path) }
        }
        let top = all.filter { !$0.path.contains("/") }
        for prefix in ["model", "adapter_model"] {
            let found = top.filter { $0.name.hasPrefix(prefix) }
            if !found.isEmpty { return found }
        }
        let single = all.filter { !$0.name.contains(".fp16.") && !$0.name.hasPrefix("consolidated") }
        return single.isEmpty ? all : single
    }

    private static func parameters(_ elements: [String: SafetensorsHeader.Sum], bits: Int?) -> UInt64 {
        elements.reduce(0) { total, entry in
            let width: UInt64 = entry.key == "U8" || entry.key == "I8" ? 8 : entry.key == "I64" ? 64 : 32
            // Bytes of which no configuration says that they hold several weights are taken for what they are.
            let bits = bits.map(UInt64.init) ?? (width == 8 ? 8 : 4)
            let (packed, overflow) = entry.value.packed.multipliedReportingOverflow(by: max(1, width / bits))
            return total &+ entry.value.plain &+ (overflow ? 0 : packed)
        }
    }

    // MARK: Words

    private mutating func readTokenizer() {
        if let tokenizer = read("tokenizer_config.json", { source throws(ModelFileError) in try TokenizerFacts(configuration: source) }) {
            facts.tokenizer.learn(tokenizer.name, from: "tokenizer_config.json")
            if tokenizer.hasChatTemplate { facts.hasChatTemplate.learn(true, from: "tokenizer_config.json") }
            facts.contextLength.learn(tokenizer.maximumLength, from: "tokenizer_config.json")
        }
        for name in ["chat_template.jinja", "chat_template.json"] where file(name) != nil { facts.hasChatTemplate.learn(true, from: name) }
        if file("tokenizer_config.json") != nil { facts.hasChatTemplate.learn(false, from: "tokenizer_config.json") }
        if facts.tokenizer == nil,
            let tokenizer = read("tokenizer.json", { source throws(ModelFileError) in try TokenizerFacts(tokenizer: source) })
        {
            facts.tokenizer.learn(tokenizer.name, from: "tokenizer.json")
        }
    }

    private mutating func readCard() {
        if let file = files.first(where: { $0.path.lowercased() == "readme.md" }),
            let card = read(file, { source throws(ModelFileError) in try ModelCard(source) })
        {
            facts.license.learn(card.license, from: file.path)
            facts.licenseName.learn(card.licenseName, from: file.path)
            facts.tags.learn(card.tags, from: file.path)
            facts.languages.learn(card.languages, from: file.path)
            facts.baseModels.learn(card.baseModels, from: file.path)
            facts.datasets.learn(card.datasets, from: file.path)
            facts.library.learn(card.library, from: file.path)
            facts.task.learn(card.task, from: file.path)
            facts.summary.learn(card.summary, from: file.path)
        }
        let names: Set<String> = ["license", "license.txt", "license.md", "licence", "copying"]
        for file in files where names.contains(file.path.lowercased()) && facts.license == nil {
            let identifier = read(file) { source throws(ModelFileError) in try LicenseText.identifier(source) }
            facts.license.learn(identifier ?? nil, from: file.path)
        }
    }

    private mutating func noteFormat() {
        let suffixes: [(String, ModelFormat)] = [(".bin", .pytorch), (".pt", .pytorch), (".pth", .pytorch), (".onnx", .onnx)]
        for (suffix, format) in suffixes {
            if let file = files.first(where: { $0.name.hasSuffix(suffix) && ($0.name != "training_args.bin") }) {
                facts.format.learn(format, from: file.path)
            }
        }
        facts.quantization.learn(dataType, from: "config.json")
    }
}
