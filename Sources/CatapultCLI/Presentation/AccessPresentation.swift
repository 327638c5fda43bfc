import CatapultAPI

extension APIKey: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "ROLE"), .init(title: "SCOPE"), .init(title: "ACTIVE"), .init(title: "LAST USED"),
        .init(title: "EXPIRES"), .init(title: "CREATED"),
    ]

    /// The patterns of the scope; nil for a key that sees everything.
    private var limits: String? {
        let parts = (scope.models ?? []) + (scope.environments ?? []).map { "in \($0)" }
        return scope.isEverything ? nil : parts.joined(separator: ", ")
    }

    private static func words(_ limit: RateLimit) -> String {
        let rate = Int64(exactly: limit.requestsPerSecond).map(String.init) ?? "\(limit.requestsPerSecond)"
        return "\(rate) a second" + (limit.burst.map { ", \($0) at once" } ?? "")
    }

    private var state: Table.Cell {
        if disabledAt != nil { return .init("disabled", tint: .bad) }
        return isActive ? .init("yes", tint: .good) : .init("expired", tint: .bad)
    }

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(name), .init(role.rawValue), .init(limits ?? "all"), state,
            .init(lastUsedAt.map { RelativeTime.text($0, now: now) } ?? "never"),
            .init(expiresAt.map { RelativeTime.text($0, now: now) } ?? "never"), .init(RelativeTime.text(createdAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("name", name), Fact("id", id), Fact("role", role.rawValue),
            Fact("models", scope.models?.joined(separator: ", ") ?? "all"),
            Fact("environments", scope.environments?.joined(separator: ", ") ?? "all"),
            Fact("active", state.text, tint: state.tint), Fact("description", description), Fact("owner", owner),
            Fact("rate", rateLimit.map(Self.words)),
            Fact("last used", lastUsedAt.map { RelativeTime.text($0, now: now) } ?? "never"),
            Fact("expires", expiresAt.map { RelativeTime.text($0, now: now) } ?? "never"),
            Fact("created", RelativeTime.text(createdAt, now: now)), Fact("rotated", rotatedAt.map { RelativeTime.text($0, now: now) }),
            Fact("old secret works until", previousValidUntil?.description),
        ].compactMap { $0 }
    }
}

extension AuditEntry: Presented {
    var handle: String { "\(sequence)" }

    static let columns: [Table.Column] = [
        .init(title: "ROW", isNumber: true), .init(title: "WHEN"), .init(title: "WHO"), .init(title: "ACTION"), .init(title: "OUTCOME"),
        .init(title: "ON"), .init(title: "FROM"),
    ]

    private var result: Table.Cell { .init(outcome.rawValue, tint: outcome == .succeeded ? .good : .bad) }
    private var subject: String {
        let name =
            ["name", "created_key_name", "deleted_key_name"].lazy.compactMap { details[$0]?.stringValue }.first ?? resourceID
            ?? details["target"]?.objectValue?.values.first?.stringValue
        return "\(resourceType) \(name ?? "")"
    }

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init("\(sequence)"), .init(RelativeTime.text(createdAt, now: now)), .init(apiKeyName), .init(action), result, .init(subject),
            .init(ipAddress),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("row", "\(sequence)"), Fact("id", id), Fact("when", createdAt.description), Fact("who", apiKeyName),
            Fact("key", apiKeyID), Fact("face", face), Fact("agent", agent), Fact("action", action), Fact("call", operation),
            Fact("outcome", result.text, tint: result.tint), Fact("on", "\(resourceType) \(resourceID ?? "")"), Fact("model", modelName),
            Fact("environment", environment), Fact("details", details.isEmpty ? nil : JSONValue.object(details).jsonText),
            Fact("from", ipAddress), Fact("request", requestID), Fact("hash before", prevHash), Fact("hash", hash),
        ].compactMap { $0 }
    }
}

extension StorageFile: Presented {
    var handle: String { path }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "TYPE"), .init(title: "SIZE", isNumber: true), .init(title: "MODIFIED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(isDirectory ? "\(name)/" : name), .init(type.rawValue), .init(type == .file ? ByteCount.text(size) : nil),
            .init(modified.map { RelativeTime.text($0, now: now) }),
        ]
    }

    func facts(now: Timestamp) -> [Fact] { [Fact("path", path), Fact("type", type.rawValue)].compactMap { $0 } }
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
