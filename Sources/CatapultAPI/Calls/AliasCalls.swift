extension Catalogue {
    static let aliases: [any APICall.Type] = [
        ListVersionAliases.self, GetVersionAlias.self, SetVersionAlias.self, DeleteVersionAlias.self, ListAliasHistory.self,
    ]
}

private let modelReference: Field = "UUID or exact name of the model."

/// Lists the aliases of a model; the computed `latest` first.
public struct ListVersionAliases: APICall {
    public typealias Output = [VersionAlias]
    public static let route = Route.get("/models/{model_id}/aliases")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Aliases"
    public static let summary = "List the aliases of a model"

    public var modelID: String

    /// A call with its parameters.
    public init(modelID: String) {
        self.modelID = modelID
    }

    public static let fields: [String: Field] = ["modelID": modelReference]
}

/// Shows where an alias points.
public struct GetVersionAlias: APICall {
    public typealias Output = VersionAlias
    public static let route = Route.get("/models/{model_id}/aliases/{alias}")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Aliases"
    public static let summary = "Show where an alias points"

    public var modelID: String
    public var alias: String

    /// A call with its parameters.
    public init(modelID: String, alias: String) {
        self.modelID = modelID
        self.alias = alias
    }

    public static let fields: [String: Field] = VersionAlias.fields.picking("alias").merging(["modelID": modelReference]) { $1 }
}

/// Makes an alias, or moves it to another version. Its history keeps every move.
public struct SetVersionAlias: APICall {
    public typealias Output = VersionTransition
    public static let route = Route.put("/models/{model_id}/aliases/{alias}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Aliases"
    public static let summary = "Make an alias or move it to another version"
    public static let audit: AuditAction? = AuditAction("set_version_alias", .version)

    public var modelID: String
    public var alias: String
    public var version: String
    public var expectedVersion: String?
    public var reason: String?
    public var dryRun: Bool?

    /// A call with its parameters.
    public init(
        modelID: String, alias: String, version: String, expectedVersion: String? = nil, reason: String? = nil, dryRun: Bool? = nil
    ) {
        self.modelID = modelID
        self.alias = alias
        self.version = version
        self.expectedVersion = expectedVersion
        self.reason = reason
        self.dryRun = dryRun
    }

    public static let fields: [String: Field] = VersionAlias.fields.picking("alias").merging([
        "modelID": modelReference,
        "version": Field(
            "The version to point at: its UUID, its name within the model, model:version, or another alias.", .length(1...800)),
        "expectedVersion": Field(VersionLife.expectation, .length(0...800)),
        "reason": VersionLife.reason,
        "dryRun": VersionLife.dryRun,
    ]) { $1 }
}

/// Removes an alias. Its history stays, and the version that it pointed at is not touched.
public struct DeleteVersionAlias: APICall {
    public typealias Output = Deletion
    public static let route = Route.delete("/models/{model_id}/aliases/{alias}")
    public static let access = Access.role(.operator)
    public static let effect = Effect.destructive
    public static let group = "Aliases"
    public static let summary = "Remove an alias"
    public static let audit: AuditAction? = AuditAction("delete_version_alias", .version)

    public var modelID: String
    public var alias: String
    public var expectedVersion: String?
    public var reason: String?

    /// A call with its parameters.
    public init(modelID: String, alias: String, expectedVersion: String? = nil, reason: String? = nil) {
        self.modelID = modelID
        self.alias = alias
        self.expectedVersion = expectedVersion
        self.reason = reason
    }

    public static let fields: [String: Field] = VersionAlias.fields.picking("alias").merging([
        "modelID": modelReference,
        "expectedVersion": Field(VersionLife.expectation, .length(0...800)),
        "reason": VersionLife.reason,
    ]) { $1 }
}

/// Lists the moves of an alias, newest first; also of one that has been removed.
public struct ListAliasHistory: PagedCall {
    public typealias Item = AliasMove
    public typealias Output = Page<AliasMove>
    public static let route = Route.get("/models/{model_id}/aliases/{alias}/history")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Aliases"
    public static let summary = "List the moves of an alias, newest first"

    public var modelID: String
    public var alias: String
    public var page: Int?
    public var size: Int?
    public var limit: Int?
    public var offset: Int?
    public var skip: Int?
    public var cursor: String?

    /// A call with its parameters.
    public init(
        modelID: String, alias: String, page: Int? = nil, size: Int? = nil, limit: Int? = nil, offset: Int? = nil, skip: Int? = nil,
        cursor: String? = nil
    ) {
        self.modelID = modelID
        self.alias = alias
        self.page = page
        self.size = size
        self.limit = limit
        self.offset = offset
        self.skip = skip
        self.cursor = cursor
    }

    public static let fields: [String: Field] = Paging.fields.merging(VersionAlias.fields.picking("alias")) { $1 }.merging([
        "modelID": modelReference
    ]) { $1 }
}
