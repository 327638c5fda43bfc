import Testing

@testable import ModelFiles

/// Files that lie, all readers together: whatever they hold, reading ends, with facts or with problems that are named.
@Suite struct HostileFilesTests {
    /// A model's folder in which every reader finds something.
    private static let folder: [(path: String, bytes: [UInt8])] = [
        ("README.md", Array("---\nlicense: mit\ntags: [a, b]\nbase_model:\n- acme/base\n---\n# Title\n\nA *model*.\n".utf8)),
        ("LICENSE", Array("Permission is hereby granted, free of charge, to any person".utf8)),
        ("adapter_config.json", Array(#"{"peft_type":"LORA","base_model_name_or_path":"acme/base","r":16}"#.utf8)),
        (
            "config.json",
            Array(
                #"{"model_type":"deepseek_v3","architectures":["X"],"hidden_size":64,"num_attention_heads":8,"num_hidden_layers":2,"kv_lora_rank":512,"qk_rope_head_dim":64,"text_config":{"vocab_size":10},"quantization_config":{"quant_method":"gptq","bits":4},"audio_config":{"model_type":"whisper"}}"#
                    .utf8)
        ),
        ("generation_config.json", Array(#"{"temperature":0.5,"top_k":40}"#.utf8)),
        ("model-00001-of-00001.safetensors", SafetensorsWriter.bytes([("a.qweight", "I32", [4, 4], 64), ("b.weight", "BF16", [4], 8)])),
        (
            "model.safetensors.index.json",
            Array(#"{"metadata":{"total_size":72},"weight_map":{"a":"model-00001-of-00001.safetensors"}}"#.utf8)
        ),
        ("tiny.gguf", GGUFWriter.llama.bytes),
        ("tokenizer.json", Array(#"{"version":"1.0","model":{"type":"BPE","vocab":{"a":0,"\u00e9":1}}}"#.utf8)),
        ("tokenizer_config.json", Array(#"{"tokenizer_class":"T","model_max_length":2048,"chat_template":[{"name":"x"}]}"#.utf8)),
    ]

    private func facts(_ change: (Int, [UInt8]) -> [UInt8]) -> ModelFacts {
        ModelInspector.facts(of: Self.folder.enumerated().map { ModelFile($1.path, change($0, $1.bytes)) })
    }

    @Test func theFolderItselfIsRead() {
        let facts = facts { $1 }
        #expect(facts.latentSize?.value == 576 && facts.license?.value == "mit" && facts.tokenizer?.value == "gpt2")
        #expect(facts.problems.isEmpty)
    }

    @Test(arguments: folder.indices)
    func cutAnywhereItIsReadOrNamed(file: Int) {
        let (path, whole) = Self.folder[file]
        let step = max(1, whole.count / 200)
        for length in stride(from: 0, to: whole.count, by: step) {
            let facts = facts { $0 == file ? Array($1[..<length]) : $1 }
            // Where the weights name the tokenizer, its own file is not opened.
            if path.hasSuffix(".json"), path != "tokenizer.json" {
                #expect(facts.problems.contains { $0.path == path }, "\(path) cut to \(length)")
            }
            #expect(facts.problems.count < 8)
        }
    }

    @Test func flippedBitsNeverDoMore() {
        var numbers = SeededNumbers(state: 3)
        for round in 0..<3_000 {
            let file = round % Self.folder.count
            let facts = facts { index, bytes in
                guard index == file else { return bytes }
                var bytes = bytes
                for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                    bytes[Int.random(in: bytes.indices, using: &numbers)] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
                }
                return bytes
            }
            #expect(facts.problems.count < 8)
            _ = facts.cacheElementsPerToken
            _ = facts.parameterText
        }
    }

    @Test func numbersThatCannotBeAddedUpAreNoSizes() throws {
        let huge = try ModelConfiguration(
            bytes(
                #"{"kv_lora_rank":9223372036854774784,"qk_rope_head_dim":9223372036854774784,"hidden_size":1e300,"num_attention_heads":-1}"#
            ))
        #expect(huge.latentSize == nil && huge.hiddenSize == nil && huge.heads == nil)
    }

    private func kind(_ body: () throws(ModelFileError) -> Void) -> ModelFileError.Kind? {
        do throws(ModelFileError) {
            try body()
            return nil
        } catch {
            return error.kind
        }
    }

    @Test func whatWouldBecomeLargeInMemoryIsRefused() {
        // Two bytes each in the file, many more as values.
        let list =
            Array("{\"a\":[".utf8) + (0..<JSONPull.maximumNodes).flatMap { _ in [UInt8(ascii: "0"), UInt8(ascii: ",")] } + Array("0]}".utf8)
        #expect(kind { () throws(ModelFileError) in _ = try ModelConfiguration(MemoryBytes(list)) } == .beyondLimit)
        #expect(
            kind { () throws(ModelFileError) in _ = try TokenizerFacts(configuration: MemoryBytes(list)) } == nil,
            "what is not wanted is passed over")

        var writer = GGUFWriter.llama
        writer.values = (0..<400).map { ("array.\($0)", .u32s([UInt32](repeating: 7, count: 1_024))) }
        var limits = GGUFHeader.Limits()
        let source = MemoryBytes(writer.bytes)
        #expect(kind { () throws(ModelFileError) in _ = try GGUFHeader(source, limits: limits) } == .beyondLimit)
        limits.keptBytes = 32 << 20
        #expect(kind { () throws(ModelFileError) in _ = try GGUFHeader(source, limits: limits) } == nil)

        writer = GGUFWriter.llama
        writer.tensors = (0..<300).map { ("t\($0)", [1], UInt32($0) + 1_000, 0) }
        let types = MemoryBytes(writer.bytes)
        #expect(kind { () throws(ModelFileError) in _ = try GGUFHeader(types) } == .malformed)
    }
}
