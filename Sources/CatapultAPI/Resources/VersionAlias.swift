/// A name that points at one version of a model, and can be moved.
public struct VersionAlias: Codable, Sendable, Equatable {
    public var alias: String
    public var modelID: String
    public var modelName: String
    public var versionID: String
    public var version: String
    public var quantization: String?
    public var status: VersionStatus
    public var isComputed: Bool
    public var reason: String?
    public var movedBy: String?
    public var movedAt: Timestamp

    /// An alias with all its parts.
    public init(
        alias: String, modelID: String, modelName: String, versionID: String, version: String, quantization: String?,
        status: VersionStatus, isComputed: Bool, reason: String?, movedBy: String?, movedAt: Timestamp
    ) {
        self.alias = alias
        self.modelID = modelID
        self.modelName = modelName
        self.versionID = versionID
        self.version = version
        self.quantization = quantization
        self.status = status
        self.isComputed = isComputed
        self.reason = reason
        self.movedBy = movedBy
        self.movedAt = movedAt
    }

    /// The alias that always means the newest version that is not archived. It is computed and cannot be set.
    public static let latest = "latest"
}

extension VersionAlias: Documented {
    public static let fields: [String: Field] = [
        "alias": Field(
            "Name of the alias, such as production; `model:alias` is taken wherever a version is named. A version of that name wins.",
            .text(.alias)),
        "modelID": "UUID of the model.",
        "modelName": "Name of the model.",
        "versionID": "UUID of the version that the alias points at.",
        "version": "The version that the alias points at.",
        "quantization": "Number format of that version.",
        "status": "Status of that version.",
        "isComputed": "True for `latest`, which always means the newest version that is not archived.",
        "reason": "Why the alias was moved there.",
        "movedBy": "Name of the key that moved it.",
        "movedAt": "When it was moved there.",
    ]
}

/// One move of an alias: from where, to where, by whom and why.
public struct AliasMove: Codable, Sendable, Equatable, Documented {
    public var id: String
    public var alias: String
    public var modelID: String
    public var fromVersionID: String?
    public var fromVersion: String?
    public var toVersionID: String?
    public var toVersion: String?
    public var reason: String?
    public var movedBy: String?
    public var movedAt: Timestamp

    /// A move with all its parts.
    public init(
        id: String, alias: String, modelID: String, fromVersionID: String?, fromVersion: String?, toVersionID: String?, toVersion: String?,
        reason: String?, movedBy: String?, movedAt: Timestamp
    ) {
        self.id = id
        self.alias = alias
        self.modelID = modelID
        self.fromVersionID = fromVersionID
        self.fromVersion = fromVersion
        self.toVersionID = toVersionID
        self.toVersion = toVersion
        self.reason = reason
        self.movedBy = movedBy
        self.movedAt = movedAt
    }

    public static let fields: [String: Field] = [
        "id": "UUID of the move.",
        "alias": "Name of the alias.",
        "modelID": "UUID of the model.",
        "fromVersionID": "UUID of the version that it pointed at; null where the alias was new.",
        "fromVersion": "That version.",
        "toVersionID": "UUID of the version that it points at since; null where the alias was removed.",
        "toVersion": "That version.",
        "reason": "Why.",
        "movedBy": "Name of the key that moved it.",
        "movedAt": "When.",
    ]
}
