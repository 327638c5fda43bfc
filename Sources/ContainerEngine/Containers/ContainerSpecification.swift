/// What a container shall be: the parameters of its creation. What is not set is left to the engine and the image.
public struct ContainerSpecification: Sendable, Hashable {
    /// The image, by id or reference. It must exist on the engine: nothing is pulled.
    public var image: String
    /// Environment variables, added to those of the image.
    public var environment: [String: String]
    /// The command, instead of the image's.
    public var command: [String]?
    /// The entry point, instead of the image's.
    public var entrypoint: [String]?
    /// The directory to start in.
    public var workingDirectory: String?
    /// The user, as name or number, optionally with a group behind a colon.
    public var user: String?
    /// The host name within the container.
    public var hostname: String?
    /// Labels.
    public var labels: [String: String]
    /// The ports to expose, and where to publish them.
    public var ports: [PortMapping]
    /// Host directories and volumes to mount.
    public var mounts: [Mount]
    /// File systems in memory, by their path in the container.
    public var temporaryFileSystems: [String: TemporaryFileSystem]
    /// Limits of what the container may use.
    public var resources: Resources
    /// What the container may do.
    public var security: Security
    /// The GPUs to give to it.
    public var gpus: GPURequest?
    /// When the engine starts it again by itself.
    public var restartPolicy: RestartPolicy
    /// The signal that asks it to stop, such as `SIGTERM`.
    public var stopSignal: String?
    /// How long it may take to stop before it is killed; whole seconds, rounded up.
    public var stopTimeout: Duration?
    /// The health check, instead of the image's.
    public var healthCheck: HealthCheck?
    /// Whether a small init process reaps what the main process leaves behind, and forwards signals to it.
    public var usesInit: Bool
    /// The network to join, by name or id, such as `none`.
    public var network: String?
    /// How much of its output the engine keeps; nil is the engine's default, which for many engines is no limit.
    public var logRetention: LogRetention?

    /// Makes a specification; set the properties that matter afterwards.
    public init(
        image: String, command: [String]? = nil, environment: [String: String] = [:], labels: [String: String] = [:],
        ports: [PortMapping] = [], mounts: [Mount] = []
    ) {
        self.image = image
        self.command = command
        self.environment = environment
        self.labels = labels
        self.ports = ports
        self.mounts = mounts
        entrypoint = nil
        workingDirectory = nil
        user = nil
        hostname = nil
        temporaryFileSystems = [:]
        resources = Resources()
        security = Security()
        gpus = nil
        restartPolicy = .never
        stopSignal = nil
        stopTimeout = nil
        healthCheck = nil
        usesInit = false
        network = nil
        logRetention = nil
    }
}

/// The protocol of a port.
public enum PortProtocol: String, Sendable, Hashable, Codable, CaseIterable {
    /// TCP.
    case tcp
    /// UDP.
    case udp
    /// SCTP.
    case sctp
}

extension ContainerSpecification {
    /// A port of the container, and where to reach it on the host.
    public struct PortMapping: Sendable, Hashable {
        /// The port within the container.
        public var containerPort: Int
        /// The protocol.
        public var transport: PortProtocol
        /// Where to publish it; nil only exposes it.
        public var published: Publication?

        /// An address of the host.
        public struct Publication: Sendable, Hashable {
            /// The address to listen on. The default is loopback: reachable from this host only.
            public var hostAddress: String
            /// The port; nil lets the engine choose a free one, which the container's inspection then tells.
            public var hostPort: Int?

            /// Makes an address.
            public init(hostAddress: String = "127.0.0.1", hostPort: Int? = nil) {
                self.hostAddress = hostAddress
                self.hostPort = hostPort
            }
        }

        /// Makes a mapping.
        public init(containerPort: Int, transport: PortProtocol = .tcp, published: Publication? = nil) {
            self.containerPort = containerPort
            self.transport = transport
            self.published = published
        }
    }

    /// Something mounted into the container.
    public struct Mount: Sendable, Hashable {
        /// What is mounted.
        public enum Source: Sendable, Hashable {
            /// A path of the engine's host, which must exist.
            case hostPath(String)
            /// A volume of the engine, made where it does not exist.
            case volume(String)
        }

        /// What is mounted.
        public var source: Source
        /// The absolute path in the container.
        public var target: String
        /// Whether the container may not write to it.
        public var isReadOnly: Bool

        /// Makes a mount, by default one that cannot be written to.
        public init(source: Source, target: String, isReadOnly: Bool = true) {
            self.source = source
            self.target = target
            self.isReadOnly = isReadOnly
        }
    }

    /// A file system in memory.
    public struct TemporaryFileSystem: Sendable, Hashable {
        /// The most it may hold; nil is half of the host's memory. It counts against the container's memory.
        public var sizeBytes: Int64?
        /// Whether files on it may be executed.
        public var allowsExecution: Bool

