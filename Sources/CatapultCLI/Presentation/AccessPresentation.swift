import CatapultAPI

extension APIKey: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "ROLE"), .init(title: "ACTIVE"), .init(title: "LAST USED"), .init(title: "EXPIRES"),
        .init(title: "CREATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(name), .init(role.rawValue), .yes(isActive), .init(lastUsedAt.map { RelativeTime.text($0, now: now) } ?? "never"),
            .init(expiresAt.map { RelativeTime.text($0, now: now) } ?? "never"), .init(RelativeTime.text(createdAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("name", name), Fact("id", id), Fact("role", role.rawValue), Fact("active", isActive ? "yes" : "no"),
            Fact("expires", expiresAt.map { RelativeTime.text($0, now: now) } ?? "never"),
        ].compactMap { $0 }
    }
}

extension AuditEntry: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "WHEN"), .init(title: "WHO"), .init(title: "ACTION"), .init(title: "ON"), .init(title: "FROM"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(RelativeTime.text(createdAt, now: now)), .init(apiKeyName), .init(action),
            .init("\(resourceType) \(details["name"]?.stringValue ?? resourceID ?? "")"), .init(ipAddress),
        ]
    }

    func facts(now: Timestamp) -> [Fact] { [Fact("id", id), Fact("action", action)].compactMap { $0 } }
}

extension GPU: Presented {
    var handle: String { "\(index)" }

    static let columns: [Table.Column] = [
        .init(title: "GPU", isNumber: true), .init(title: "NAME"), .init(title: "MEMORY USED", isNumber: true),
        .init(title: "MEMORY", isNumber: true),
        .init(title: "BUSY", isNumber: true),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .number(index), .init(name), .init(ByteCount.text(memoryUsedBytes)), .init(ByteCount.text(memoryTotalBytes)),
            .init(utilization.map { "\(Int($0 * 100))%" }),
        ]
    }

    func facts(now: Timestamp) -> [Fact] { [Fact("gpu", "\(index)"), Fact("name", name)].compactMap { $0 } }
}
