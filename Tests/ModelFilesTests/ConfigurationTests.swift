import Testing

@testable import ModelFiles

@Suite struct ConfigurationTests {
    /// Configurations by the names that real architectures use, and the numbers they mean: context, layers, heads, key-value heads, head size.
    @Test(arguments: [
        (
            "llama",
            #"{"model_type":"llama","max_position_embeddings":8192,"hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8}"#,
            [8192, 32, 32, 8, 128]
        ),
        ("gpt2", #"{"model_type":"gpt2","n_positions":1024,"n_ctx":1024,"n_embd":768,"n_layer":12,"n_head":12}"#, [1024, 12, 12, 12, 64]),
        (
            "falcon-7b",
            #"{"model_type":"falcon","hidden_size":4544,"n_layer":32,"n_head":71,"multi_query":true,"max_position_embeddings":2048}"#,
            [2048, 32, 71, 1, 64]
        ),
        (
            "mpt", #"{"model_type":"mpt","d_model":4096,"n_layers":32,"n_heads":32,"max_seq_len":65536,"attn_config":{"kv_n_heads":8}}"#,
            [65536, 32, 32, 8, 128]
        ),
        (
            "chatglm",
            #"{"model_type":"chatglm","hidden_size":4096,"num_layers":28,"num_attention_heads":32,"multi_query_group_num":2,"kv_channels":128,"seq_length":32768}"#,
            [32768, 28, 32, 2, 128]
        ),
        (
            "gemma3",
            #"{"model_type":"gemma3","text_config":{"hidden_size":2560,"num_hidden_layers":34,"num_attention_heads":8,"num_key_value_heads":4,"head_dim":256,"max_position_embeddings":131072},"vision_config":{"hidden_size":1152,"num_hidden_layers":27}}"#,
            [131072, 34, 8, 4, 256]
        ),
        (
            "whisper",
            #"{"model_type":"whisper","d_model":1280,"decoder_layers":4,"encoder_layers":32,"decoder_attention_heads":20,"max_target_positions":448}"#,
            [448, 4, 20, 20, 64]
        ),
    ])
    func readsTheNamesThatArchitecturesUse(name: String, json: String, expected: [Int]) throws {
        let configuration = try ModelConfiguration(bytes(json))
        let found = [
            configuration.contextLength, configuration.layers, configuration.heads, configuration.keyValueHeads, configuration.headSize,
        ]
        #expect(found == expected)
    }

    @Test func readsLatentAttentionAndExperts() throws {
        let configuration = try ModelConfiguration(
            bytes(
                #"{"model_type":"deepseek_v3","kv_lora_rank":512,"qk_rope_head_dim":64,"n_routed_experts":256,"num_experts_per_tok":8,"quantization_config":{"quant_method":"fp8","fmt":"e4m3"}}"#
            ))
        #expect(configuration.latentSize == 576)
        #expect(configuration.experts == 256)
        #expect(configuration.expertsPerToken == 8)
        #expect(configuration.quantization?.name == "fp8")
    }

    @Test(arguments: [
        (#"{"quant_method":"gptq","bits":4,"group_size":128}"#, "gptq-4bit"),
        (#"{"quant_method":"awq","bits":4}"#, "awq-4bit"),
        (#"{"load_in_4bit":true,"bnb_4bit_quant_type":"nf4","quant_method":"bitsandbytes"}"#, "bitsandbytes-4bit"),
        (
            #"{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":4,"type":"int"}}}}"#,
            "compressed-tensors-4bit"
        ),
        (#"{"quant_method":"mxfp4"}"#, "mxfp4"), (#"{"quant_algo":"FP8"}"#, "fp8"),
    ])
    func namesQuantizations(json: String, name: String) throws {
        #expect(QuantizationConfiguration(try JSONPull.parse(Array(json.utf8)))?.name == name)
    }

    @Test func takesPythonsNumbers() throws {
        #expect(try JSONPull.parse(Array(#"{"a":Infinity,"b":-Infinity,"c":1e30}"#.utf8))["a"]?.number == .infinity)
        #expect(throws: ModelFileError.self) { try ModelConfiguration(bytes("[]")) }
        #expect(throws: ModelFileError.self) { try ModelConfiguration(bytes("")) }
    }

    @Test func readsTokenizers() throws {
        let facts = try TokenizerFacts(
            configuration: bytes(
                #"{"tokenizer_class":"LlamaTokenizer","model_max_length":1000000000000000019884624838656,"chat_template":"{{x}}"}"#))
        #expect(facts.name == "LlamaTokenizer")
        #expect(facts.maximumLength == nil, "1e30 stands for no limit")
        #expect(facts.hasChatTemplate)
        let model = try TokenizerFacts(
            tokenizer: bytes(#"{"added_tokens":[{"a":[1,2,{"b":"\"}"}]}],"model":{"vocab":{"a":1},"type":"BPE"}}"#))
        #expect(model.name == "BPE")
    }

    @Test(arguments: [
        (#""a\u00e9\ud83d\ude00\n""#, "aé😀\n"), (#""\\\/\"""#, #"\/""#), (#""\ud800x""#, "\u{FFFD}x"), ("\"é\"", "é"),
    ])
    func unescapesStrings(json: String, text: String) throws {
        #expect(try JSONPull.parse(Array(json.utf8)) == .string(text))
    }

    @Test func jsonIsRefusedWhereItIsNone() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "\"\u{1}\"", "nul", "1 2", "\"abc", "\"abc\\", "--1", "{\"a\":}", "[1 2]", "+", "."] {
            #expect(throws: ModelFileError.self, "\(text)") { try JSONPull.parse(Array(text.utf8)) }
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect { try JSONPull.parse(Array(deep.utf8)) } throws: { ($0 as? ModelFileError)?.kind == .beyondLimit }
    }

    @Test func randomJSONOnlyEverThrowsTypedErrors() {
        var numbers = SeededNumbers(state: 3)
        let alphabet = Array(#"{}[]":,\u0e-+.1tfnaNI "#.utf8)
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...60, using: &numbers)).map { _ in alphabet[Int.random(in: alphabet.indices, using: &numbers)]
            }
            do throws(ModelFileError) {
                _ = try JSONPull.parse(text)
            } catch {
                #expect(error.offset <= Int64(text.count))
            }
        }
    }
}
