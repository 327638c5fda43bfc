import CatapultAPI
import Glibc

/// Finds out from a model's files what kind of server runs it.
enum ServerTypeDetector {
    /// The server type by file names, or nil when they say nothing. The deeper look into `config.json` belongs to the artifact store.
    static func detect(paths: some Sequence<String>) -> ServerType? {
        var names: Set<String> = []
        var suffixes: Set<Substring> = []
        for path in paths {
            let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
            names.insert(name)
            if let dot = name.lastIndex(of: ".") { suffixes.insert(name[name.index(after: dot)...]) }
        }
        if suffixes.contains("gguf") { return .llamaCpp }
        if names.contains("config.json"), suffixes.contains("safetensors") { return .vllm }
        if suffixes.contains("onnx") { return .onnx }
        if names.contains("config.pbtxt") { return .triton }
        if names.contains("dockerfile") { return .custom }
        if !names.isDisjoint(with: ["server.py", "entrypoint.py", "app.py"]) { return .generic }
        return nil
    }

    /// The names in the top two levels of a folder; empty when it cannot be read.
    static func paths(in folder: String, depth: Int = 2) -> [String] {
        guard depth > 0, let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory), found.count < 10_000 {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name != ".", name != ".." else { continue }
            found.append(name)
            if entry.pointee.d_type == UInt8(DT_DIR) { found += paths(in: "\(folder)/\(name)", depth: depth - 1) }
        }
        return found
    }
}
