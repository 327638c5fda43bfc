import NIOCore

/// Something that happened on the engine.
public struct EngineEvent: Sendable, Hashable {
    /// What it happened to.
    public let subject: Subject
    /// What happened.
    public let action: Action
    /// The id of what it happened to; for images, the reference or id that was used.
    public let id: String
    /// More about it: of a container its `name`, `image`, labels, and with ``Action/die`` its `exitCode`.
    public let attributes: [String: String]
    /// When it happened.
    public let time: EngineTimestamp

    /// The kinds of things that events are about.
    public enum Subject: Sendable, Hashable {
        /// A container.
        case container
        /// An image.
        case image
        /// A network.
        case network
        /// A volume.
        case volume
        /// The engine itself.
        case engine
        /// Something else, in the engine's word.
        case other(String)

        /// Reads the engine's word.
        public init(_ text: String) {
            self =
                switch text {
                case "container": .container
                case "image": .image
                case "network": .network
                case "volume": .volume
                case "daemon": .engine
                default: .other(text)
                }
        }

        /// The engine's word.
        public var text: String {
            switch self {
            case .container: "container"
            case .image: "image"
            case .network: "network"
            case .volume: "volume"
            case .engine: "daemon"
            case .other(let text): text
            }
        }
    }

    /// What can happen. Actions of images, networks and volumes share the names of those of containers.
    public enum Action: Sendable, Hashable {
        /// It was made.
        case create
        /// A container started.
        case start
        /// A container was asked to stop, and has ended.
        case stop
        /// A container got a signal.
        case kill
        /// A container's main process ended.
        case die
        /// The kernel ended a process of a container for want of memory.
        case outOfMemory
        /// A container was started again.
        case restart
        /// A container was frozen.
        case pause
        /// A container goes on.
        case unpause
        /// A container got another name.
        case rename
        /// A container got other limits.
        case update
        /// A container or volume was removed.
        case destroy
        /// A container's health changed.
        case healthStatus(ContainerHealth)
        /// A command ran within a container, as health checks do: `create`, `start`, `die` or `detach`.
        case exec(String)
        /// Something else, in the engine's words.
        case other(String)

        /// Reads the engine's words, such as `health_status: healthy` or `exec_start: /bin/check`.
        public init(_ text: String) {
            let parts = text.split(separator: ":", maxSplits: 1)
            let name = parts.first.map(String.init) ?? ""
            switch name {
            case "create": self = .create
            case "start": self = .start
            case "stop": self = .stop
            case "kill": self = .kill
            case "die": self = .die
            case "oom": self = .outOfMemory
            case "restart": self = .restart
            case "pause": self = .pause
            case "unpause": self = .unpause
            case "rename": self = .rename
            case "update": self = .update
            case "destroy": self = .destroy
            case "health_status":
                let word = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
                self = .healthStatus(ContainerHealth(engineText: String(word)))
            case _ where name.hasPrefix("exec_"):
                self = .exec(String(name.dropFirst("exec_".count)))
            default: self = .other(text)
            }
        }
    }
}

/// Which events to get; what is empty does not filter.
public struct EventFilter: Sendable, Hashable {
    /// What they are about.
    public var subjects: Set<EngineEvent.Subject>
    /// Labels to have; an empty value asks only for the key.
    public var labels: [String: String]
    /// Names or ids of containers, of which one must match.
    public var containers: [String]
    /// The engine's words of the actions, such as `die`, `oom` or `health_status`.
    public var actions: [String]

    /// Makes a filter.
    public init(
        subjects: Set<EngineEvent.Subject> = [], labels: [String: String] = [:], containers: [String] = [], actions: [String] = []
    ) {
        self.subjects = subjects
        self.labels = labels
        self.containers = containers
        self.actions = actions
    }

    /// What changes a container's life or health; leaves out the exec events that each health check makes.
    public static let containerLifeActions = [
        "create", "start", "stop", "kill", "die", "oom", "restart", "pause", "unpause", "rename", "update", "destroy", "health_status",
    ]

    var query: [String: [String]] {
        ["type": subjects.map(\.text).sorted(), "label": EngineFilters.labels(labels), "container": containers, "event": actions]
    }
}

extension EngineEvent: Decodable {
    private enum Key: String, CodingKey {
        case type = "Type"
        case action = "Action"
        case actor = "Actor"
        case seconds = "time"
        case nanoseconds = "timeNano"
    }

    private struct Actor: Decodable {
        var id: String?
        var attributes: [String: String]?
        enum CodingKeys: String, CodingKey {
            case id = "ID"
            case attributes = "Attributes"
        }
    }

    /// Reads a message of `GET /events`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let actor = try container.decodeIfPresent(Actor.self, forKey: .actor)
        let nanoseconds = try container.decodeIfPresent(Int64.self, forKey: .nanoseconds)
        self.init(
            subject: Subject(try container.decodeIfPresent(String.self, forKey: .type) ?? ""),
            action: Action(try container.decodeIfPresent(String.self, forKey: .action) ?? ""),
            id: actor?.id ?? "", attributes: actor?.attributes ?? [:],
            time: try nanoseconds.map { EngineTimestamp(nanosecondsSinceEpoch: $0) }
                ?? EngineTimestamp(seconds: try container.decodeIfPresent(Int64.self, forKey: .seconds) ?? 0))
    }
}

/// Reads the messages of `GET /events`.
struct EventParser: StreamParser {
    private var splitter = JSONObjectSplitter()

    mutating func consume(_ bytes: ByteBuffer) throws -> [EngineEvent] {
        try splitter.consume(bytes).map { try EngineJSON.decode(EngineEvent.self, from: $0, call: "an event") }
    }

    mutating func finish() throws -> [EngineEvent] {
        try splitter.finish()
        return []
    }
}

extension ContainerEngine {
    /// Events as they happen, without end unless `until` is given.
    ///
    /// When this returns, the engine has begun to listen: what happens from then on is not missed. The stream throws when the engine goes away; begin again
    /// with `since` to get what happened meanwhile, as far back as the engine remembers (256 events).
    ///
    /// - Parameters:
    ///   - since: Also those that happened from this time on.
    ///   - until: Only those before this time; with a time in the past, the stream ends at once.
    public func events(
        _ filter: EventFilter = EventFilter(), since: EngineTimestamp? = nil, until: EngineTimestamp? = nil
    ) async throws -> EngineStream<EngineEvent> {
        var query = try EngineCall.filters(filter.query)
        if let since { query.append(("since", since.description)) }
        if let until { query.append(("until", until.description)) }
        return try await transport.stream(EngineCall(method: .GET, path: "/events", query: query), parser: EventParser())
    }
}
