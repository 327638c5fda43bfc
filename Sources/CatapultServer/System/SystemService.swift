import CatapultAPI
import ContainerEngine
import HTTPTypes
import SQLDatabase

/// What the server says of itself and its host. Every answer comes in time, whatever the parts do.
struct SystemService: Sendable {
    /// How long the database may take for a sign of life.
    private static let databaseLimit = Duration.seconds(2)
    /// How long the engine may take to measure its disk usage, which it does when asked.
    private static let diskUsageLimit = Duration.seconds(20)

    private let database: Database
    private let storageRoot: String
    private let environmentName: String
    private let probe: EngineProbe
    private let gpuDetector: GPUDetector
    private let space: CachedFact<FileSystemSpace?>
    private let engineUsage: CachedFact<CatapultAPI.DiskUsage?>

    init(
        database: Database, storage: StoragePaths, environmentName: String, engine: ContainerEngine, probe: EngineProbe, gpus: GPUDetector
    ) {
        self.database = database
        storageRoot = storage.root
        space = FileSystemSpace.around(storage.root)
        self.environmentName = environmentName
        self.probe = probe
        gpuDetector = gpus
        // One at a time: an engine refuses to measure twice at once.
        engineUsage = CachedFact(lifetime: .seconds(5), limit: Self.diskUsageLimit, late: nil) {
            guard let usage = try? await engine.system.diskUsage() else { return nil }
            return CatapultAPI.DiskUsage(
                images: DiskUsageItem(count: usage.images.count, sizeBytes: usage.layersBytes),
                buildCache: DiskUsageItem(count: nil, sizeBytes: usage.buildCacheBytes),
                containers: DiskUsageItem(count: nil, sizeBytes: usage.containersBytes),
                volumes: DiskUsageItem(count: nil, sizeBytes: usage.volumesBytes), diskAvailable: 0, diskTotal: 0)
        }
    }

    func greeting() -> Greeting { Greeting(version: CatapultVersion.current) }

    func info() -> ServerInfo { ServerInfo(version: CatapultVersion.current, environment: environmentName) }

    /// The parts are asked at the same time; none can hold up the answer for longer than a few seconds.
    func health() async -> Health {
        async let database = isDatabaseAnswering()
        async let space = space.value()
        async let engine = probe.isAnswering()
        return await Health(
            database: database, storage: space?.isWritable == true, engine: engine, version: CatapultVersion.current)
    }

    private func isDatabaseAnswering() async -> Bool {
        let database = database
        do {
            try await Deadline.run(Self.databaseLimit) { try await database.ping() }
            return true
        } catch {
            return false
        }
    }

    func storage(_ context: CallContext) async throws -> Storage {
        guard let space = await space.value() else {
            throw CatapultError.unavailable(
                "The storage root", "\(storageRoot) cannot be read", hint: "See that it exists and that its file system is mounted.")
        }
        let (models, versions, largest) = try await database.read { connection in
            (
                try connection.fetchInt("SELECT n FROM counters WHERE name = 'models'") ?? 0,
                try connection.fetchInt("SELECT n FROM counters WHERE name = 'versions'") ?? 0,
                try ModelStore.largest(10, for: context.scope, in: connection)
            )
        }
        return Storage(
            total: space.total, free: space.free, modelsCount: Int(models), versionsCount: Int(versions), largestModels: largest,
            root: storageRoot)
    }

    /// A folder beneath the storage root; the header fields say how much of it is shown.
    func files(_ call: ListStorageFiles) async throws -> ([StorageFile], HTTPFields) {
        let listing = StorageListing(root: try BeneathRoot(storageRoot))
        let (limit, offset) = (call.limit ?? 1_000, call.offset ?? call.skip ?? 0)
        let page = try await BlockingCall.run { try listing.list(call.path ?? "", limit: limit, offset: offset) }
        var fields: HTTPFields = [.totalCount: "\(page.total)"]
        if page.isCut { fields[.truncated] = "true" }
        return (page.files, fields)
    }

    func gpus() async -> GPUInventory { await gpuDetector.inventory() }

    /// What the engine keeps on disk; zeros and "N/A" when it does not answer, as earlier clients expect.
    func diskUsage() async -> CatapultAPI.DiskUsage {
        async let space = space.value()
        var usage = await engineUsage.value() ?? Self.unknownUsage
        usage.set(await space)
        return usage
    }

    private static var unknownUsage: CatapultAPI.DiskUsage {
        var item = DiskUsageItem(count: nil, sizeBytes: 0)
        item.sizeHuman = notAvailable
        var usage = CatapultAPI.DiskUsage(images: item, buildCache: item, containers: item, volumes: item, diskAvailable: 0, diskTotal: 0)
        usage.totalDockerHuman = notAvailable
        return usage
    }

    fileprivate static let notAvailable = "N/A"
}

extension CatapultAPI.DiskUsage {
    /// Fills in the disk of the storage root; nil where it cannot be asked.
    fileprivate mutating func set(_ space: FileSystemSpace?) {
        diskAvailableBytes = space?.free ?? 0
        diskAvailableHuman = space.map { ByteCount.text($0.free) } ?? SystemService.notAvailable
        diskTotalBytes = space?.total ?? 0
        diskTotalHuman = space.map { ByteCount.text($0.total) } ?? SystemService.notAvailable
    }
}
