import CatapultAPI

/// Reads the answers of MLflow's REST API 2.0.
enum MLflowAnswer {
    /// What an answer says of the resource that was asked for; nil where it lacks that resource.
    static func metadata(_ json: JSONValue, of address: MLflowAddress, url: String, at now: Timestamp) -> MLflowMetadata? {
        switch address.resource {
        case .run(let id, _): run(json["run"], id: id, url: url, at: now)
        case .experiment(let id): experiment(json["experiment"], id: id, url: url, at: now)
        case .model(let name, let version): model(json["registered_model"], name: name, version: version, url: url, at: now)
        }
    }

    private static func run(_ run: JSONValue?, id: String, url: String, at now: Timestamp) -> MLflowMetadata? {
        guard let info = run?["info"] else { return nil }
        let data = run?["data"]
        let tags = pairs(data?["tags"]).filter { !$0.key.hasPrefix("mlflow.") }
        var metadata = MLflowMetadata(resourceType: .run, url: url, fetchedAt: now, tags: tags)
        metadata.runID = info["run_id"]?.stringValue ?? info["run_uuid"]?.stringValue ?? id
        metadata.experimentID = info["experiment_id"]?.stringValue
        metadata.runName = info["run_name"]?.stringValue ?? pairs(data?["tags"])["mlflow.runName"]
        metadata.status = info["status"]?.stringValue
        metadata.startTime = milliseconds(info["start_time"])
        metadata.endTime = milliseconds(info["end_time"])
        metadata.artifactURI = info["artifact_uri"]?.stringValue
        metadata.params = pairs(data?["params"])
        var metrics: [String: Double] = [:]
        for metric in data?["metrics"]?.arrayValue ?? [] {
            // MLflow writes values that are not finite as the texts "NaN" and "Infinity".
            if let key = metric["key"]?.stringValue, let value = metric["value"]?.doubleValue, value.isFinite { metrics[key] = value }
        }
        metadata.metrics = metrics
        return metadata
    }

    private static func experiment(_ experiment: JSONValue?, id: String, url: String, at now: Timestamp) -> MLflowMetadata? {
        guard let experiment else { return nil }
        var metadata = MLflowMetadata(resourceType: .experiment, url: url, fetchedAt: now, tags: pairs(experiment["tags"]))
        metadata.experimentID = experiment["experiment_id"]?.stringValue ?? id
        metadata.experimentName = experiment["name"]?.stringValue
        metadata.artifactLocation = experiment["artifact_location"]?.stringValue
        metadata.lifecycleStage = experiment["lifecycle_stage"]?.stringValue
        return metadata
    }

    private static func model(_ model: JSONValue?, name: String, version: String?, url: String, at now: Timestamp) -> MLflowMetadata? {
        guard let model else { return nil }
        var metadata = MLflowMetadata(resourceType: .registeredModel, url: url, fetchedAt: now, tags: pairs(model["tags"]))
        metadata.modelName = model["name"]?.stringValue ?? name
        metadata.description = model["description"]?.stringValue
        metadata.creationTimestamp = milliseconds(model["creation_timestamp"])
        metadata.lastUpdatedTimestamp = milliseconds(model["last_updated_timestamp"])
        metadata.requestedVersion = version
        metadata.latestVersions = (model["latest_versions"]?.arrayValue ?? []).compactMap { entry in
            guard let version = entry["version"]?.stringValue ?? entry["version"]?.intValue.map(String.init) else { return nil }
            return MLflowModelVersion(
                version: version, currentStage: entry["current_stage"]?.stringValue, status: entry["status"]?.stringValue,
                source: entry["source"]?.stringValue, runID: entry["run_id"]?.stringValue)
        }
        return metadata
    }

    /// `[{"key": …, "value": …}]` as a dictionary.
    private static func pairs(_ list: JSONValue?) -> [String: String] {
        var pairs: [String: String] = [:]
        for entry in list?.arrayValue ?? [] {
            if let key = entry["key"]?.stringValue { pairs[key] = entry["value"]?.stringValue ?? "" }
        }
        return pairs
    }

    /// Protocol buffers write 64-bit numbers as texts, MLflow's own code as numbers.
    private static func milliseconds(_ value: JSONValue?) -> Int64? {
        value?.intValue.map(Int64.init) ?? value?.stringValue.flatMap(Int64.init)
    }
}
