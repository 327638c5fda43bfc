extension Catalogue {
    static let mlflow: [any APICall.Type] = [GetMLflowMetadata.self, SyncMLflowMetadata.self]
}

/// Shows what MLflow said of a version when it was last asked; 400 where the version names no MLflow page, or it was never asked.
public struct GetMLflowMetadata: APICall {
    public typealias Output = MLflowMetadata
    public static let route = Route.get("/versions/{version_id}/mlflow-metadata", alias: "/releases/{version_id}/mlflow-metadata")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Versions"
    public static let summary = "Show what MLflow says of a version"

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = ["versionID": "UUID of the version, or model:version."]
}

/// Asks MLflow anew and keeps the answer under the version's `metadata.mlflow`; 400 where the URL names nothing that is there, 503 where
/// MLflow does not answer.
public struct SyncMLflowMetadata: APICall {
    public typealias Output = MLflowMetadata
    public static let route = Route.post(
        "/versions/{version_id}/mlflow-metadata/sync", alias: "/releases/{version_id}/mlflow-metadata/sync")
    public static let access = Access.role(.operator)
    public static let effect = Effect.write
    public static let group = "Versions"
    public static let summary = "Fetch what MLflow says of a version"
    public static let audit: AuditAction? = AuditAction("sync_mlflow_metadata", .version)

    public var versionID: String

    /// A call with its parameters.
    public init(versionID: String) {
        self.versionID = versionID
    }

    public static let fields: [String: Field] = ["versionID": "UUID of the version, or model:version."]
}
