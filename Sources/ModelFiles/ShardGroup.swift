/// GGUF files that belong together: shards are named `name-00001-of-00003.gguf` (llama.cpp, gguf-split).
public struct ShardGroup: Sendable, Equatable {
    /// The name without the shard's number and the suffix.
    public var stem: String
    /// In the order of the shards.
    public var paths: [String]

    /// A projector of pictures or sound, which comes beside the model (`mmproj-….gguf`).
    public var isProjector: Bool { stem.split(separator: "/").last?.lowercased().hasPrefix("mmproj") == true }

    /// The groups of some paths: whole models first by their names, projectors last.
    public static func groups(of paths: [String]) -> [ShardGroup] {
        var groups: [String: ShardGroup] = [:]
        for path in paths.sorted() {
            let stem = stem(of: path)
            groups[stem, default: ShardGroup(stem: stem, paths: [])].paths.append(path)
        }
        return groups.values.sorted { ($0.isProjector ? 1 : 0, $0.stem) < ($1.isProjector ? 1 : 0, $1.stem) }
    }

    private static func stem(of path: String) -> String {
        let name = path.dropLast(".gguf".count)
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 2] == "of",
            [parts[parts.count - 3], parts[parts.count - 1]].allSatisfy({ $0.count == 5 && $0.allSatisfy(\.isNumber) })
        else { return String(name) }
        return parts.dropLast(3).joined(separator: "-")
    }
}
