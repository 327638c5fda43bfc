/// Whether the server works.
public struct Health: Codable, Sendable, Equatable, Documented {
    public var status: String
    public var components: [String: String]
    public var database: Bool
    public var cache: Bool
    public var celery: Bool
    public var version: String

    /// The state of the parts. `cache` and `celery` are names of an earlier implementation: in-process here, hence as well as the server.
    public init(database: Bool, storage: Bool, engine: Bool, version: String) {
        status = database ? "healthy" : "unhealthy"
        components = [
            "database": database ? "healthy" : "unhealthy", "storage": storage ? "healthy" : "degraded",
            "engine": engine ? "healthy" : "degraded",
        ]
        self.database = database
        cache = true
        celery = true
        self.version = version
    }

    public static let fields: [String: Field] = [
        "status": "healthy or unhealthy; only the database decides.", "components": "Each part: database, storage, engine.",
        "database": "Whether the database answers.", "cache": "Always true: there is no separate cache.",
        "celery": "Always true: operations run inside the server.", "version": "Version of the server.",
    ]
}

/// What server this is.
public struct ServerInfo: Codable, Sendable, Equatable, Documented {
    public var appName: String
    public var version: String
    public var environment: String
    public var apiVersion: String

    /// Name and version of a server.
    public init(version: String, environment: String) {
        appName = "Catapult"
        self.version = version
        self.environment = environment
        apiVersion = "v1"
    }

    public static let fields: [String: Field] = [
        "appName": "Catapult.", "version": "Version of the server.", "environment": "Name of this installation.", "apiVersion": "v1.",
    ]
}

/// The greeting at the root of the server.
public struct Greeting: Codable, Sendable, Equatable, Documented {
    public var message: String
    public var version: String
    public var docs: String
    public var health: String

    /// Where to go from here.
    public init(version: String) {
        message = "Catapult: models from files to running endpoints"
        self.version = version
        docs = "/docs"
        health = "/api/health"
    }

    public static let fields: [String: Field] = [
        "message": "What this is.", "version": "Version of the server.", "docs": "Where the API is described.",
        "health": "Where health is asked.",
    ]
}

/// The file system that holds the storage root.
public struct Storage: Codable, Sendable, Equatable, Documented {
    public var total: Int64
    public var used: Int64
    public var free: Int64
    public var totalBytes: Int64
    public var usedBytes: Int64
    public var freeBytes: Int64
    public var modelsCount: Int
    public var versionsCount: Int
    public var largestModels: [ModelSize]
    public var root: String

    /// Sizes in bytes.
    public init(total: Int64, free: Int64, modelsCount: Int, versionsCount: Int, largestModels: [ModelSize], root: String) {
        self.total = total
        self.free = free
        used = total - free
        totalBytes = total
        usedBytes = total - free
        freeBytes = free
        self.modelsCount = modelsCount
        self.versionsCount = versionsCount
        self.largestModels = largestModels
        self.root = root
    }

    public static let fields: [String: Field] = [
        "total": "Size in bytes.", "used": "Bytes in use.", "free": "Bytes free.", "totalBytes": "The same as total.",
        "usedBytes": "The same as used.", "freeBytes": "The same as free.", "modelsCount": "Number of models.",
        "versionsCount": "Number of versions.", "largestModels": "The ten models whose versions are largest, largest first.",
        "root": "The storage root: model files beneath it can be registered in place.",
    ]
}

/// A model and how large its versions are.
public struct ModelSize: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var name: String
    public var size: Int64
    public var versions: Int

    /// A model's size in bytes.
    public init(id: String, name: String, size: Int64, versions: Int) {
        self.id = id
        self.name = name
        self.size = size
        self.versions = versions
    }

    public static let fields: [String: Field] = [
        "id": "UUID of the model.", "name": "Name of the model.", "size": "Bytes of all its versions, as they were registered.",
        "versions": "Number of its versions.",
    ]
}

/// What an entry is.
public enum StorageFileType: String, Codable, Sendable, CaseIterable {
    case file
    case directory = "dir"
    case link
    case other
}

/// Something in a folder beneath the storage root.
public struct StorageFile: Codable, Sendable, Equatable, Documented {
    public var name: String
    public var path: String
    public var type: StorageFileType
    public var isDirectory: Bool
    public var size: Int64
    public var sizeBytes: Int64
    public var modified: Timestamp?
    public var modifiedAt: Timestamp?

