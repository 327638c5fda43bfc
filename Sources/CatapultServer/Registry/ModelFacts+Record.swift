import CatapultAPI
import ModelFiles

extension ModelFacts {
    /// The facts as `metadata.facts` holds them: `{"context_length": {"value": 8192, "source": "config.json"}, …}`.
    ///
    /// The names are those of ``ModelFacts`` in snake case; a guide lists them (docs/guides/import-models.md).
    var json: [String: JSONValue] {
        guard let bytes = try? WireEncoder.encode(self, nils: .omit), let json = try? JSONParser.parse(bytes) else { return [:] }
        var members = json.objectValue ?? [:]
        if problems.isEmpty { members["problems"] = nil }
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
        if metadata["license"] == nil, let license = facts.license { metadata["license"] = .string(license.value) }
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
