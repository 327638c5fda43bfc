import CatapultAPI
import ModelFiles

/// What the hub's API says of one revision of a repository: `GET /api/models/{repository}/revision/{revision}?blobs=true`
/// (Hugging Face Hub API; `HfApi.model_info` of huggingface_hub reads the same fields).
struct HubRepository: Sendable, Equatable {
    /// A file and what is known of its bytes before they arrive.
    struct File: Sendable, Equatable {
        var path: String
        var size: Int64
        /// SHA-256 of files in large file storage.
        var sha256: String?
        /// Git's id of other files: SHA-1 over `blob <size>\0` and the bytes.
        var gitID: String?
    }

    /// The commit that the revision stands for.
    var commit: String
    var files: [File]
    /// `cardData.license`, where the card names one.
    var license: String?
    var isGated: Bool

    /// The largest answer that is read: a hundred thousand files take some 20 MiB.
    static let answerLimit = 64 << 20
    static let maximumFiles = 20_000

    /// Reads the answer of the API.
    /// - Throws: 503 where it is not what the API answers; 400 where a file's name cannot be one.
    init(_ json: JSONValue) throws(CatapultError) {
        guard let commit = json["sha"]?.stringValue, Self.isCommit(commit), let siblings = json["siblings"]?.arrayValue else {
            throw HubProblem.unavailable("its answer does not describe a repository")
        }
        guard siblings.count <= Self.maximumFiles else {
            throw .invalid(
                field: "repository", "The repository has \(siblings.count) files; at most \(Self.maximumFiles) are imported",
                hint: "Import a repository that holds one model.")
        }
        var files: [File] = []
        for sibling in siblings {
            guard let path = sibling["rfilename"]?.stringValue else { continue }
            guard Self.isSafe(path) else {
                throw .invalid(
                    field: "repository",
                    "The repository lists a file with the path \(path.prefix(100).debugDescription), which cannot be stored",
                    hint: "Tell the repository's owner: paths are relative, and hold neither '..' nor empty parts.")
            }
            let lfs = sibling["lfs"]
            let sha256 = (lfs?["sha256"] ?? lfs?["oid"])?.stringValue.map { $0.hasPrefix("sha256:") ? String($0.dropFirst(7)) : $0 }
            files.append(
                File(
                    path: path, size: Int64((lfs?["size"] ?? sibling["size"])?.intValue ?? -1),
                    sha256: sha256.flatMap { TextRule.sha256.matches($0) ? $0 : nil },
                    gitID: lfs == nil || lfs == .null ? sibling["blobId"]?.stringValue.flatMap { Self.isCommit($0) ? $0 : nil } : nil))
        }
        self.commit = commit
        self.files = files.sorted { $0.path < $1.path }
        license = json["cardData"]?["license"]?.stringValue ?? json["cardData"]?["license"]?[0]?.stringValue
        // `gated` is false, "auto" or "manual".
        isGated = json["gated"]?.boolValue ?? (json["gated"]?.stringValue != nil)
    }

    /// Git's ids have 40 hexadecimal digits.
    static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }
    }

    private static func isSafe(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.utf8.count <= 1_000 && !path.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255 }
    }
}

/// Which files of a repository are fetched.
enum HubSelection {
    /// The files that an import takes.
    ///
    /// Without patterns that is everything except second copies of the same weights: where there is safetensors, not the pickled, TensorFlow,
    /// Flax, Rust and ONNX forms, nor the authors' original layout. A repository of GGUF files in several quantizations needs a pattern.
    /// - Throws: 400 where nothing is left, or where one of several models must be chosen.
    static func choose(_ files: [HubRepository.File], include: [String]?, exclude: [String]?) throws(CatapultError) -> [HubRepository.File]
    {
        let included = include?.map(GlobPattern.init)
        let excluded = (exclude ?? []).map(GlobPattern.init)
        var chosen = files.filter { file in
            !file.path.split(separator: "/").contains { $0.hasPrefix(".git") } && included?.contains { $0.matches(file.path) } ?? true
                && !excluded.contains { $0.matches(file.path) }
        }
        if included == nil {
            let all = chosen
            if all.contains(where: { $0.path.hasSuffix(".safetensors") }) { chosen.removeAll { isSecondCopy($0.path, among: all) } }
            let weights = chosen.map(\.path).filter { $0.lowercased().hasSuffix(".gguf") }
            let models = ShardGroup.groups(of: weights).filter { !$0.isProjector }.map(\.stem)
            if models.count > 1 {
                throw .invalid(
                    field: "include", "The repository holds \(models.count) GGUF models: \(models.prefix(12).joined(separator: ", "))",
                    hint: "Choose one by a pattern, such as include: [\"*\(models[0].split(separator: "/").last ?? "")*\"].",
                    details: ["models": .array(models.prefix(100).map(JSONValue.string))])
            }
        }
        guard !chosen.isEmpty else {
            throw .invalid(
                field: included == nil ? "repository" : "include", "No file of the repository is left to import",
                hint: "It has \(files.count) files, such as \(files.prefix(3).map(\.path).joined(separator: ", ")).")
        }
        return chosen
    }

    private static func isSecondCopy(_ path: String, among files: [HubRepository.File]) -> Bool {
        let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
        let suffixes = [".h5", ".msgpack", ".ot", ".onnx", ".onnx_data", ".pth", ".pt", ".ckpt", ".tflite", ".mlmodel"]
        if suffixes.contains(where: name.hasSuffix) || path.hasPrefix("original/") { return true }
        if name.hasSuffix(".bin") || name.hasSuffix(".bin.index.json") {
            return name.hasPrefix("pytorch_model") || name.hasPrefix("adapter_model")
        }
        let hasModel = files.contains { $0.path.hasPrefix("model") && $0.path.hasSuffix(".safetensors") }
        return hasModel && name.hasPrefix("consolidated") && name.hasSuffix(".safetensors")
    }
}
