/// What the tokenizer's files say that matters to serving: its class, how long a text may be, whether chats have a form.
public struct TokenizerFacts: Sendable, Equatable {
    /// Bytes that `tokenizer_config.json` may have.
    public static let maximumBytes = 16 << 20
    /// Bytes of `tokenizer.json` that are looked through; large vocabularies take 20 to 35 MB.
    public static let maximumTokenizerBytes = 64 << 20

    /// `tokenizer_class`, or the kind of model (`BPE`, `Unigram` …) that `tokenizer.json` names.
    public var name: String?
    /// `model_max_length`, unless it stands for "no limit" (Transformers writes 1e30 then).
    public var maximumLength: Int?
    public var hasChatTemplate: Bool

    /// Reads `tokenizer_config.json`.
    /// - Throws: ``ModelFileError``.
    public init(configuration source: any ByteSource) throws(ModelFileError) {
        var pull = JSONPull(try source.readAll(limit: Self.maximumBytes))
        var members: [String: JSONNode] = [:]
        // Beside these there are lists of all added tokens, which may be long.
        try pull.object { name, pull throws(ModelFileError) in
            switch name {
            case "tokenizer_class", "model_max_length", "chat_template": members[name] = try pull.value()
            default: try pull.skip()
            }
        }
        try pull.end()
        name = members["tokenizer_class"]?.text
        maximumLength = members["model_max_length"]?.integer.flatMap { (1..<1_000_000_000).contains($0) ? $0 : nil }
        // One template, or a list of named ones.
        hasChatTemplate =
            switch members["chat_template"] {
            case .string(let text): !text.isEmpty
            case .array(let templates): !templates.isEmpty
            default: false
            }
    }

    /// Reads `tokenizer.json`, of which only `model.type` is kept.
    /// - Throws: ``ModelFileError``.
    public init(tokenizer source: any ByteSource) throws(ModelFileError) {
        var pull = JSONPull(try source.readAll(limit: Self.maximumTokenizerBytes))
        var type: String?
        try pull.object { name, pull throws(ModelFileError) in
            guard name == "model", try pull.isObject() else { return try pull.skip() }
            try pull.object { name, pull throws(ModelFileError) in
                if name == "type" { type = try pull.value().text } else { try pull.skip() }
            }
        }
        try pull.end()
        name = type
        maximumLength = nil
        hasChatTemplate = false
    }
}

/// The defaults for sampling in `generation_config.json`: temperature, top_p and the other plain numbers.
public struct GenerationDefaults: Sendable, Equatable {
    private static let names: Set<String> = [
        "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_length", "max_new_tokens", "no_repeat_ngram_size",
    ]

    /// By the names of the file.
    public var values: [String: Double]

    /// Reads `generation_config.json`.
    /// - Throws: ``ModelFileError``.
    public init(_ source: any ByteSource) throws(ModelFileError) {
        let root = try JSONPull.parse(source.readAll(limit: 1 << 20))
        values = [:]
        for name in Self.names {
            if let number = root[name]?.number, number.isFinite { values[name] = number }
        }
    }
}

/// What `adapter_config.json` of PEFT says: to which model the adapter belongs, and what kind it is.
public struct AdapterConfiguration: Sendable, Equatable {
    /// `peft_type`, such as `LORA`.
    public var kind: String?
    /// `base_model_name_or_path`.
    public var baseModel: String?
    /// `r`, the rank of a LoRA.
    public var rank: Int?

    /// Reads `adapter_config.json`.
    /// - Throws: ``ModelFileError``.
    public init(_ source: any ByteSource) throws(ModelFileError) {
        let root = try JSONPull.parse(source.readAll(limit: 4 << 20))
        guard case .object = root else { throw ModelFileError(.malformed, "the adapter's configuration is not a JSON object") }
        kind = root["peft_type"]?.text
        baseModel = root["base_model_name_or_path"]?.text
        rank = root["r"]?.integer
    }
}
