import CatapultAPI
import Glibc
import ModelFiles

/// Finds out from a model's files what kind of server runs it.
enum ServerTypeDetector {
    /// A server type, and why it was chosen.
    struct Finding: Equatable {
        var type: ServerType
        var reason: String
    }

    /// The server type, or nil when nothing tells it.
    ///
    /// The order is that of the wire contract, section 6.2, with four changes: GGUF files go to llama.cpp, the only server that reads them; an
    /// adapter alone is no model to serve; where `config.json` cannot be read yet, it and safetensors mean vLLM as before; and a folder that
    /// says nothing gets no type instead of `generic`, so that a person is asked before something unfit is built.
    ///
    /// - Parameters:
    ///   - paths: the files, relative to the model's folder.
    ///   - facts: what the files say.
    ///   - name: the model's name, for embedding models that are told by it.
    static func find(paths: some Sequence<String>, facts: ModelFacts = ModelFacts(), name: String = "") -> Finding? {
        let files = FileNames(paths)
        if files.has(suffix: "gguf") { return Finding(type: .llamaCpp, reason: "GGUF files") }
        if let adapter = facts.adapter { return Finding(type: .custom, reason: "\(adapter.value) adapter in \(adapter.source)") }
        if let finding = byConfiguration(facts, files, name: name) { return finding }
        if files.has("config.json"), files.has(suffix: "safetensors"), facts.architecture == nil, facts.architectures == nil {
            return Finding(type: .vllm, reason: "config.json and safetensors")
        }
        return byNames(files)
    }

    /// The server type by file names alone.
    static func detect(paths: some Sequence<String>) -> ServerType? { find(paths: paths)?.type }

    // MARK: config.json

    /// A rule about `model_type` (a whole name, or a beginning where it ends in `*`) and about parts of class names.
    private struct Rule {
        var type: ServerType
        var modelTypes: [String]
        var classParts: [String] = []
    }

    private static let rules: [Rule] = [
        Rule(type: .asrVLLM, modelTypes: ["higgs_audio", "higgs_audio_2", "higgs_audio_3"], classParts: ["higgsaudio"]),
        Rule(type: .whisper, modelTypes: ["whisper"]),
        Rule(type: .tts, modelTypes: ["speecht5", "vits", "bark", "fastspeech2_conformer*", "univnet", "parler_tts", "csm", "dia"]),
        Rule(type: .codec, modelTypes: ["encodec", "dac", "mimi", "xcodec*"]),
        Rule(
            type: .stt,
            modelTypes: [
                "wav2vec2*", "hubert", "wavlm", "sew", "sew-d", "unispeech*", "speech_to_text*", "mctct", "mms", "moonshine*",
                "data2vec-audio",
            ]),
        Rule(
            type: .audio,
            modelTypes: [
                "clap", "musicgen*", "seamless_m4t*", "pop2piano", "step_audio*", "audio-spectrogram-transformer", "qwen2_audio*",
                "ultravox", "voxtral*", "phi4_multimodal_audio",
            ], classParts: ["audio"]),
        Rule(
            type: .multimodal,
            modelTypes: [
                "llava*", "qwen2_vl*", "qwen2_5_vl*", "qwen3_vl*", "qwen2_5_omni*", "blip-2", "blip_2", "instructblip*", "kosmos-2*",
                "paligemma*",
                "idefics*", "fuyu", "git", "mllama", "internvl*", "pixtral", "smolvlm", "gemma3", "minicpmv", "phi3_v", "chameleon",
                "aya_vision",
                "mistral3", "llama4", "vipllava", "video_llava", "deepseek_vl*", "molmo*", "ovis*",
            ]),
    ]