        /// Makes one.
        public init(sizeBytes: Int64? = nil, allowsExecution: Bool = false) {
            self.sizeBytes = sizeBytes
            self.allowsExecution = allowsExecution
        }
    }

    /// Limits of what a container may use; nil is no limit.
    public struct Resources: Sendable, Hashable {
        /// Memory.
        public var memoryBytes: Int64?
        /// Memory and swap together; equal to ``memoryBytes`` means no swap. Nil leaves it to the engine, which allows as much swap as memory.
        public var memoryAndSwapBytes: Int64?
        /// CPU time, in billionths of a core.
        public var nanoCPUs: Int64?
        /// The number of processes and threads.
        public var maximumProcesses: Int64?
        /// The size of `/dev/shm`; nil is the engine's default of 64 MiB.
        public var sharedMemoryBytes: Int64?

        /// Makes limits. With memory but no swap given, swap is forbidden.
        public init(
            memoryBytes: Int64? = nil, memoryAndSwapBytes: Int64? = nil, nanoCPUs: Int64? = nil, maximumProcesses: Int64? = nil,
            sharedMemoryBytes: Int64? = nil
        ) {
            self.memoryBytes = memoryBytes
            self.memoryAndSwapBytes = memoryAndSwapBytes ?? memoryBytes
            self.nanoCPUs = nanoCPUs
            self.maximumProcesses = maximumProcesses
            self.sharedMemoryBytes = sharedMemoryBytes
        }
    }

    /// What a container may do.
    public struct Security: Sendable, Hashable {
        /// Capabilities to take away, such as `ALL`.
        public var droppedCapabilities: [String]
        /// Capabilities to give.
        public var addedCapabilities: [String]
        /// Whether programs may not gain privileges, by setuid for one.
        public var noNewPrivileges: Bool
        /// Whether the root file system cannot be written to.
        public var readOnlyRootFileSystem: Bool

        /// Makes rules; without arguments, the engine's defaults.
        public init(
            droppedCapabilities: [String] = [], addedCapabilities: [String] = [], noNewPrivileges: Bool = false,
            readOnlyRootFileSystem: Bool = false
        ) {
            self.droppedCapabilities = droppedCapabilities
            self.addedCapabilities = addedCapabilities
            self.noNewPrivileges = noNewPrivileges
            self.readOnlyRootFileSystem = readOnlyRootFileSystem
        }

        /// No capabilities, no new privileges, a root file system that cannot be written to.
        public static let hardened = Security(droppedCapabilities: ["ALL"], noNewPrivileges: true, readOnlyRootFileSystem: true)
    }

    /// The GPUs for a container. Without a driver on the engine, its start fails with ``ContainerEngineError/gpuUnavailable(message:)``.
    public enum GPURequest: Sendable, Hashable {
        /// All that there are.
        case all
        /// Any so many.
        case count(Int)
        /// These, by index or UUID.
        case devices([String])
    }

    /// When the engine starts a container again by itself.
    public enum RestartPolicy: Sendable, Hashable {
        /// Never.
        case never
        /// Whenever it ends, and when the engine starts.
        case always
        /// As ``always``, but not once it was stopped on purpose.
        case unlessStopped
        /// When it ends with an exit code other than 0; at most so many times, 0 being no limit.
        case onFailure(maximumRetries: Int)
    }

    /// How the engine finds out whether a container is healthy.
    public enum HealthCheck: Sendable, Hashable {
        /// Not at all, also where the image says how.
        case disabled
        /// By running a command within the container, without a shell; exit code 0 is healthy.
        case command([String], schedule: Schedule = Schedule())
        /// By running a command line with the container's `/bin/sh`.
        case shell(String, schedule: Schedule = Schedule())

        /// When to check; nil is the engine's default.
        public struct Schedule: Sendable, Hashable {
            /// The time between checks.
            public var interval: Duration?
            /// How long a check may take.
            public var timeout: Duration?
            /// How long failures do not count after the start.
            public var startPeriod: Duration?
            /// How many failures in a row make it unhealthy.
            public var retries: Int?

            /// Makes a schedule.
            public init(interval: Duration? = nil, timeout: Duration? = nil, startPeriod: Duration? = nil, retries: Int? = nil) {
                self.interval = interval
                self.timeout = timeout
                self.startPeriod = startPeriod
                self.retries = retries
            }
        }
    }

    /// How much of a container's output the engine keeps, as files of its `json-file` log driver.
    public struct LogRetention: Sendable, Hashable {
        /// The size at which a new file is begun.
        public var fileBytes: Int64
        /// The number of files.
        public var files: Int

        /// Makes a rule.
        public init(fileBytes: Int64, files: Int) {
            self.fileBytes = fileBytes
            self.files = files
        }
    }
}
