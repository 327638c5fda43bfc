/// What `config.json` of a Transformers model says, under whatever names its architecture uses.
///
/// The names are those of the configuration classes in Hugging Face Transformers (`attribute_map` and the attributes of GPT-2, Falcon,
/// MPT, ChatGLM, DeepSeek, Whisper …). Models of several parts keep the language model's numbers in a part of their own, `text_config`
/// or the like; those are read from there.
public struct ModelConfiguration: Sendable, Equatable {
    /// Bytes that a configuration may have.
    public static let maximumBytes = 16 << 20

    /// `model_type`, such as `llama`.
    public var modelType: String?
    /// `architectures`, such as `LlamaForCausalLM`.
    public var architectures: [String]
    public var contextLength: Int?
    public var hiddenSize: Int?
    public var feedForwardSize: Int?
    public var layers: Int?
    public var heads: Int?
    public var keyValueHeads: Int?
    public var headSize: Int?
    public var vocabularySize: Int?
    public var slidingWindow: Int?
    public var experts: Int?
    public var expertsPerToken: Int?
    /// Size of the compressed cache entry of multi-head latent attention (DeepSeek): `kv_lora_rank` + `qk_rope_head_dim`.
    public var latentSize: Int?
    /// `torch_dtype` or `dtype`, such as `bfloat16`.
    public var dataType: String?
    /// `quantization_config`.
    public var quantization: QuantizationConfiguration?
    /// Parts besides the language model, such as `vision_config` and `audio_config`, without the suffix.
    public var parts: Set<String>
    /// The model type of the audio part, where there is one, such as `whisper`.
    public var audioModelType: String?

    /// Reads a configuration.
    /// - Throws: ``ModelFileError``.
    public init(_ source: any ByteSource) throws(ModelFileError) {
        let root = try JSONPull.parse(source.readAll(limit: Self.maximumBytes))
        guard case .object(let members) = root else { throw ModelFileError(.malformed, "the configuration is not a JSON object") }
        self.init(members)
    }

    /// Larger numbers are no sizes of anything, and could not be added up.
    private static let sensible = 1..<(1 << 40)
    private static let textParts = ["text_config", "llm_config", "language_config", "thinker_config", "decoder"]

    init(_ members: [String: JSONNode]) {
        let root = JSONNode.object(members)
        var text = root
        for part in Self.textParts {
            guard let found = root[part], case .object = found else { continue }
            // Qwen's "thinker" holds a text part in its turn.
            text = found["text_config"].flatMap { if case .object = $0 { $0 } else { nil } } ?? found
            break
        }
        func number(_ names: String...) -> Int? {
            for node in [text, root] {
                for name in names {
                    if let value = node[name]?.integer, Self.sensible.contains(value) { return value }
                }
            }
            return nil
        }
        modelType = root["model_type"]?.text
        architectures = root["architectures"]?.texts ?? []
        contextLength = number(
            "max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length", "n_ctx", "max_seq_length",
            "model_max_length", "max_target_positions")
        hiddenSize = number("hidden_size", "n_embd", "d_model", "dim", "model_dim")
        feedForwardSize = number("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim", "decoder_ffn_dim", "d_ff")
        layers = number("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers")
        heads = number("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads")
        keyValueHeads =
            number("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
            ?? (text["multi_query"]?.flag == true ? 1 : nil) ?? text["attn_config"]?["kv_n_heads"]?.integer ?? heads
        headSize = number("head_dim", "kv_channels")
        if headSize == nil, let hiddenSize, let heads { headSize = hiddenSize / heads }
        vocabularySize = number("vocab_size", "padded_vocab_size")
        slidingWindow = text["use_sliding_window"]?.flag == false ? nil : number("sliding_window")
        experts = number("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
        expertsPerToken = number("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k")
        if let rank = number("kv_lora_rank") { latentSize = rank + (number("qk_rope_head_dim") ?? 0) }
        dataType = [root, text].lazy.compactMap { $0["torch_dtype"]?.text ?? $0["dtype"]?.text }.first
        quantization = [root, text].lazy.compactMap { $0["quantization_config"] }.first.flatMap(QuantizationConfiguration.init)
        parts = Set(
            members.filter { name, node in
                if case .object(let inner) = node { name.hasSuffix("_config") && !inner.isEmpty } else { false }
            }.keys.map { String($0.dropLast("_config".count)) })
        audioModelType = ["audio_config", "audio_encoder_config"].lazy.compactMap { root[$0]?["model_type"]?.text }.first
    }
}

/// How the weights of a checkpoint were quantized: `quantization_config` of Transformers (or the file of the same content that older
/// tools write, `quantize_config.json`).
public struct QuantizationConfiguration: Sendable, Equatable {
    /// `gptq`, `awq`, `bitsandbytes`, `fp8`, `compressed-tensors`, `mxfp4` …
    public var method: String
    /// Bits per weight, where it says so.
    public var bits: Int?

    init?(_ node: JSONNode) {
        guard case .object = node else { return nil }
        let weights = node["config_groups"]?["group_0"]?["weights"]
        let named = node["quant_method"]?.text ?? node["quant_algo"]?.text
        if let named {
            method = named.lowercased()
        } else if node["load_in_4bit"]?.flag == true || node["load_in_8bit"]?.flag == true {
            method = "bitsandbytes"
        } else if node["bits"]?.integer != nil {
            method = "gptq"
        } else {
            return nil
        }
        bits = node["bits"]?.integer ?? node["w_bit"]?.integer ?? weights?["num_bits"]?.integer
        if bits == nil {
            if node["load_in_4bit"]?.flag == true { bits = 4 }
            if node["load_in_8bit"]?.flag == true { bits = 8 }
            if method.hasPrefix("fp8") || method == "fbgemm_fp8" { bits = 8 }
            if method == "mxfp4" { bits = 4 }
        }
        if let number = bits, !(1...64).contains(number) { bits = nil }
    }

    /// A short name, such as `gptq-4bit` or `fp8`.
    public var name: String {
        guard let bits, !method.contains("fp\(bits)") else { return method }
        return "\(method)-\(bits)bit"
    }
}
