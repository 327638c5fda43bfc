/// The JSON body of `POST /containers/create`, under the names of the API.
struct ContainerCreateBody: Encodable {
    private let specification: ContainerSpecification

    /// - Throws: ``ContainerEngineError/invalidArgument(name:reason:)`` for what the engine would take for something else than what was meant.
    init(_ specification: ContainerSpecification) throws(ContainerEngineError) {
        for name in specification.environment.keys where name.isEmpty || name.contains("=") || name.contains("\0") {
            throw .invalidArgument(name: "environment", reason: "a variable's name must not be empty or hold '='")
        }
        for port in specification.ports {
            guard (1...65_535).contains(port.containerPort) else {
                throw .invalidArgument(name: "ports", reason: "\(port.containerPort) is not a port from 1 to 65535")
            }
            if let hostPort = port.published?.hostPort, !(1...65_535).contains(hostPort) {
                throw .invalidArgument(name: "ports", reason: "\(hostPort) is not a port from 1 to 65535")
            }
        }
        for target in specification.mounts.map(\.target) + specification.temporaryFileSystems.keys where !target.hasPrefix("/") {
            throw .invalidArgument(name: "mounts", reason: "'\(target)' is not an absolute path")
        }
        if case .count(let count) = specification.gpus, count < 1 {
            throw .invalidArgument(name: "gpus", reason: "the number of GPUs must be positive")
        }
        if case .devices(let devices) = specification.gpus, devices.isEmpty {
            throw .invalidArgument(name: "gpus", reason: "the list of GPUs is empty")
        }
        self.specification = specification
    }

    func encode(to encoder: any Encoder) throws {
        var body = encoder.container(keyedBy: Name.self)
        try body.encode(specification.image, forKey: "Image")
        try body.encode(specification.environment.map { "\($0.key)=\($0.value)" }.sorted(), forKey: "Env")
        try body.encodeIfPresent(specification.command, forKey: "Cmd")
        try body.encodeIfPresent(specification.entrypoint, forKey: "Entrypoint")
        try body.encodeIfPresent(specification.workingDirectory, forKey: "WorkingDir")
        try body.encodeIfPresent(specification.user, forKey: "User")
        try body.encodeIfPresent(specification.hostname, forKey: "Hostname")
        try body.encode(specification.labels, forKey: "Labels")
        try body.encodeIfPresent(specification.stopSignal, forKey: "StopSignal")
        try body.encodeIfPresent(specification.stopTimeout?.wholeSeconds, forKey: "StopTimeout")
        try body.encodeIfPresent(specification.healthCheck.map(HealthCheckBody.init), forKey: "Healthcheck")
        try body.encode(
            Dictionary(specification.ports.map { ($0.engineKey, [String: String]()) }, uniquingKeysWith: { first, _ in first }),
            forKey: "ExposedPorts")
        var hostConfig = body.nestedContainer(keyedBy: Name.self, forKey: "HostConfig")
        try encodeHostConfig(to: &hostConfig)
    }

    private func encodeHostConfig(to host: inout KeyedEncodingContainer<Name>) throws {
        let resources = specification.resources
        let security = specification.security
        var bindings: [String: [[String: String]]] = [:]
        for port in specification.ports {
            guard let published = port.published else { continue }
            bindings[port.engineKey, default: []].append([
                "HostIp": published.hostAddress, "HostPort": published.hostPort.map { "\($0)" } ?? "",
            ])
        }
        try host.encode(bindings, forKey: "PortBindings")
        try host.encode(specification.mounts.map(MountBody.init), forKey: "Mounts")
        try host.encode(specification.temporaryFileSystems.mapValues(\.engineOptions), forKey: "Tmpfs")
        try host.encodeIfPresent(resources.memoryBytes, forKey: "Memory")
        try host.encodeIfPresent(resources.memoryAndSwapBytes, forKey: "MemorySwap")
        try host.encodeIfPresent(resources.nanoCPUs, forKey: "NanoCpus")
        try host.encodeIfPresent(resources.maximumProcesses, forKey: "PidsLimit")
        try host.encodeIfPresent(resources.sharedMemoryBytes, forKey: "ShmSize")
        try host.encode(security.droppedCapabilities, forKey: "CapDrop")
        try host.encode(security.addedCapabilities, forKey: "CapAdd")
        if security.noNewPrivileges { try host.encode(["no-new-privileges"], forKey: "SecurityOpt") }
        try host.encode(security.readOnlyRootFileSystem, forKey: "ReadonlyRootfs")
        if let gpus = specification.gpus { try host.encode([GPURequestBody(request: gpus)], forKey: "DeviceRequests") }
        try host.encode(RestartPolicyBody(specification.restartPolicy), forKey: "RestartPolicy")
        try host.encode(specification.usesInit, forKey: "Init")
        try host.encodeIfPresent(specification.network, forKey: "NetworkMode")
        if let retention = specification.logRetention {
            var logging = host.nestedContainer(keyedBy: Name.self, forKey: "LogConfig")
            try logging.encode("json-file", forKey: "Type")
            try logging.encode(["max-size": "\(retention.fileBytes)", "max-file": "\(retention.files)"], forKey: "Config")
        }
    }

