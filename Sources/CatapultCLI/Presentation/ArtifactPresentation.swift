import CatapultAPI

extension Artifact: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "ID", isFixed: true), .init(title: "NAME"), .init(title: "TYPE"), .init(title: "SIZE", isNumber: true),
        .init(title: "BELONGS TO"), .init(title: "STATE"), .init(title: "CREATED"),
    ]

    private var owner: String? { modelName.map { model in releaseVersion.map { "\(model):\($0)" } ?? model } }

    private var state: Table.Cell {
        if problem != nil { return .init("damaged", tint: .bad) }
        return stored ? .init("stored", tint: .good) : .init("recorded", tint: .dim)
    }

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(id), .init(name), .init(artifactType), .init(ByteCount.text(sizeBytes)), .init(owner), state,
            .init(RelativeTime.text(createdAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("name", name), Fact("id", id), Fact("type", artifactType), Fact("size", ByteCount.text(sizeBytes)),
            Fact("state", state.text, tint: state.tint), Fact("problem", problem, tint: .bad), Fact("belongs to", owner),
            Fact(checksumType, checksum), Fact("path", filePath), Fact("platform", platform), Fact("python", pythonVersion),
            Fact("metadata", metadata.isEmpty ? nil : JSONValue.object(metadata).jsonText), Fact("uploaded by", uploadedBy),
            Fact("created", RelativeTime.text(createdAt, now: now)),
            Fact("verified", verifiedAt.map { RelativeTime.text($0, now: now) }),
        ].compactMap { $0 }
    }
}

extension Upload: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "ID", isFixed: true), .init(title: "FILE"), .init(title: "STATE"), .init(title: "ARRIVED", isNumber: true),
        .init(title: "SIZE", isNumber: true), .init(title: "BY"), .init(title: "UPDATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(id), .init(path ?? name), .state(state.rawValue), .init(ByteCount.text(offset)), .init(ByteCount.text(sizeBytes)),
            .init(createdBy), .init(RelativeTime.text(updatedAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("id", id), Fact("file", path ?? name), .state("state", state.rawValue), Fact("arrived", ByteCount.text(offset)),
            Fact("size", ByteCount.text(sizeBytes)), Fact("sha256", sha256), Fact("version", versionID), Fact("artifact", artifactID),
            Fact("message", message), Fact("begun by", createdBy), Fact("created", RelativeTime.text(createdAt, now: now)),
            Fact("updated", RelativeTime.text(updatedAt, now: now)),
        ].compactMap { $0 }
    }
}

/// What a collection of garbage says of itself, as lines for people.
struct GarbageText {
    let result: JSONValue

    private var isDry: Bool { result["dry_run"]?.boolValue ?? false }

    var summary: String {
        let count = result["removed"]?.intValue ?? 0
        let bytes = ByteCount.text(Int64(result["freed_bytes"]?.intValue ?? 0))
        if count == 0 { return isDry ? "nothing would be removed" : "nothing had to be removed" }
        return "\(isDry ? "would remove" : "removed") \(count) \(count == 1 ? "thing" : "things"), \(isDry ? "freeing" : "freed") \(bytes)"
    }

    /// One row for each thing: what, how large, why, and who needed it last.
    var table: Table {
        Table(
            columns: [
                .init(title: "KIND"), .init(title: "SIZE", isNumber: true), .init(title: "WHY"), .init(title: "LAST NEEDED BY"),
                .init(title: "PATH"),
            ],
            rows: (result["items"]?.arrayValue ?? []).map { item in
                [
                    .init(item["kind"]?.stringValue), .init(item["size_bytes"]?.intValue.map { ByteCount.text(Int64($0)) }),
                    .init(item["reason"]?.stringValue), .init(item["last_referenced_by"]?.stringValue), .init(item["path"]?.stringValue),
                ]
            })
    }
}

/// What a verification says of itself, as lines for people.
struct VerificationText {
    let result: JSONValue

    var badFiles: Int { result["bad_files"]?.intValue ?? 0 }

    var summary: String {
        let files = result["checked_files"]?.intValue ?? 0
        let bytes = ByteCount.text(Int64(result["checked_bytes"]?.intValue ?? 0))
        return
            "read \(files) \(files == 1 ? "file" : "files"), \(bytes): \(badFiles == 0 ? "all are what they should be" : "\(badFiles) damaged")"
    }

    /// One row for each bad file.
    var table: Table {
        Table(
            columns: [.init(title: "PATH"), .init(title: "PROBLEM"), .init(title: "NEEDED BY")],
            rows: (result["bad"]?.arrayValue ?? []).map { bad in
                [
                    .init(bad["path"]?.stringValue), .init(bad["problem"]?.stringValue, tint: .bad),
                    .init((bad["used_by"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", ")),
                ]
            })
    }
}
