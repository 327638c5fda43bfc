// How the engine writes containers; the public values flatten its nesting and its special cases.

extension ContainerInspection: Decodable {
    private enum Key: String, CodingKey {
        case id = "Id"
        case name = "Name"
        case imageID = "Image"
        case created = "Created"
        case state = "State"
        case restartCount = "RestartCount"
        case config = "Config"
        case network = "NetworkSettings"
    }

    private struct Config: Decodable {
        var image: String?
        var labels: [String: String]?
        var environment: [String]?
        var command: [String]?
        var hasTerminal: Bool?
        enum CodingKeys: String, CodingKey {
            case image = "Image"
            case labels = "Labels"
            case environment = "Env"
            case command = "Cmd"
            case hasTerminal = "Tty"
        }
    }

    private struct Network: Decodable {
        struct Binding: Decodable {
            var address: String?
            var port: String?
            enum CodingKeys: String, CodingKey {
                case address = "HostIp"
                case port = "HostPort"
            }
        }
        struct Endpoint: Decodable {
            var address: String?
            enum CodingKeys: String, CodingKey { case address = "IPAddress" }
        }
        var ports: [String: [Binding]?]?
        var networks: [String: Endpoint]?
        enum CodingKeys: String, CodingKey {
            case ports = "Ports"
            case networks = "Networks"
        }

        var published: [PublishedPort] {
            (ports ?? [:]).flatMap { key, bindings -> [PublishedPort] in
                let parts = key.split(separator: "/")
                guard let first = parts.first, let containerPort = Int(first) else { return [] }
                let transport = parts.count > 1 ? PortProtocol(rawValue: String(parts[1])) ?? .tcp : .tcp
                return (bindings ?? []).compactMap { binding in
                    guard let hostPort = binding.port.flatMap({ Int($0) }) else { return nil }
                    return PublishedPort(
                        containerPort: containerPort, transport: transport, hostAddress: binding.address ?? "", hostPort: hostPort)
                }
            }.sorted()
        }
    }

    /// Reads the answer of `GET /containers/{id}/json`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let config = try container.decodeIfPresent(Config.self, forKey: .config)
        let network = try container.decodeIfPresent(Network.self, forKey: .network)
        let name = try container.decode(String.self, forKey: .name)
        self.init(
            id: try container.decode(String.self, forKey: .id),
            name: name.hasPrefix("/") ? String(name.dropFirst()) : name,
            imageID: try container.decode(String.self, forKey: .imageID),
            image: config?.image ?? "",
            created: EngineTimestamp(engineText: try container.decodeIfPresent(String.self, forKey: .created)),
            state: try container.decode(State.self, forKey: .state),
            restartCount: try container.decodeIfPresent(Int.self, forKey: .restartCount) ?? 0,
            labels: config?.labels ?? [:],
            environment: config?.environment ?? [],
            command: config?.command ?? [],
            ports: network?.published ?? [],
            addresses: (network?.networks ?? [:]).compactMapValues { $0.address.flatMap { $0.isEmpty ? nil : $0 } },
            hasTerminal: config?.hasTerminal ?? false)
    }
}

extension ContainerInspection.State: Decodable {
    private enum Key: String, CodingKey {
        case status = "Status"
        case isRunning = "Running"
        case exitCode = "ExitCode"
        case wasOutOfMemory = "OOMKilled"
        case error = "Error"
        case startedAt = "StartedAt"
        case finishedAt = "FinishedAt"
        case processID = "Pid"
        case health = "Health"
    }

    private struct Health: Decodable {
        struct Check: Decodable {
            var output: String?
            enum CodingKeys: String, CodingKey { case output = "Output" }
        }
        var status: String?
        var failingStreak: Int?
        var log: [Check]?
        enum CodingKeys: String, CodingKey {
            case status = "Status"
            case failingStreak = "FailingStreak"
            case log = "Log"
        }
    }

    /// Reads the `State` of a container.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let health = try container.decodeIfPresent(Health.self, forKey: .health)
        let processID = try container.decodeIfPresent(Int.self, forKey: .processID) ?? 0
        self.init(
            status: ContainerStatus(rawValue: try container.decodeIfPresent(String.self, forKey: .status) ?? "") ?? .unknown,
            isRunning: try container.decodeIfPresent(Bool.self, forKey: .isRunning) ?? false,
            exitCode: try container.decodeIfPresent(Int.self, forKey: .exitCode) ?? 0,
            wasOutOfMemory: try container.decodeIfPresent(Bool.self, forKey: .wasOutOfMemory) ?? false,
            error: try container.decodeIfPresent(String.self, forKey: .error) ?? "",
            startedAt: EngineTimestamp(engineText: try container.decodeIfPresent(String.self, forKey: .startedAt)),
            finishedAt: EngineTimestamp(engineText: try container.decodeIfPresent(String.self, forKey: .finishedAt)),
            processID: processID > 0 ? processID : nil,
            health: ContainerInspection.Health(
                status: ContainerHealth(engineText: health?.status), failingStreak: health?.failingStreak ?? 0,
                lastOutput: health?.log?.last?.output))
    }
}

extension ContainerHealth {
    /// Reads the engine's word, which is absent, empty or `none` without a check.
    init(engineText text: String?) {
        guard let text, !text.isEmpty else {
            self = .none
            return
        }
        self = ContainerHealth(rawValue: text) ?? .unknown
    }
}

extension PublishedPort: Comparable {
    /// Orders by container port, then by address and port of the host.
    public static func < (left: PublishedPort, right: PublishedPort) -> Bool {
        (left.containerPort, left.transport.rawValue, left.hostAddress, left.hostPort)
            < (right.containerPort, right.transport.rawValue, right.hostAddress, right.hostPort)
    }
}

extension ContainerSummary: Decodable {
    private enum Key: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case image = "Image"
        case imageID = "ImageID"
        case created = "Created"
        case state = "State"
        case status = "Status"
        case labels = "Labels"
        case ports = "Ports"
    }

    private struct Port: Decodable {
        var address: String?
        var containerPort: Int
        var hostPort: Int?
        var transport: String?
        enum CodingKeys: String, CodingKey {
            case address = "IP"
            case containerPort = "PrivatePort"
            case hostPort = "PublicPort"
            case transport = "Type"
        }
    }

    /// Reads an element of the answer of `GET /containers/json`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let ports = try container.decodeIfPresent([Port].self, forKey: .ports) ?? []
        self.init(
            id: try container.decode(String.self, forKey: .id),
            names: (try container.decodeIfPresent([String].self, forKey: .names) ?? []).map {
                $0.hasPrefix("/") ? String($0.dropFirst()) : $0
            },
            image: try container.decodeIfPresent(String.self, forKey: .image) ?? "",
            imageID: try container.decodeIfPresent(String.self, forKey: .imageID) ?? "",
            created: EngineTimestamp(seconds: try container.decodeIfPresent(Int64.self, forKey: .created) ?? 0),
            status: ContainerStatus(rawValue: try container.decodeIfPresent(String.self, forKey: .state) ?? "") ?? .unknown,
            statusText: try container.decodeIfPresent(String.self, forKey: .status) ?? "",
            labels: try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:],
            ports: ports.compactMap { port in
                port.hostPort.map {
                    PublishedPort(
                        containerPort: port.containerPort, transport: port.transport.flatMap(PortProtocol.init(rawValue:)) ?? .tcp,
                        hostAddress: port.address ?? "", hostPort: $0)
                }
            }.sorted())
    }
}