    /// A key of the API, written where it is used.
    private struct Name: CodingKey, ExpressibleByStringLiteral {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringLiteral value: String) { stringValue = value }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct MountBody: Encodable {
        let mount: ContainerSpecification.Mount

        func encode(to encoder: any Encoder) throws {
            var body = encoder.container(keyedBy: Name.self)
            switch mount.source {
            case .hostPath(let path):
                try body.encode("bind", forKey: "Type")
                try body.encode(path, forKey: "Source")
            case .volume(let name):
                try body.encode("volume", forKey: "Type")
                try body.encode(name, forKey: "Source")
            }
            try body.encode(mount.target, forKey: "Target")
            try body.encode(mount.isReadOnly, forKey: "ReadOnly")
        }
    }

    private struct GPURequestBody: Encodable {
        let request: ContainerSpecification.GPURequest

        func encode(to encoder: any Encoder) throws {
            var body = encoder.container(keyedBy: Name.self)
            try body.encode([["gpu"]], forKey: "Capabilities")
            switch request {
            case .all: try body.encode(-1, forKey: "Count")
            case .count(let count): try body.encode(count, forKey: "Count")
            case .devices(let ids): try body.encode(ids, forKey: "DeviceIDs")
            }
        }
    }

    private struct RestartPolicyBody: Encodable {
        let name: String
        let maximumRetries: Int

        init(_ policy: ContainerSpecification.RestartPolicy) {
            switch policy {
            case .never: (name, maximumRetries) = ("no", 0)
            case .always: (name, maximumRetries) = ("always", 0)
            case .unlessStopped: (name, maximumRetries) = ("unless-stopped", 0)
            case .onFailure(let retries): (name, maximumRetries) = ("on-failure", retries)
            }
        }

        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case maximumRetries = "MaximumRetryCount"
        }
    }

    private struct HealthCheckBody: Encodable {
        let check: ContainerSpecification.HealthCheck

        func encode(to encoder: any Encoder) throws {
            var body = encoder.container(keyedBy: Name.self)
            let schedule: ContainerSpecification.HealthCheck.Schedule
            switch check {
            case .disabled:
                try body.encode(["NONE"], forKey: "Test")
                return
            case .command(let command, let given):
                try body.encode(["CMD"] + command, forKey: "Test")
                schedule = given
            case .shell(let line, let given):
                try body.encode(["CMD-SHELL", line], forKey: "Test")
                schedule = given
            }
            try body.encodeIfPresent(schedule.interval?.wholeNanoseconds, forKey: "Interval")
            try body.encodeIfPresent(schedule.timeout?.wholeNanoseconds, forKey: "Timeout")
            try body.encodeIfPresent(schedule.startPeriod?.wholeNanoseconds, forKey: "StartPeriod")
            try body.encodeIfPresent(schedule.retries, forKey: "Retries")
        }
    }
}

extension ContainerSpecification.PortMapping {
    /// Such as `8080/tcp`.
    fileprivate var engineKey: String { "\(containerPort)/\(transport.rawValue)" }
}

extension ContainerSpecification.TemporaryFileSystem {
    /// The options of the mount, as the API takes them.
    fileprivate var engineOptions: String {
        var options = ["rw", "nosuid", "nodev", allowsExecution ? "exec" : "noexec"]
        if let sizeBytes { options.append("size=\(sizeBytes)") }
        return options.joined(separator: ",")
    }
}
