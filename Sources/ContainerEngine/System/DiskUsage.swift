/// What an engine's data takes on disk.
public struct DiskUsage: Sendable, Hashable, Decodable {
    /// All image layers, each counted once.
    public let layersBytes: Int64
    /// What containers wrote over their images.
    public let containersBytes: Int64
    /// Volumes.
    public let volumesBytes: Int64
    /// The cache of builds.
    public let buildCacheBytes: Int64
    /// Each image with its size, layers that it shares included.
    public let images: [ImageSummary]

    private struct Container: Decodable {
        var size: Int64?
        enum CodingKeys: String, CodingKey { case size = "SizeRw" }
    }

    private struct Volume: Decodable {
        struct Usage: Decodable {
            var size: Int64?
            enum CodingKeys: String, CodingKey { case size = "Size" }
        }
        var usage: Usage?
        enum CodingKeys: String, CodingKey { case usage = "UsageData" }
    }

    private struct CacheRecord: Decodable {
        var size: Int64?
        var isShared: Bool?
        enum CodingKeys: String, CodingKey {
            case size = "Size"
            case isShared = "Shared"
        }
    }

    private enum Key: String, CodingKey {
        case layers = "LayersSize"
        case images = "Images"
        case containers = "Containers"
        case volumes = "Volumes"
        case buildCache = "BuildCache"
    }

    /// Reads the answer of `GET /system/df`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        // The engine writes -1 for a size that it does not know.
        func sum(_ sizes: [Int64?]) -> Int64 { sizes.reduce(0) { $0 &+ max($1 ?? 0, 0) } }
        layersBytes = try container.decodeIfPresent(Int64.self, forKey: .layers) ?? 0
        containersBytes = sum((try container.decodeIfPresent([Container].self, forKey: .containers) ?? []).map(\.size))
        volumesBytes = sum((try container.decodeIfPresent([Volume].self, forKey: .volumes) ?? []).map(\.usage?.size))
        buildCacheBytes = sum(
            (try container.decodeIfPresent([CacheRecord].self, forKey: .buildCache) ?? []).filter { $0.isShared != true }.map(\.size))
        images = try container.decodeIfPresent([ImageSummary].self, forKey: .images) ?? []
    }
}
