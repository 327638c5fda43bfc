import CatapultAPI
import ModelFiles
import Testing

@testable import CatapultServer

/// The table of the wire contract, section 6.2, row by row, and where ours differs.
@Suite struct ServerTypeDetectorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var modelType: String?
        var classes: [String] = []
        var files = ["config.json", "model.safetensors"]
        var name = "model"
        var audio: String?
        var parts: [String] = []
        var type: ServerType?

        var testDescription: String { "\(modelType ?? classes.first ?? files.joined(separator: ", ")) → \(type?.rawValue ?? "nothing")" }
    }

    private func find(_ row: Row) -> ServerTypeDetector.Finding? {
        var facts = ModelFacts()
        facts.architecture = row.modelType.map { Fact($0, from: "config.json") }
        facts.architectures = row.classes.isEmpty ? nil : Fact(row.classes, from: "config.json")
        facts.audioArchitecture = row.audio.map { Fact($0, from: "config.json") }
        facts.parts = row.parts.isEmpty ? nil : Fact(row.parts, from: "config.json")
        return ServerTypeDetector.find(paths: row.files, facts: facts, name: row.name)
    }

    @Test(arguments: [
        Row(modelType: "higgs_audio", type: .asrVLLM), Row(modelType: "higgs_audio_2", type: .asrVLLM),
        Row(modelType: "higgs_audio_3", type: .asrVLLM), Row(classes: ["HiggsAudioForCausalLM"], type: .asrVLLM),
        Row(modelType: "higgs_multimodal_qwen3", audio: "whisper", type: .asrVLLM), Row(modelType: "higgs_multimodal_qwen3", type: .vllm),
        Row(modelType: "whisper", classes: ["WhisperForConditionalGeneration"], type: .whisper),
        Row(modelType: "speecht5", type: .tts), Row(modelType: "vits", type: .tts), Row(modelType: "bark", type: .tts),
        Row(modelType: "fastspeech2_conformer_with_hifigan", type: .tts), Row(modelType: "univnet", type: .tts),
        Row(modelType: "encodec", type: .codec), Row(modelType: "dac", type: .codec),
        Row(modelType: "wav2vec2-bert", type: .stt), Row(modelType: "hubert", type: .stt), Row(modelType: "wavlm", type: .stt),
        Row(modelType: "sew-d", type: .stt), Row(modelType: "unispeech-sat", type: .stt), Row(modelType: "speech_to_text_2", type: .stt),
        Row(modelType: "mctct", type: .stt), Row(modelType: "mms", type: .stt),
        Row(modelType: "clap", type: .audio), Row(modelType: "musicgen_melody", type: .audio),
        Row(modelType: "seamless_m4t_v2", type: .audio),
        Row(modelType: "pop2piano", type: .audio), Row(modelType: "step_audio_2", type: .audio),
        Row(modelType: "audio-spectrogram-transformer", type: .audio), Row(modelType: "x", classes: ["XAudioModel"], type: .audio),
        Row(modelType: "llava_next", type: .multimodal), Row(modelType: "qwen2_vl", type: .multimodal),
        Row(modelType: "blip-2", type: .multimodal), Row(modelType: "instructblip", type: .multimodal),
        Row(modelType: "kosmos-2", type: .multimodal), Row(modelType: "paligemma", type: .multimodal),
        Row(modelType: "idefics3", type: .multimodal), Row(modelType: "fuyu", type: .multimodal), Row(modelType: "git", type: .multimodal),
        Row(modelType: "new_vl", classes: ["NewForConditionalGeneration"], parts: ["vision"], type: .multimodal),
        Row(modelType: "vit", classes: ["ViTForImageClassification"], type: .generic),
        Row(modelType: "clip", classes: ["CLIPModel"], parts: ["vision"], type: .generic),
        Row(modelType: "bert", classes: ["BertModel"], files: ["config.json", "model.safetensors", "modules.json"], type: .embedding),
        Row(modelType: "bert", classes: ["BertModel"], files: ["config.json", "1_Pooling/config.json"], type: .embedding),
        Row(modelType: "xlm-roberta", classes: ["XLMRobertaModel"], name: "BAAI/bge-m3", type: .embedding),
        Row(modelType: "qwen3", classes: ["Qwen3ForCausalLM"], name: "Qwen3-Embedding-0.6B", type: .embedding),
        Row(modelType: "new", classes: ["NewModel"], name: "gte-large", type: .embedding),
        Row(modelType: "bert", classes: ["BertModel"], name: "bgeneral-integtest", type: .generic),
        Row(modelType: "xlm-roberta", classes: ["XLMRobertaForSequenceClassification"], name: "bge-reranker", type: .generic),
        Row(modelType: "llama", classes: ["LlamaForCausalLM"], type: .vllm),
        Row(modelType: "gpt2", classes: ["GPT2LMHeadModel"], type: .vllm),
        Row(modelType: "t5", classes: ["T5ForConditionalGeneration"], type: .generic),
        Row(modelType: "bert", classes: ["BertForMaskedLM"], type: .generic), Row(modelType: "unheard", type: .generic),
        // What nobody could read yet.
        Row(files: ["config.json", "model.safetensors"], type: .vllm),
        // Without a configuration.
        Row(files: ["weights/model-Q4.gguf", "config.json"], type: .llamaCpp),
        Row(files: ["model_index.json", "unet/a.safetensors"], type: .generic),
        Row(files: ["data.rec", "data.idx"], type: .audio), Row(files: ["speech-encoder.pt"], type: .audio),
        Row(files: ["model.onnx"], type: .onnx), Row(files: ["1/model.plan", "config.pbtxt"], type: .triton),
        Row(files: ["Dockerfile", "x.txt"], type: .custom), Row(files: ["server.py"], type: .generic),
        Row(files: ["entrypoint.py"], type: .generic),
        Row(files: ["app.py"], type: .generic), Row(files: ["weights.pth"], type: .generic),
        Row(files: ["model.safetensors"], type: .generic),
        Row(files: ["notes.txt"], type: nil), Row(files: [], type: nil),
    ])
    func finds(row: Row) { #expect(find(row)?.type == row.type) }

    @Test func saysWhy() {
        #expect(find(Row(modelType: "whisper"))?.reason == "model_type whisper in config.json")
        #expect(find(Row(files: ["a.gguf"]))?.reason == "GGUF files")
    }

    @Test func anAdapterIsNotServedAlone() {
        var facts = ModelFacts()
        facts.adapter = Fact("LORA", from: "adapter_config.json")
        #expect(ServerTypeDetector.find(paths: ["adapter_model.safetensors"], facts: facts)?.type == .custom)
    }
}
