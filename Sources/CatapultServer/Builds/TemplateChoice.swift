import CatapultAPI

/// How a build's type selects a template.
enum TemplateChoice {
    /// Build types that mean "by the model's server type".
    static let automatic: Set<String> = ["organic", "default"]

    /// Why a build has its template, for its log.
    static func reason(for build: Build) -> String {
        guard automatic.contains(build.buildType) else { return "asked for by name" }
        return "for the server type \(build.serverType?.rawValue ?? "unknown")"
    }
}

extension TemplateLibrary.Contents {
    /// The template with a name.
    ///
    /// - Throws: 404 TemplateNotFoundError with the names that exist; 409 with the reason where the template is broken.
    func named(_ name: String) throws(CatapultError) -> BuildTemplate {
        if let template = templates[name] { return template }
        if let problem = problems[name] {
            throw .conflict(
                "template_broken", type: "InvalidTemplateError", "The template \(name) cannot be used: \(problem)",
                hint: "Correct the file in the server's folder of templates; it is read again at once.",
                details: ["template_path": .string(name), "reason": .string("\(problem)")])
        }
        var error = CatapultError.notFound(.template, name, candidates: sorted.map(\.name))
        error.field = "build_type"
        error.details["template_path"] = .string(name)
        throw error
    }

    /// The template for a build type and a server type.
    ///
    /// - Parameters:
    ///   - serverType: of the model, or found from its files; nil where neither says.
    /// - Throws: as ``named(_:)``; also 404 when no template serves the type, and 400 when there is no type to choose by.
    func choose(buildType: String, serverType: ServerType?, model: String) throws(CatapultError) -> BuildTemplate {
        guard TemplateChoice.automatic.contains(buildType) else { return try named(buildType) }
        let names = sorted.map(\.name)
        guard let serverType else {
            throw .invalid(
                "InvalidConfigurationError", field: "build_type",
                "No template can be chosen for \(model): it has no server type, and its files do not tell one",
                hint: "Give build_type (\(names.joined(separator: ", "))), or set the model's server_type.")
        }
        if let template = sorted.first(where: { $0.manifest.serverTypes.contains(serverType.rawValue) }) {
            return template
        }
        var error = CatapultError.notFound(.template, serverType.rawValue, candidates: names)
        error.field = "build_type"
        error.message = "There is no template for the server type \(serverType.rawValue) of \(model)"
        error.hint = "Give build_type (\(names.joined(separator: ", "))) or dockerfile_content, or add a template to the server's folder."
        error.details["template_path"] = .string(serverType.rawValue)
        throw error
    }
}
