import CatapultAPI

/// The labels by which images that Catapult made are known.
enum BuildLabels {
    /// One instruction for the end of a Dockerfile. The engine's own `labels` parameter makes a step of each label, and a step of the classic
    /// builder costs a container and a commit.
    static func instruction(for build: Build, of version: Version) -> String {
        let labels = [
            ("catapult.managed", "true"), ("catapult.version", version.id), ("catapult.build", build.id),
            ("catapult.model", version.modelName),
        ]
        return "\nLABEL " + labels.map { "\($0)=\(quoted($1))" }.joined(separator: " ") + "\n"
    }

    /// A value in double quotes, in which a Dockerfile gives a meaning to three characters.
    static func quoted(_ value: String) -> String {
        var text = "\""
        for character in value {
            if character == "\"" || character == "\\" || character == "$" { text.append("\\") }
            text.append(character)
        }
        return text + "\""
    }
}
