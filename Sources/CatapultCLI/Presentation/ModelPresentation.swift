import CatapultAPI

extension Model: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "SERVER"), .init(title: "VERSIONS", isNumber: true), .init(title: "GPU"), .init(title: "TAGS"),
        .init(title: "UPDATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(name), .init(serverType?.rawValue), .number(versionCount), .yes(requiresGPU), .init(tags.joined(separator: ", ")),
            .init(RelativeTime.text(updatedAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("name", name), Fact("id", id), Fact("description", description), Fact("server type", serverType?.rawValue),
            Fact("versions", "\(versionCount)"), Fact("needs a GPU", requiresGPU ? "yes" : "no"), Fact("storage path", storagePath),
            Fact("repository", repository), Fact("company", company), Fact("base model", baseModel), Fact("parameters", parameterCount),
            Fact("tags", tags.joined(separator: ", ")), Fact("metadata", metadata.isEmpty ? nil : JSONValue.object(metadata).jsonText),
            Fact("source", source.rawValue), Fact("created", RelativeTime.text(createdAt, now: now)),
            Fact("updated", RelativeTime.text(updatedAt, now: now)),
        ].compactMap { $0 }
    }
}

extension Version: Presented {
    /// What other commands take: MODEL:VERSION.
    var handle: String { "\(modelName):\(version)" }

    static let columns: [Table.Column] = [
        .init(title: "VERSION"), .init(title: "STATUS"), .init(title: "RELEASE"), .init(title: "ALIASES"),
        .init(title: "SIZE", isNumber: true),
        .init(title: "FILES", isNumber: true), .init(title: "IMAGE"), .init(title: "CREATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(handle), .state(status.rawValue), .yes(isRelease), .init(aliases.joined(separator: ", ")),
            .init(sizeBytes.map(ByteCount.text)),
            missingFiles == 0 ? .number(fileCount) : .init("\(fileCount - missingFiles) of \(fileCount)", tint: .busy),
            .init(metadata["docker_image"]?.stringValue), .init(RelativeTime.text(createdAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("version", handle), Fact("id", id), .state("status", status.rawValue), Fact("deprecated", deprecation?.words, tint: .busy),
            Fact("aliases", aliases.joined(separator: ", ")), Fact("release", isRelease ? "yes" : "no"),
            Fact("size", sizeBytes.map(ByteCount.text)), Fact("files", "\(fileCount)"),
            Fact("missing files", missingFiles == 0 ? nil : "\(missingFiles): upload them with `mcp model register`", tint: .busy),
            Fact("digest", digest), Fact("quantization", quantization), Fact("platform", platform),
            Fact("image", metadata["docker_image"]?.stringValue), Fact("folder", cephPath), Fact("notes", releaseNotes),
            Fact("mlflow", mlflowURL),
            Fact("created", RelativeTime.text(createdAt, now: now)),
        ].compactMap { $0 }
    }
}

extension VersionFile: Presented {
    var handle: String { path }

    static let columns: [Table.Column] = [
        .init(title: "PATH"), .init(title: "SIZE", isNumber: true), .init(title: "STATE"), .init(title: "SHA-256"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(path), .init(ByteCount.text(sizeBytes)), stored == false ? .state("missing") : .init("stored", tint: .good),
            .init(sha256, tint: .dim),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [Fact("path", path), Fact("size", ByteCount.text(sizeBytes)), Fact("sha-256", sha256)].compactMap { $0 }
    }
}
