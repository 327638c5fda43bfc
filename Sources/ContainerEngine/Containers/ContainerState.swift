/// What a container is doing.
public enum ContainerStatus: String, Sendable, Hashable, Codable, CaseIterable {
    /// Made, but never started; also one whose start failed.
    case created
    /// Its main process runs.
    case running
    /// Its processes are frozen.
    case paused
    /// It has ended, and the engine is about to start it again.
    case restarting
    /// The engine is removing it.
    case removing
    /// Its main process has ended.
    case exited
    /// Its removal failed halfway.
    case dead
    /// A status that this client does not know.
    case unknown
}

/// What a container's health check says.
public enum ContainerHealth: String, Sendable, Hashable, Codable, CaseIterable {
    /// There is no check.
    case none
    /// Not yet known: no check has succeeded, and none counts as failed.
    case starting
    /// The last check succeeded.
    case healthy
    /// Too many checks in a row failed. Some engines also say so of a container that has ended.
    case unhealthy
    /// Something that this client does not know.
    case unknown
}

/// A port of a running container, and where it is published.
public struct PublishedPort: Sendable, Hashable {
    /// The port within the container.
    public let containerPort: Int
    /// The protocol.
    public let transport: PortProtocol
    /// The address of the host.
    public let hostAddress: String
    /// The port of the host.
    public let hostPort: Int

    /// Makes a port.
    public init(containerPort: Int, transport: PortProtocol, hostAddress: String, hostPort: Int) {
        self.containerPort = containerPort
        self.transport = transport
        self.hostAddress = hostAddress
        self.hostPort = hostPort
    }
}

/// A container as the engine describes it in full.
public struct ContainerInspection: Sendable, Hashable {
    /// The id, 64 hexadecimal digits.
    public let id: String
    /// The name, without the slash that the engine puts before it.
    public let name: String
    /// The id of its image, `sha256:…`.
    public let imageID: String
    /// The image as it was named at the creation.
    public let image: String
    /// When it was created.
    public let created: EngineTimestamp?
    /// What it is doing.
    public let state: State
    /// How often the engine started it again by its restart policy.
    public let restartCount: Int
    /// Its labels, with those of the image.
    public let labels: [String: String]
    /// Its environment as `K=V`, with that of the image. May hold secrets.
    public let environment: [String]
    /// Its command.
    public let command: [String]
    /// The ports that are published, by container port and host address; empty unless it runs.
    public let ports: [PublishedPort]
    /// Its address in each network, by the network's name; empty unless it runs.
    public let addresses: [String: String]
    /// Whether it has a terminal, so that its log has one stream only.
    public let hasTerminal: Bool

    /// What a container is doing.
    public struct State: Sendable, Hashable {
        /// In one word.
        public let status: ContainerStatus
        /// Whether its main process runs, frozen or not.
        public let isRunning: Bool
        /// The exit code of the main process; 0 as long as it runs.
        public let exitCode: Int
        /// Whether the kernel ended the main process for want of memory. A killed child process does not set this, and engines miss it where
        /// the kernel's notice comes late, or so soon after the start that they do not watch yet.
        public let wasOutOfMemory: Bool
        /// Why the last start failed; empty where it did not.
        public let error: String
        /// When it last started; nil where it never did.
        public let startedAt: EngineTimestamp?
        /// When it last ended; nil where it never did.
        public let finishedAt: EngineTimestamp?
        /// The main process on the engine's host; nil unless it runs.
        public let processID: Int?
        /// What its health check says.
        public let health: Health
    }

    /// What a container's health check says.
    public struct Health: Sendable, Hashable {
        /// In one word.
        public let status: ContainerHealth
        /// How many checks in a row have failed.
        public let failingStreak: Int
        /// What the last check wrote; nil before the first.
        public let lastOutput: String?
    }
}

/// A container in a list.
public struct ContainerSummary: Sendable, Hashable {
    /// The id.
    public let id: String
    /// The names, without slashes.
    public let names: [String]
    /// The image as it was named at the creation.
    public let image: String
    /// The id of its image.
    public let imageID: String
    /// When it was created.
    public let created: EngineTimestamp
    /// What it is doing.
    public let status: ContainerStatus
    /// The same for people, such as `Up 2 hours (healthy)`.
    public let statusText: String
    /// Its labels, with those of the image.
    public let labels: [String: String]
    /// The ports that are published.
    public let ports: [PublishedPort]
}

/// What the creation of a container gives.
public struct CreatedContainer: Sendable, Hashable, Decodable {
    /// The container's id.
    public let id: String
    /// What the engine could not honour, for people.
    public let warnings: [String]

    private enum Key: String, CodingKey {
        case id = "Id"
        case warnings = "Warnings"
    }

    /// Reads the answer of `POST /containers/create`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        id = try container.decode(String.self, forKey: .id)
        warnings = try container.decodeIfPresent([String].self, forKey: .warnings) ?? []
    }
}

/// How a container ended.
public struct ContainerExit: Sendable, Hashable, Decodable {
    /// The exit code of the main process; 128 and the signal's number where a signal ended it.
    public let code: Int
    /// What went wrong with the waiting itself; nil usually.
    public let error: String?

    private struct Failure: Decodable {
        var message: String?
        enum CodingKeys: String, CodingKey { case message = "Message" }
    }

    private enum Key: String, CodingKey {
        case code = "StatusCode"
        case error = "Error"
    }

    /// Reads the answer of `POST /containers/{id}/wait`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        code = try container.decode(Int.self, forKey: .code)
        error = try container.decodeIfPresent(Failure.self, forKey: .error)?.message
    }
}
