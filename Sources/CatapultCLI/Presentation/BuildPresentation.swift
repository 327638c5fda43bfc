import CatapultAPI

extension Build: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "ID", isFixed: true), .init(title: "IMAGE"), .init(title: "TEMPLATE"), .init(title: "STATUS"), .init(title: "CURRENT"),
        .init(title: "CREATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(id), .init(imageTag), .init(template), .state(status.rawValue), .yes(isCurrent),
            .init(RelativeTime.text(createdAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("id", id), .state("status", status.rawValue), Fact("error", errorMessage, tint: .bad), Fact("image", imageTag),
            Fact("digest", imageDigest), Fact("template", template), Fact("server type", serverType?.rawValue),
            Fact("version id", versionID),
            Fact("current", isCurrent ? "yes" : "no"),
            Fact("build arguments", buildArgs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")),
            Fact("operation", operationID), Fact("created", RelativeTime.text(createdAt, now: now)),
            Fact("ended", completedAt.map { RelativeTime.text($0, now: now) }),
        ].compactMap { $0 }
    }
}

extension Template: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "FOR SERVER TYPES"), .init(title: "GPU"), .init(title: "SUMMARY"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [.init(name), .init(serverTypes.joined(separator: ", ")), .yes(requiresGPU), .init(summary)]
    }

    func facts(now: Timestamp) -> [Fact] {
        func lines(_ title: String, _ parameters: [TemplateParameter]) -> [Fact?] {
            parameters.map { Fact("\(title) \($0.name)", "\($0.description)\($0.default.map { " (default \($0))" } ?? "")") }
        }
        let head = [
            Fact("name", name), Fact("summary", summary), Fact("server types", serverTypes.joined(separator: ", ")),
            Fact("needs a GPU", requiresGPU ? "yes" : "no"), Fact("port", "\(port)"), Fact("health path", healthPath),
            Fact("start grace", "\(startGraceSeconds) s"), Fact("stop grace", "\(stopGraceSeconds) s"), Fact("base image", baseImage),
            Fact("endpoints", endpoints.joined(separator: " ")),
        ]
        return (head + lines("build-arg", buildArgs) + lines("env", environment)).compactMap { $0 }
    }
}
