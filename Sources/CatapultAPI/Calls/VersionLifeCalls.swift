extension Catalogue {
    static let versionLife: [any APICall.Type] = [
        PromoteVersion.self, DemoteVersion.self, DeprecateVersion.self, ArchiveVersion.self, RestoreVersion.self,
        ListVersionReferences.self, CompareVersions.self,
    ]
}

/// What the calls on the life of a version say in the same words.
enum VersionLife {
    static let reason = Field("Why; it is kept in the history and in the audit log.", .length(0...1_000))
    static let dryRun: Field = "Only say what would change. Default false."
    static let expectation =
        "The version that the alias must point at now (its UUID or name; `none` for an alias that must not exist), or the call is refused."
    static let stage = Field("The alias that stands for the stage. Default production.", .text(.alias))
}

/// Promotes a version: the alias of a stage moves to it. Promoting to production marks it as a release.
public struct PromoteVersion: APICall {
    public typealias Output = VersionTransition
    public static let route = Route.post("/versions/{version_id}/promote", alias: "/releases/{version_id}/promote")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Promote a version to a stage"
    public static let audit: AuditAction? = AuditAction("promote_version", .version)

    public var versionID: String
    public var stage: String?
    public var expectedVersion: String?
    public var reason: String?
    public var dryRun: Bool?

    /// A call with its parameters.
    public init(
        versionID: String, stage: String? = nil, expectedVersion: String? = nil, reason: String? = nil, dryRun: Bool? = nil
    ) {
        self.versionID = versionID
        self.stage = stage
        self.expectedVersion = expectedVersion
        self.reason = reason
        self.dryRun = dryRun
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference,
        "stage": VersionLife.stage,
        "expectedVersion": Field(VersionLife.expectation, .length(0...800)),
        "reason": VersionLife.reason,
        "dryRun": VersionLife.dryRun,
    ]
}

/// Takes a version out of a stage: the alias is removed, or goes to another version. Out of production it is no longer a release.
public struct DemoteVersion: APICall {
    public typealias Output = VersionTransition
    public static let route = Route.post("/versions/{version_id}/demote", alias: "/releases/{version_id}/demote")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Take a version out of a stage"
    public static let audit: AuditAction? = AuditAction("demote_version", .version)

    public var versionID: String
    public var stage: String?
    public var replacement: String?
    public var restorePrevious: Bool?
    public var reason: String?
    public var dryRun: Bool?

    /// A call with its parameters.
    public init(
        versionID: String, stage: String? = nil, replacement: String? = nil, restorePrevious: Bool? = nil, reason: String? = nil,
        dryRun: Bool? = nil
    ) {
        self.versionID = versionID
        self.stage = stage
        self.replacement = replacement
        self.restorePrevious = restorePrevious
        self.reason = reason
        self.dryRun = dryRun
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference,
        "stage": VersionLife.stage,
        "replacement": Field("The version of the same model that takes the alias. Default: none, the alias is removed.", .length(1...800)),
        "restorePrevious": "Give the alias back to the version that had it before. Default false.",
        "reason": VersionLife.reason,
        "dryRun": VersionLife.dryRun,
    ]
}

/// Marks a version as one that should no longer be used. It still works, with a warning.
public struct DeprecateVersion: APICall {
    public typealias Output = VersionTransition
    public static let route = Route.post("/versions/{version_id}/deprecate", alias: "/releases/{version_id}/deprecate")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Deprecate a version"
    public static let audit: AuditAction? = AuditAction("deprecate_version", .version)

    public var versionID: String
    public var message: String?
    public var successor: String?
    public var retiresAt: Timestamp?
    public var dryRun: Bool?

    /// A call with its parameters.
    public init(
        versionID: String, message: String? = nil, successor: String? = nil, retiresAt: Timestamp? = nil, dryRun: Bool? = nil
    ) {
        self.versionID = versionID
        self.message = message
        self.successor = successor
        self.retiresAt = retiresAt
        self.dryRun = dryRun
    }

    public static let fields: [String: Field] = Deprecation.fields.picking("message", "retiresAt").merging([
        "versionID": versionReference,
        "successor": Field("The version to use instead: UUID, model:version or model:alias.", .length(1...800)),
        "dryRun": VersionLife.dryRun,
    ]) { $1 }
}

/// Puts a version away: it stays readable, but can neither be deployed nor promoted.
public struct ArchiveVersion: APICall {
    public typealias Output = VersionTransition
    public static let route = Route.post("/versions/{version_id}/archive", alias: "/releases/{version_id}/archive")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Archive a version"
    public static let audit: AuditAction? = AuditAction("archive_version", .version)

    public var versionID: String
    public var reason: String?
    public var dryRun: Bool?

    /// A call with its parameters.
    public init(versionID: String, reason: String? = nil, dryRun: Bool? = nil) {
        self.versionID = versionID
        self.reason = reason
        self.dryRun = dryRun
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference, "reason": VersionLife.reason, "dryRun": VersionLife.dryRun,
    ]
}

/// Makes a deprecated or archived version active again.
public struct RestoreVersion: APICall {
    public typealias Output = VersionTransition
    public static let route = Route.post("/versions/{version_id}/restore", alias: "/releases/{version_id}/restore")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Restore a deprecated or archived version"
    public static let audit: AuditAction? = AuditAction("restore_version", .version)

    public var versionID: String
    public var reason: String?
    public var dryRun: Bool?

    /// A call with its parameters.
    public init(versionID: String, reason: String? = nil, dryRun: Bool? = nil) {
        self.versionID = versionID
        self.reason = reason
        self.dryRun = dryRun
    }

    public static let fields: [String: Field] = [
        "versionID": versionReference, "reason": VersionLife.reason, "dryRun": VersionLife.dryRun,
    ]
}

/// Lists what stands in the way of deleting a version.
public struct ListVersionReferences: APICall {
    public typealias Output = References
    public static let route = Route.get("/versions/{version_id}/references", alias: "/releases/{version_id}/references")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "List what still refers to a version"

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = ["versionID": versionReference]
}

/// Compares two versions, of the same model or of different ones.
public struct CompareVersions: APICall {
    public typealias Output = VersionComparison
    public static let route = Route.get("/versions/compare", alias: "/releases/compare")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "Compare two versions"

    public var a: String
    public var b: String
    public var limit: Int?

    /// A call with its parameters.
    public init(a: String, b: String, limit: Int? = nil) {
        self.a = a
        self.b = b
        self.limit = limit
    }

    public static let fields: [String: Field] = [
        "a": Field("The version to compare: UUID, model:version or model:alias.", .length(1...800)),
        "b": Field("The version to compare it with.", .length(1...800)),
        "limit": Field("Differences of files to list, 0 to 10000; all are counted. Default 1000.", .range(0...10_000)),
    ]
}
