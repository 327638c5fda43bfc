import Foundation
import Testing

@testable import ModelFiles

@Suite struct ModelInspectorTests {
    @Test func mergesTheFilesOfACheckpointWithTheirSources() {
        let weights = SafetensorsWriter.bytes([
            ("a.weight", "BF16", [1000, 1000], 2_000_000), ("b.weight", "BF16", [500, 1000], 1_000_000),
        ])
        let facts = ModelInspector.facts(of: [
            ModelFile(
                "config.json",
                #"{"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":8,"num_key_value_heads":2,"max_position_embeddings":2048,"torch_dtype":"bfloat16","vocab_size":1000}"#
            ),
            ModelFile("model.safetensors", weights),
            ModelFile("tokenizer_config.json", #"{"tokenizer_class":"LlamaTokenizer","chat_template":"x"}"#),
            ModelFile("generation_config.json", #"{"temperature":0.6,"eos_token_id":2}"#),
            ModelFile("README.md", "---\nlicense: mit\nbase_model: [acme/base]\n---\nA small model.\n"),
            ModelFile("LICENSE", "Apache License Version 2.0, January 2004"),
        ])
        #expect(facts.parameterCount == Fact(1_500_000, from: "model.safetensors"))
        #expect(facts.parameterText == "1.5M")
        #expect(facts.weightBytes?.value == 3_000_000)
        #expect(facts.architecture == Fact("llama", from: "config.json"))
        #expect(facts.quantization == Fact("bf16", from: "model.safetensors"))
        #expect(facts.license == Fact("mit", from: "README.md"), "the card wins over the text")
        #expect(facts.baseModels == Fact(["acme/base"], from: "README.md"))
        #expect(facts.tokenizer == Fact("LlamaTokenizer", from: "tokenizer_config.json"))
        #expect(facts.hasChatTemplate == Fact(true, from: "tokenizer_config.json"))
        #expect(facts.generationDefaults?.value == ["temperature": 0.6])
        #expect(facts.cacheElementsPerToken == 2 * 2 * (8 + 8))
        #expect(facts.problems == [])
    }

    @Test func readsAGGUFModel() {
        let facts = ModelInspector.facts(of: [ModelFile("tiny.gguf", GGUFWriter.llama.bytes)])
        #expect(facts.format?.value == .gguf)
        #expect(facts.parameterCount == Fact(520, from: "tiny.gguf"))
        #expect(facts.quantization?.value == "Q4_K_M")
        #expect(facts.contextLength?.value == 4096)
        #expect(facts.vocabularySize?.value == 3)
        #expect(facts.baseModels?.value == ["acme/base-1b"])
        #expect(facts.hasChatTemplate?.value == true)
        #expect(facts.cacheElementsPerToken == 2 * 2 * 16)
        #expect(facts.problems == [])
    }

    @Test func cutAndMissingShardsAreProblems() {
        var shard = GGUFWriter.llama
        shard.values += [("split.no", .u32(0)), ("split.count", .u32(2))]
        let whole = shard.bytes
        let facts = ModelInspector.facts(of: [ModelFile("m-00001-of-00002.gguf", Array(whole.dropLast(10)))])
        #expect(facts.problems.count == 2)
        #expect(facts.parameterCount == nil, "half a model has no number of parameters")
        #expect(facts.architecture?.value == "llama")

        let index = #"{"metadata":{"total_size":10},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#
        let sharded = ModelInspector.facts(of: [
            ModelFile("model.safetensors.index.json", index), ModelFile("m-1.safetensors", SafetensorsWriter.bytes([("a", "F16", [2], 4)])),
        ])
        #expect(sharded.problems.map(\.reason) == ["1 of 2 shards are missing: m-2.safetensors"])
        #expect(sharded.parameterCount == nil)
    }

    @Test func packedWeightsCountForWhatTheyHold() {
        let weights = SafetensorsWriter.bytes([
            ("l.qweight", "I32", [128, 64], 32_768), ("l.scales", "F16", [8, 64], 1_024), ("norm.weight", "F16", [64], 128),
        ])
        let facts = ModelInspector.facts(of: [
            ModelFile("config.json", #"{"quantization_config":{"quant_method":"gptq","bits":4}}"#), ModelFile("model.safetensors", weights),
        ])
        #expect(facts.parameterCount?.value == UInt64(128 * 64 * 8 + 64))
        #expect(facts.quantization == Fact("gptq-4bit", from: "config.json"))
    }

    @Test func aBrokenFileIsAProblemAndNotTheEnd() {
        let facts = ModelInspector.facts(of: [
            ModelFile("config.json", "{"), ModelFile("tiny.gguf", GGUFWriter.llama.bytes), ModelFile("README.md", "---\na: [\n---\n"),
        ])
        #expect(facts.problems.map(\.path) == ["config.json", "README.md"])
        #expect(facts.architecture?.value == "llama")
    }

    @Test func anAdapterNamesItsBase() {
        let facts = ModelInspector.facts(of: [
            ModelFile("adapter_config.json", #"{"peft_type":"LORA","base_model_name_or_path":"acme/base","r":16}"#),
            ModelFile("adapter_model.safetensors", SafetensorsWriter.bytes([("lora_A", "F32", [4, 4], 64)])),
        ])
        #expect(facts.adapter?.value == "LORA")
        #expect(facts.baseModels == Fact(["acme/base"], from: "adapter_config.json"))
        #expect(facts.parameterCount?.value == 16)
    }

    @Test func aProjectorBesideAModelIsAPart() {
        let facts = ModelInspector.facts(of: [
            ModelFile("mmproj-model.gguf", GGUFWriter.llama.bytes), ModelFile("model.gguf", GGUFWriter.llama.bytes),
        ])
        #expect(facts.parts == Fact(["vision"], from: "mmproj-model.gguf"))
        #expect(facts.parameterCount?.source == "model.gguf")
        #expect(facts.problems == [])
    }

    @Test(arguments: [
        (UInt64(999), "999"), (1_000, "1K"), (8_030_261_248, "8.03B"), (70_553_706_496, "70.6B"), (405_853_388_800, "406B"),
        (999_999_999, "1B"), (671_026_419_200, "671B"), (1_026_000_000_000, "1.03T"), (13_015_864_320, "13B"),
    ])
    func numbersOfParametersHaveThreeDigits(count: UInt64, text: String) { #expect(ModelFacts.short(count) == text) }

    @Test func walksAFolderWithoutLeavingIt() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("model-files-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(atPath: "\(root)/repo/blobs", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: "\(root)/repo/snapshots/abc/sub", withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(filePath: "\(root)/repo/blobs/1"))
        try Data("secret".utf8).write(to: URL(filePath: "\(root)/secret"))
        let snapshot = "\(root)/repo/snapshots/abc"
        try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/config.json", withDestinationPath: "../../blobs/1")
        try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/sub/out", withDestinationPath: "\(root)/secret")
        try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/loop", withDestinationPath: ".")
        try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/gone", withDestinationPath: "nowhere")
        try Data().write(to: URL(filePath: "\(snapshot)/.hidden"))

        let found = try ModelDirectory(path: snapshot, boundary: "\(root)/repo")
        #expect(found.files.map(\.path) == ["config.json"])
        #expect(found.files.first?.byteCount == 2)
        #expect(found.skipped.sorted() == ["gone", "loop", "sub/out"])
        #expect(try ModelDirectory(path: snapshot).files.isEmpty, "without a boundary no link leads out of the folder")
        #expect(try ModelDirectory(path: "\(root)/secret").files.map(\.path) == ["secret"])
        #expect(throws: ModelFileError.self) { try ModelDirectory(path: "\(root)/nothing") }
    }

    @Test func onlyHeadersAreRead() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("model-files-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        // A sparse file of a TiB: whoever read it would not come back.
        var writer = GGUFWriter.llama
        writer.tensors = [("big", [1 << 38], 0, 0)]
        writer.dataBytes = 0
        try Data(writer.bytes).write(to: URL(filePath: "\(root)/big.gguf"))
        let handle = try FileHandle(forWritingTo: URL(filePath: "\(root)/big.gguf"))
        try handle.truncate(atOffset: UInt64(writer.bytes.count) + 1 << 40)
        try handle.close()
        let facts = ModelInspector.facts(of: try ModelDirectory(path: root).files)
        #expect(facts.parameterText == "275B")
        #expect(facts.problems == [])
    }
}
