import CatapultAPI
import ModelFiles

extension ModelFacts {
    /// The facts as `metadata.facts` holds them: `{"context_length": {"value": 8192, "source": "config.json"}, …}`.
    ///
    /// The names are those of ``ModelFacts`` in snake case; a guide lists them (docs/guides/import-models.md).
    var json: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        func add<Value>(_ name: String, _ fact: Fact<Value>?, _ json: (Value) -> JSONValue) {
            guard let fact else { return }
            members[name] = .object(["value": json(fact.value), "source": .string(fact.source)])
        }
        let number: (Int) -> JSONValue = { .int(Int64($0)) }
        let large: (UInt64) -> JSONValue = { .int(Int64(clamping: $0)) }
        let texts: ([String]) -> JSONValue = { .array($0.prefix(100).map { .string(String($0.prefix(500))) }) }
        let text: (String) -> JSONValue = { .string(String($0.prefix(500))) }
        add("format", format) { .string($0.rawValue) }
        add("architecture", architecture, text)
        add("architectures", architectures, texts)
        add("name", name, text)
        add("parameter_count", parameterCount, large)
        add("expert_parameter_count", expertParameterCount, large)
        add("weight_bytes", weightBytes, large)
        add("quantization", quantization, text)
        add("context_length", contextLength, number)
        add("sliding_window", slidingWindow, number)
        add("vocabulary_size", vocabularySize, number)
        add("layers", layers, number)
        add("hidden_size", hiddenSize, number)
        add("feed_forward_size", feedForwardSize, number)
        add("heads", heads, number)
        add("key_value_heads", keyValueHeads, number)
        add("key_value_heads_by_layer", keyValueHeadsByLayer) { .array($0.map(number)) }
        add("key_size", keySize, number)
        add("value_size", valueSize, number)
        add("latent_size", latentSize, number)
        add("experts", experts, number)
        add("experts_per_token", expertsPerToken, number)
        add("tokenizer", tokenizer, text)
        add("has_chat_template", hasChatTemplate) { .bool($0) }
        add("generation_defaults", generationDefaults) { .object($0.mapValues(JSONValue.double)) }
        add("license", license, text)
        add("license_name", licenseName, text)
        add("base_models", baseModels, texts)
        add("tags", tags, texts)
        add("languages", languages, texts)
        add("datasets", datasets, texts)
        add("library", library, text)
        add("task", task, text)
        add("summary", summary, text)
        add("adapter", adapter, text)
        add("parts", parts, texts)
        if !problems.isEmpty {
            members["problems"] = .array(
                problems.prefix(50).map { .object(["path": .string($0.path), "reason": .string(String($0.reason.prefix(500)))]) })
        }
        return members
    }
}

extension Model {
    /// Takes a server type that a person chose: from now on no finding changes it.
    mutating func choose(_ type: ServerType) {
        serverType = type
        guard var facts = metadata["facts"]?.objectValue, facts.removeValue(forKey: "server_type") != nil else { return }
        metadata["facts"] = .object(facts)
    }

    /// Takes what the files say, where nobody has said anything. What a person set stays.
    ///
    /// - Returns: whether something changed.
    @discardableResult
    mutating func learn(_ facts: ModelFacts, paths: some Sequence<String>) -> Bool {
        let before = self
        func fits(_ text: String?, _ limit: Int) -> String? { text.flatMap { $0.unicodeScalars.count <= limit && !$0.isEmpty ? $0 : nil } }
        parameterCount = parameterCount ?? facts.parameterText
        baseModel = baseModel ?? fits(facts.baseModels?.value.first, 100)
        description = description ?? facts.summary?.value
        let known = metadata["facts"]?.objectValue ?? [:]
        var json = facts == ModelFacts() ? known : facts.json
        // A type that was found earlier may be found anew, by more than names. One that a person set has no entry here.
        let isOurs = serverType == nil || known["server_type"]?["value"]?.stringValue == serverType?.rawValue
        if isOurs, let finding = ServerTypeDetector.find(paths: paths, facts: facts, name: name) {
            serverType = finding.type
            json["server_type"] = .object(["value": .string(finding.type.rawValue), "source": .string(finding.reason)])
        }
        if !json.isEmpty { metadata["facts"] = .object(json) }
        return self != before
    }
}
