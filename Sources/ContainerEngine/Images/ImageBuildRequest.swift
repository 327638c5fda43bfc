/// What to build an image from and how: the parameters of `POST /build` for the classic builder.
public struct ImageBuildRequest: Sendable, Hashable {
    /// The references to give to the image, such as `name:tag`.
    public var tags: [String]
    /// The path of the Dockerfile within the context.
    public var dockerfile: String
    /// Values of the Dockerfile's `ARG`s. They stay readable in the image's history: no secrets.
    public var buildArguments: [String: String]
    /// Labels of the image.
    public var labels: [String: String]
    /// The stage to stop at; nil builds all.
    public var target: String?
    /// Whether to build every step anew.
    public var ignoresCache: Bool
    /// Whether to ask the registry for a newer base image.
    public var pullsBase: Bool
    /// The most memory of a step's container; nil is no limit. Swap is not added to it.
    public var memoryBytes: Int64?
    /// The most CPU of a step's container, in billionths of a core; nil is no limit.
    public var nanoCPUs: Int64?
    /// The size of a step's `/dev/shm`; nil is the engine's default of 64 MiB.
    public var sharedMemoryBytes: Int64?
    /// The network of the steps, such as `none`, `host` or `bridge`; nil is the engine's default.
    public var network: String?

    /// Makes a request with the engine's defaults for what is not given.
    public init(
        tags: [String], dockerfile: String = "Dockerfile", buildArguments: [String: String] = [:], labels: [String: String] = [:],
        target: String? = nil, ignoresCache: Bool = false, pullsBase: Bool = false, memoryBytes: Int64? = nil, nanoCPUs: Int64? = nil,
        sharedMemoryBytes: Int64? = nil, network: String? = nil
    ) {
        self.tags = tags
        self.dockerfile = dockerfile
        self.buildArguments = buildArguments
        self.labels = labels
        self.target = target
        self.ignoresCache = ignoresCache
        self.pullsBase = pullsBase
        self.memoryBytes = memoryBytes
        self.nanoCPUs = nanoCPUs
        self.sharedMemoryBytes = sharedMemoryBytes
        self.network = network
    }

    /// The CPU period that limits are counted in, in microseconds: the kernel's default.
    private static let cpuPeriod: Int64 = 100_000

    func query() throws(ContainerEngineError) -> [(name: String, value: String)] {
        // Version 1 is the classic builder; failed steps leave no container behind.
        var items: [(name: String, value: String)] = [
            ("version", "1"), ("dockerfile", dockerfile), ("rm", "1"), ("forcerm", "1"),
        ]
        for tag in tags { items.append(("t", try References.image(tag))) }
        if !buildArguments.isEmpty { items.append(("buildargs", String(decoding: try EngineJSON.encode(buildArguments), as: UTF8.self))) }
        if !labels.isEmpty { items.append(("labels", String(decoding: try EngineJSON.encode(labels), as: UTF8.self))) }
        if let target { items.append(("target", target)) }
        if ignoresCache { items.append(("nocache", "1")) }
        if pullsBase { items.append(("pull", "1")) }
        if let memoryBytes {
            items.append(("memory", "\(memoryBytes)"))
            items.append(("memswap", "\(memoryBytes)"))
        }
        if let nanoCPUs {
            guard nanoCPUs >= 10_000_000 else {
                throw .invalidArgument(name: "nanoCPUs", reason: "the least share of a CPU is 10,000,000 billionths")
            }
            items.append(("cpuperiod", "\(Self.cpuPeriod)"))
            items.append(("cpuquota", "\(nanoCPUs / (1_000_000_000 / Self.cpuPeriod))"))
        }
        if let sharedMemoryBytes { items.append(("shmsize", "\(sharedMemoryBytes)")) }
        if let network { items.append(("networkmode", network)) }
        return items
    }
}
