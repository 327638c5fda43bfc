/// What an MLflow server said of the run, experiment or registered model that a version comes from. Fields that do not belong to the kind
/// of resource are null.
public struct MLflowMetadata: Codable, Sendable, Equatable {
    public var resourceType: MLflowResourceType
    public var url: String
    public var fetchedAt: Timestamp
    public var tags: [String: String]
    public var runID: String?
    public var experimentID: String?
    public var runName: String?
    public var status: String?
    public var startTime: Int64?
    public var endTime: Int64?
    public var artifactURI: String?
    public var params: [String: String]?
    public var metrics: [String: Double]?
    public var experimentName: String?
    public var artifactLocation: String?
    public var lifecycleStage: String?
    public var modelName: String?
    public var description: String?
    public var creationTimestamp: Int64?
    public var lastUpdatedTimestamp: Int64?
    public var latestVersions: [MLflowModelVersion]?
    public var requestedVersion: String?

    /// What is common to all kinds; the rest is set afterwards.
    public init(resourceType: MLflowResourceType, url: String, fetchedAt: Timestamp, tags: [String: String]) {
        self.resourceType = resourceType
        self.url = url
        self.fetchedAt = fetchedAt
        self.tags = tags
    }
}

extension MLflowMetadata: Documented {
    public static let fields: [String: Field] = [
        "resourceType": "What the URL names.",
        "url": "The version's mlflow_url when this was fetched.",
        "fetchedAt": "When MLflow was asked.",
        "tags": "Tags; those of MLflow itself (mlflow.…) are left out for runs.",
        "runID": "Run: its id.",
        "experimentID": "Run and experiment: id of the experiment.",
        "runName": "Run: its name.",
        "status": "Run: RUNNING, FINISHED, FAILED and so on.",
        "startTime": "Run: milliseconds since 1970.",
        "endTime": "Run: milliseconds since 1970.",
        "artifactURI": "Run: where its artifacts lie.",
        "params": "Run: its parameters.",
        "metrics": "Run: the last value of each metric; those that are not finite are left out.",
        "experimentName": "Experiment: its name.",
        "artifactLocation": "Experiment: where its artifacts lie.",
        "lifecycleStage": "Experiment: active or deleted.",
        "modelName": "Registered model: its name.",
        "description": "Registered model: its description.",
        "creationTimestamp": "Registered model: milliseconds since 1970.",
        "lastUpdatedTimestamp": "Registered model: milliseconds since 1970.",
        "latestVersions": "Registered model: the newest version of each stage.",
        "requestedVersion": "Registered model: the version that the URL names.",
    ]
}

/// The kinds of things that an MLflow URL may name.
public enum MLflowResourceType: String, Codable, Sendable, CaseIterable {
    case run
    case experiment
    case registeredModel = "registered_model"
}

/// A version of a model in MLflow's registry.
public struct MLflowModelVersion: Codable, Sendable, Equatable, Documented {
    public var version: String
    public var currentStage: String?
    public var status: String?
    public var source: String?
    public var runID: String?

    /// A version with all its parts.
    public init(version: String, currentStage: String?, status: String?, source: String?, runID: String?) {
        self.version = version
        self.currentStage = currentStage
        self.status = status
        self.source = source
        self.runID = runID
    }

    public static let fields: [String: Field] = [
        "version": "Its number.", "currentStage": "None, Staging, Production or Archived.", "status": "READY and so on.",
        "source": "Where its files lie.", "runID": "The run that made it.",
    ]
}
