import CatapultAPI

/// The build arguments of a build: what may be given, and what the engine gets.
enum BuildArguments {
    /// The longest value in bytes.
    private static let maximumBytes = 32 << 10

    /// Arguments that the builder knows without an `ARG` in the Dockerfile.
    private static let predefined: Set<String> = [
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY",
        "all_proxy",
    ]

    /// Refuses names and values that no Dockerfile can take.
    ///
    /// - Throws: 400 InvalidConfigurationError.
    static func check(_ arguments: [String: String]) throws(CatapultError) {
        for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
            guard isName(name) else {
                throw .invalid(
                    field: "build_args",
                    "The build argument '\(name.prefix(100))' cannot be given: a name has letters, digits and '_', and does not begin with a digit"
                )
            }
            guard !hasControlCharacters(value) else {
                throw .invalid(field: "build_args", "The value of the build argument \(name) has control characters in it")
            }
            guard value.utf8.count <= maximumBytes else {
                throw .invalid(
                    field: "build_args",
                    "The value of the build argument \(name) has \(value.utf8.count) bytes, and may have \(maximumBytes)")
            }
            if name == "BASE_IMAGE", !ImageTag.isReference(value) {
                throw .invalid(field: "build_args", "BASE_IMAGE must be the reference of an image, such as python:3.11-slim")
            }
            if name == "MODEL_NAME", sanitised(value) != value {
                throw .invalid(
                    field: "build_args",
                    "MODEL_NAME must be one path component of letters, digits, '.', '_' and '-', beginning with a letter or digit")
            }
        }
    }

    /// The arguments that the engine gets: those of the build over the server's, over nothing, so that the Dockerfile's own defaults hold.
    static func all(asked: [String: String], modelFolder: String, baseImage: String?) -> [String: String] {
        var arguments = ["MODEL_NAME": sanitised(modelFolder)]
        if let baseImage { arguments["BASE_IMAGE"] = baseImage }
        return arguments.merging(asked) { $1 }
    }

    /// The names among those asked for that a template's Dockerfile does not declare.
    static func unknown(_ asked: [String: String], to template: TemplateManifest) -> [String] {
        let declared = Set(template.buildArgs.map(\.name)).union(predefined)
        return asked.keys.filter { !declared.contains($0) }.sorted()
    }

    /// A folder's name in the characters that templates expect: it becomes part of a path and of the name that a model is served under.
    static func sanitised(_ name: String) -> String {
        let replaced = String.UnicodeScalarView(
            name.unicodeScalars.map { scalar in
                scalar.isASCII && (isAlphanumeric(scalar) || scalar == "." || scalar == "_" || scalar == "-") ? scalar : "-"
            })
        let start = replaced.drop { !isAlphanumeric($0) }
        return start.isEmpty ? "model" : String(String.UnicodeScalarView(start.prefix(200)))
    }

    static func isName(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, !("0"..."9").contains(first), text.utf8.count <= 255 else { return false }
        return text.unicodeScalars.allSatisfy { isAlphanumeric($0) || $0 == "_" }
    }

    static func hasControlCharacters(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
    }
}
