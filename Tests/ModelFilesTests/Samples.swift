import Foundation

@testable import ModelFiles

/// Writes GGUF files for tests, by the specification and not by the reader.
struct GGUFWriter {
    enum Value {
        case u32(UInt32)
        case text(String)
        case flag(Bool)
        case texts([String])
        case u32s([UInt32])
    }

    var version: UInt32 = 3
    var isBigEndian = false
    var values: [(String, Value)] = []
    /// Name, dimensions, type, and offset of the data.
    var tensors: [(String, [UInt64], UInt32, UInt64)] = []
    var dataBytes = 0

    private func integer(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: isBigEndian ? number.bigEndian : number.littleEndian) { Array($0) }
    }

    private func text(_ text: String) -> [UInt8] { integer(UInt64(text.utf8.count)) + Array(text.utf8) }

    private func value(_ value: Value) -> [UInt8] {
        switch value {
        case .u32(let number): integer(UInt32(4)) + integer(number)
        case .flag(let flag): integer(UInt32(7)) + [flag ? 1 : 0]
        case .text(let text): integer(UInt32(8)) + self.text(text)
        case .texts(let texts): integer(UInt32(9)) + integer(UInt32(8)) + integer(UInt64(texts.count)) + texts.flatMap { text($0) }
        case .u32s(let numbers): integer(UInt32(9)) + integer(UInt32(4)) + integer(UInt64(numbers.count)) + numbers.flatMap { integer($0) }
        }
    }

    var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + integer(version) + integer(UInt64(tensors.count)) + integer(UInt64(values.count))
        for (key, value) in values { bytes += text(key) + self.value(value) }
        for (name, dimensions, type, offset) in tensors {
            bytes += text(name) + integer(UInt32(dimensions.count)) + dimensions.flatMap { integer($0) } + integer(type) + integer(offset)
        }
        while !bytes.count.isMultiple(of: 32) { bytes.append(0) }
        return bytes + [UInt8](repeating: 7, count: dataBytes)
    }

    /// A small llama: one Q4_K tensor of 512 numbers (288 bytes) and one F32 tensor of 8 (32 bytes).
    static var llama: GGUFWriter {
        var writer = GGUFWriter()
        writer.values = [
            ("general.architecture", .text("llama")), ("general.name", .text("Tiny Llama")), ("general.file_type", .u32(15)),
            ("general.license", .text("mit")), ("general.tags", .texts(["chat", "tiny"])),
            ("general.base_model.count", .u32(1)), ("general.base_model.0.name", .text("Base")),
            ("general.base_model.0.repo_url", .text("https://hub.example/acme/base-1b")),
            ("llama.context_length", .u32(4096)), ("llama.block_count", .u32(2)), ("llama.embedding_length", .u32(64)),
            ("llama.feed_forward_length", .u32(256)), ("llama.attention.head_count", .u32(8)), ("llama.attention.head_count_kv", .u32(2)),
            ("tokenizer.ggml.model", .text("gpt2")), ("tokenizer.ggml.tokens", .texts(["a", "b", "c"])),
            ("tokenizer.chat_template", .text("{{ messages }}")), ("general.flag", .flag(true)),
        ]
        writer.tensors = [("blk.0.attn_q.weight", [64, 8], 12, 0), ("output_norm.weight", [8], 0, 288)]
        writer.dataBytes = 320
        return writer
    }
}

/// Writes safetensors files for tests.
enum SafetensorsWriter {
    static func bytes(_ header: String, dataBytes: Int = 0) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + [UInt8](repeating: 1, count: dataBytes)
    }

    /// A file of tensors without gaps.
    static func bytes(_ tensors: [(name: String, type: String, shape: [Int], bytes: Int)]) -> [UInt8] {
        var end = 0
        let members = tensors.map { tensor in
            defer { end += tensor.bytes }
            return
                "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":[\(end),\(end + tensor.bytes)]}"
        }
        return bytes("{" + (["\"__metadata__\":{\"format\":\"pt\"}"] + members).joined(separator: ",") + "}", dataBytes: end)
    }
}

extension ModelFile {
    /// A file in memory.
    init(_ path: String, _ bytes: [UInt8]) {
        self.init(path: path, byteCount: Int64(bytes.count)) { () throws(ModelFileError) in MemoryBytes(bytes) }
    }

    init(_ path: String, _ text: String) { self.init(path, Array(text.utf8)) }
}

func bytes(_ text: String) -> MemoryBytes { MemoryBytes(Array(text.utf8)) }

/// Numbers that look random and are the same in every run.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
