/// What an engine says of itself and its host.
public struct EngineInfo: Sendable, Hashable, Decodable {
    /// The engine's id; stays the same over restarts.
    public let id: String
    /// The host's name.
    public let name: String
    /// The engine's version.
    public let version: String
    /// The cores of the host.
    public let cpuCount: Int
    /// The memory of the host.
    public let memoryBytes: Int64
    /// The runtimes that containers can use, such as `runc` or `nvidia`.
    public let runtimes: [String]
    /// The runtime that containers use unless told otherwise.
    public let defaultRuntime: String
    /// `1` or `2`; empty where the engine does not say.
    public let cgroupVersion: String
    /// `cgroupfs` or `systemd`.
    public let cgroupDriver: String
    /// The storage driver, such as `overlay2`.
    public let storageDriver: String
    /// Where the engine keeps its data, on its host.
    public let rootDirectory: String
    /// The host's operating system, for people.
    public let operatingSystem: String
    /// The host's kernel.
    public let kernelVersion: String
    /// Such as `x86_64`.
    public let architecture: String
    /// The number of running containers.
    public let runningContainers: Int
    /// The number of all containers.
    public let containers: Int
    /// The number of images.
    public let images: Int
    /// Whether containers can be limited in memory.
    public let canLimitMemory: Bool
    /// Whether containers can be limited in swap; without it the swap limit is ignored.
    public let canLimitSwap: Bool
    /// What the engine cannot do on its host, for people.
    public let warnings: [String]

    private enum Key: String, CodingKey {
        case id = "ID"
        case name = "Name"
        case version = "ServerVersion"
        case cpuCount = "NCPU"
        case memoryBytes = "MemTotal"
        case runtimes = "Runtimes"
        case defaultRuntime = "DefaultRuntime"
        case cgroupVersion = "CgroupVersion"
        case cgroupDriver = "CgroupDriver"
        case storageDriver = "Driver"
        case rootDirectory = "DockerRootDir"
        case operatingSystem = "OperatingSystem"
        case kernelVersion = "KernelVersion"
        case architecture = "Architecture"
        case runningContainers = "ContainersRunning"
        case containers = "Containers"
        case images = "Images"
        case canLimitMemory = "MemoryLimit"
        case canLimitSwap = "SwapLimit"
        case warnings = "Warnings"
    }

    private struct Runtime: Decodable {}

    /// Reads the answer of `GET /info`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func text(_ key: Key) throws -> String { try container.decodeIfPresent(String.self, forKey: key) ?? "" }
        id = try text(.id)
        name = try text(.name)
        version = try text(.version)
        cpuCount = try container.decode(Int.self, forKey: .cpuCount)
        memoryBytes = try container.decode(Int64.self, forKey: .memoryBytes)
        runtimes = (try container.decodeIfPresent([String: Runtime].self, forKey: .runtimes) ?? [:]).keys.sorted()
        defaultRuntime = try text(.defaultRuntime)
        cgroupVersion = try text(.cgroupVersion)
        cgroupDriver = try text(.cgroupDriver)
        storageDriver = try text(.storageDriver)
        rootDirectory = try text(.rootDirectory)
        operatingSystem = try text(.operatingSystem)
        kernelVersion = try text(.kernelVersion)
        architecture = try text(.architecture)
        runningContainers = try container.decodeIfPresent(Int.self, forKey: .runningContainers) ?? 0
        containers = try container.decodeIfPresent(Int.self, forKey: .containers) ?? 0
        images = try container.decodeIfPresent(Int.self, forKey: .images) ?? 0
        canLimitMemory = try container.decodeIfPresent(Bool.self, forKey: .canLimitMemory) ?? false
        canLimitSwap = try container.decodeIfPresent(Bool.self, forKey: .canLimitSwap) ?? false
        warnings = try container.decodeIfPresent([String].self, forKey: .warnings) ?? []
    }
}
