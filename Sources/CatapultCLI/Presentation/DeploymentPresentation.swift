import CatapultAPI

extension Deployment: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "VERSION"), .init(title: "ENVIRONMENT"), .init(title: "STATUS"),
        .init(title: "READY", isNumber: true),
        .init(title: "ENDPOINT"), .init(title: "DEPLOYED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(name), .init("\(modelName):\(version)"), .init(environment), .state(status.rawValue), readiness, .init(endpointURL),
            .init(RelativeTime.text(deployedAt, now: now)),
        ]
    }

    /// Replicas that answer, out of those wished for.
    var readiness: Table.Cell {
        .init("\(readyReplicas)/\(replicas)", tint: readyReplicas == replicas ? .good : readyReplicas == 0 ? .bad : .busy)
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("name", name), Fact("id", id), Fact("version", "\(modelName):\(version)"), Fact("environment", environment),
            .state("status", status.rawValue), .state("health", healthStatus.rawValue), Fact("error", error, tint: .bad),
            Fact("replicas", "\(readyReplicas) of \(replicas) ready"), Fact("endpoint", endpointURL),
            Fact("runs as", deploymentType.rawValue),
            Fact("image", imageTag), Fact("digest", imageDigest), Fact("gpus per replica", gpuCount > 0 ? "\(gpuCount)" : nil),
            Fact("memory per replica", memoryLimit), Fact("cpus per replica", cpuLimit.map { "\($0)" }),
            Fact("environment variables", environmentVars.keys.sorted().joined(separator: ", ")), Fact("operation", operationID),
            Fact("deployed by", deployedBy), Fact("deployed", RelativeTime.text(deployedAt, now: now)),
            Fact("started", startedAt.map { RelativeTime.text($0, now: now) }),
            Fact("stopped", stoppedAt.map { RelativeTime.text($0, now: now) }),
        ].compactMap { $0 }
    }
}

extension DeploymentState: Presented {
    var handle: String { name }
    static let columns = Replica.columns
    func row(now: Timestamp) -> [Table.Cell] { [] }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("deployment", name), .state("status", status.rawValue), Fact("error", error, tint: .bad),
            Fact("replicas", "\(readyReplicas) of \(replicas) ready", tint: readyReplicas == replicas ? .good : .busy),
            Fact("endpoint", endpointURL),
            Fact("started", startedAt.map { RelativeTime.text($0, now: now) }),
        ].compactMap { $0 }
    }
}

extension Replica: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "REPLICA", isNumber: true), .init(title: "STATE"), .init(title: "RESTARTS", isNumber: true),
        .init(title: "PORT", isNumber: true),
        .init(title: "CONTAINER"), .init(title: "STARTED"), .init(title: "ERROR"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .number(index), .state(state.rawValue), .number(restarts), .init(port.map(String.init)),
            .init(containerID.map { String($0.prefix(12)) }),
            .init(startedAt.map { RelativeTime.text($0, now: now) }), .init(error ?? "", tint: .bad),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [Fact("id", id), .state("state", state.rawValue), Fact("error", error, tint: .bad)].compactMap { $0 }
    }
}