    /// An entry; links are shown as such and not followed.
    public init(name: String, path: String, type: StorageFileType, size: Int64, modified: Timestamp?) {
        self.name = name
        self.path = path
        self.type = type
        isDirectory = type == .directory
        self.size = size
        sizeBytes = size
        self.modified = modified
        modifiedAt = modified
    }

    public static let fields: [String: Field] = [
        "name": "Its name.", "path": "Its path from the storage root on.",
        "type": "file, dir, link (symbolic, not followed) or other (socket, pipe, device).", "isDirectory": "Whether it is a folder.",
        "size": "Bytes of a file, else 0.", "sizeBytes": "The same as size.", "modified": "When its content last changed.",
        "modifiedAt": "The same as modified.",
    ]
}

/// The GPUs of the host.
public struct GPUInventory: Codable, Sendable, Equatable, Documented {
    public var available: Bool
    public var count: Int
    public var gpus: [GPU]
    public var reason: String?

    /// What was found; a reason when there are none.
    public init(gpus: [GPU], reason: String? = nil) {
        available = !gpus.isEmpty
        count = gpus.count
        self.gpus = gpus
        self.reason = reason
    }

    public static let fields: [String: Field] = [
        "available": "Whether there is any.", "count": "How many.", "gpus": "Each GPU.", "reason": "Why there are none.",
    ]
}

/// One GPU.
public struct GPU: Codable, Sendable, Equatable, Documented {
    public var index: Int
    public var name: String
    public var memoryTotalBytes: Int64
    public var memoryUsedBytes: Int64
    public var utilization: Double?

    /// A GPU's facts.
    public init(index: Int, name: String, memoryTotalBytes: Int64, memoryUsedBytes: Int64, utilization: Double?) {
        self.index = index
        self.name = name
        self.memoryTotalBytes = memoryTotalBytes
        self.memoryUsedBytes = memoryUsedBytes
        self.utilization = utilization
    }

    public static let fields: [String: Field] = [
        "index": "Its number, from 0.", "name": "Its product name.", "memoryTotalBytes": "Memory in bytes.",
        "memoryUsedBytes": "Memory in use in bytes.", "utilization": "Share of time that it computed, 0 to 1.",
    ]
}

/// What the container engine keeps on disk.
public struct DiskUsage: Codable, Sendable, Equatable, Documented {
    public var images: DiskUsageItem
    public var buildCache: DiskUsageItem
    public var containers: DiskUsageItem
    public var volumes: DiskUsageItem
    public var totalDockerBytes: Int64
    public var totalDockerHuman: String
    public var diskAvailableBytes: Int64
    public var diskAvailableHuman: String
    public var diskTotalBytes: Int64
    public var diskTotalHuman: String

    /// Sizes in bytes.
    public init(
        images: DiskUsageItem, buildCache: DiskUsageItem, containers: DiskUsageItem, volumes: DiskUsageItem, diskAvailable: Int64,
        diskTotal: Int64
    ) {
        self.images = images
        self.buildCache = buildCache
        self.containers = containers
        self.volumes = volumes
        totalDockerBytes = images.sizeBytes + buildCache.sizeBytes + containers.sizeBytes + volumes.sizeBytes
        totalDockerHuman = ByteCount.text(totalDockerBytes)
        diskAvailableBytes = diskAvailable
        diskAvailableHuman = ByteCount.text(diskAvailable)
        diskTotalBytes = diskTotal
        diskTotalHuman = ByteCount.text(diskTotal)
    }

    public static let fields: [String: Field] = [
        "images": "Images.", "buildCache": "Build cache.", "containers": "Writable layers of containers.", "volumes": "Volumes.",
        "totalDockerBytes": "All of these in bytes.", "totalDockerHuman": "The same for people.",
        "diskAvailableBytes": "Free bytes on the disk of the storage root.", "diskAvailableHuman": "The same for people.",
        "diskTotalBytes": "Size of that disk.", "diskTotalHuman": "The same for people.",
    ]
}

/// One kind of thing that takes disk space.
public struct DiskUsageItem: Codable, Sendable, Equatable, Documented {
    public var count: Int?
    public var sizeBytes: Int64
    public var sizeHuman: String

    /// Number and size.
    public init(count: Int?, sizeBytes: Int64) {
        self.count = count
        self.sizeBytes = sizeBytes
        sizeHuman = ByteCount.text(sizeBytes)
    }

    public static let fields: [String: Field] = ["count": "How many.", "sizeBytes": "Bytes.", "sizeHuman": "The same for people."]
}