    private static func byConfiguration(_ facts: ModelFacts, _ files: FileNames, name: String) -> Finding? {
        let modelType = facts.architecture?.value.lowercased() ?? ""
        let classes = (facts.architectures?.value ?? []).map { $0.lowercased() }
        guard !modelType.isEmpty || !classes.isEmpty else { return nil }
        let words = modelType.isEmpty ? classes[0] : modelType
        func finding(_ type: ServerType, _ reason: String) -> Finding { Finding(type: type, reason: "\(reason) in config.json") }

        // A Higgs model with Whisper's encoder hears; without it, it is a language model.
        if modelType == "higgs_multimodal_qwen3" {
            return finding(facts.audioArchitecture?.value.contains("whisper") == true ? .asrVLLM : .vllm, "model_type \(modelType)")
        }
        for rule in rules {
            if rule.modelTypes.contains(where: { matches(modelType, $0) }) { return finding(rule.type, "model_type \(modelType)") }
            if let part = rule.classParts.first(where: { part in classes.contains { $0.contains(part) } }) {
                return finding(rule.type, "a class with \(part)")
            }
        }
        if facts.parts?.value.contains("vision") == true, writesText(classes) {
            return finding(.multimodal, "a vision part")
        }
        if files.hasPooling { return Finding(type: .embedding, reason: "sentence-transformers files") }
        // Embedding models are mostly made from models that write; their names say so.
        if isEmbeddingName(name), !classes.contains(where: { $0.contains("sequenceclassification") }) {
            return Finding(type: .embedding, reason: "the name \(name)")
        }
        if classes.contains(where: { $0.contains("forcausallm") || $0.contains("lmheadmodel") || $0.contains("forconditionalgeneration") })
        {
            // Encoder-decoder models are not served by vLLM; those with a config of their own were found above.
            let isEncoderDecoder = ["t5", "mt5", "bart", "mbart", "pegasus", "marian", "m2m_100"].contains(modelType)
            return finding(isEncoderDecoder ? .generic : .vllm, "class \(facts.architectures?.value.first ?? words)")
        }
        return finding(.generic, "model_type \(words)")
    }

    private static func writesText(_ classes: [String]) -> Bool {
        classes.contains { $0.contains("forconditionalgeneration") || $0.contains("forcausallm") }
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? text.hasPrefix(pattern.dropLast()) : text == pattern
    }

    /// Whole words of the name: `bge-m3` is one, `bgeneral` is none.
    private static func isEmbeddingName(_ name: String) -> Bool {
        let words = name.lowercased().split { !$0.isLetter }
        return words.contains { $0 == "bge" || $0 == "gte" || $0.hasPrefix("embed") }
    }

    // MARK: File names

    private static let audioWords: Set<Substring> = ["asr", "tts", "whisper", "audio", "speech", "vocoder", "codec", "wav2vec2"]

    private static func byNames(_ files: FileNames) -> Finding? {
        if files.has("model_index.json") { return Finding(type: .generic, reason: "a diffusers pipeline (model_index.json)") }
        if files.has(suffix: "rec") || files.has(suffix: "idx") { return Finding(type: .audio, reason: "record files (.rec, .idx)") }
        if files.has(suffix: "onnx") { return Finding(type: .onnx, reason: "ONNX files") }
        if files.has("config.pbtxt") { return Finding(type: .triton, reason: "config.pbtxt") }
        if files.has("dockerfile") { return Finding(type: .custom, reason: "a Dockerfile") }
        for name in ["server.py", "entrypoint.py", "app.py"] where files.has(name) { return Finding(type: .generic, reason: name) }
        let weights = ["pt", "pth", "bin", "safetensors"].first(where: files.has(suffix:))
        if weights != nil, let word = files.words.intersection(audioWords).min() {
            return Finding(type: .audio, reason: "a file name with \(word)")
        }
        return weights.map { Finding(type: .generic, reason: ".\($0) files") }
    }

    /// What file names tell, in lower case.
    private struct FileNames {
        private var names: Set<String> = []
        private var suffixes: Set<Substring> = []
        private(set) var words: Set<Substring> = []
        private(set) var hasPooling = false

        init(_ paths: some Sequence<String>) {
            for path in paths {
                let path = path.lowercased()
                let name = path.split(separator: "/").last.map(String.init) ?? ""
                names.insert(name)
                if let dot = name.lastIndex(of: ".") { suffixes.insert(name[name.index(after: dot)...]) }
                words.formUnion(name.split { !$0.isLetter && !$0.isNumber }.map { $0 })
                // sentence-transformers: a list of modules, and the folder of the pooling one.
                if path == "modules.json" || path == "config_sentence_transformers.json" || path.hasPrefix("1_pooling/") {
                    hasPooling = true
                }
            }
        }

        func has(_ name: String) -> Bool { names.contains(name) }
        func has(suffix: String) -> Bool { suffixes.contains(Substring(suffix)) }
    }

    /// The names in the top two levels of a folder; empty when it cannot be read.
    static func paths(in folder: String, depth: Int = 2, prefix: String = "") -> [String] {
        guard depth > 0, let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory), found.count < 10_000 {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name != ".", name != ".." else { continue }
            found.append(prefix + name)
            if entry.pointee.d_type == UInt8(DT_DIR) {
                found += paths(in: "\(folder)/\(name)", depth: depth - 1, prefix: "\(prefix)\(name)/")
            }
        }
        return found
    }
}
