/// A step in the life of a version: what it changes, or would change.
public struct VersionTransition: Codable, Sendable, Equatable {
    public var version: Version
    public var changes: [VersionChange]
    public var warnings: [String]
    public var dryRun: Bool

    /// A step with its changes.
    public init(version: Version, changes: [VersionChange], warnings: [String], dryRun: Bool) {
        self.version = version
        self.changes = changes
        self.warnings = warnings
        self.dryRun = dryRun
    }
}

extension VersionTransition: Documented {
    public static let fields: [String: Field] = [
        "version": "The version as it is afterwards; with dry_run as it is now.",
        "changes": "What changes; empty where everything was so already.",
        "warnings": "What whoever asked should know.",
        "dryRun": "True where nothing was changed, only looked at.",
    ]
}

/// What kind of thing a step in the life of a version changes.
public enum VersionChangeKind: String, Codable, Sendable, CaseIterable {
    /// `active`, `deprecated`, `archived`.
    case status
    /// The mark of a release.
    case release
    /// Where an alias points.
    case alias
    /// The words of a deprecation.
    case deprecation
}

/// One thing that a step in the life of a version changes.
public struct VersionChange: Codable, Sendable, Equatable, Documented {
    public var kind: VersionChangeKind
    public var name: String?
    public var from: String?
    public var to: String?
    public var summary: String

    /// A change with its words.
    public init(_ kind: VersionChangeKind, name: String? = nil, from: String?, to: String?, summary: String) {
        self.kind = kind
        self.name = name
        self.from = from
        self.to = to
        self.summary = summary
    }

    public static let fields: [String: Field] = [
        "kind": "What kind of thing changes.",
        "name": "Name of the alias, where one moves.",
        "from": "What it was; null where there was nothing.",
        "to": "What it becomes; null where nothing is left.",
        "summary": "The change as a sentence.",
    ]
}

/// Why a version should no longer be used, and what to use instead.
public struct Deprecation: Codable, Sendable, Equatable, Documented {
    public var message: String?
    public var successorID: String?
    public var successor: String?
    public var retiresAt: Timestamp?
    public var deprecatedAt: Timestamp

    /// A deprecation with all its parts.
    public init(message: String?, successorID: String?, successor: String?, retiresAt: Timestamp?, deprecatedAt: Timestamp) {
        self.message = message
        self.successorID = successorID
        self.successor = successor
        self.retiresAt = retiresAt
        self.deprecatedAt = deprecatedAt
    }

    public static let fields: [String: Field] = [
        "message": Field("Why the version should no longer be used.", .length(1...1_000)),
        "successorID": "UUID of the version to use instead.",
        "successor": "The version to use instead, as model:version.",
        "retiresAt": "When the version will be archived or deleted, as announced; nothing happens by itself.",
        "deprecatedAt": "Since when the version is deprecated.",
    ]
}

extension Deprecation {
    /// The deprecation in words, for warnings: why, what to use instead, until when.
    public var words: String {
        var parts = [message ?? "deprecated"]
        if let successor { parts.append("use \(successor) instead") }
        if let retiresAt { parts.append("it retires on \(retiresAt.description.prefix(10))") }
        return parts.joined(separator: "; ")
    }
}

extension Version {
    /// What whoever uses a deprecated version should know; nil for others.
    public var deprecationWarning: String? {
        guard status == .deprecated else { return nil }
        return "\(modelName):\(version) is deprecated" + (deprecation.map { ": \($0.words)" } ?? "") + "."
    }
}
