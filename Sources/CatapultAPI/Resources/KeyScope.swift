/// The part of the registry that a key sees and changes. What lies outside does not exist for it.
public struct KeyScope: Codable, Sendable, Equatable, Documented {
    /// Patterns of environments; nil means all.
    public var environments: [String]?
    /// Patterns of models; nil means all.
    public var models: [String]?

    /// A scope of patterns, as ``GlobPattern`` reads them.
    public init(environments: [String]? = nil, models: [String]? = nil) {
        self.environments = environments
        self.models = models
    }

    /// All there is: for keys without a scope, and for the server's own work.
    public static let everything = KeyScope()

    /// Whether nothing lies outside.
    public var isEverything: Bool { environments == nil && models == nil }

    /// Whether models of this name lie inside.
    public func includes(model name: String) -> Bool { Self.includes(name, models) }

    /// Whether environments of this name lie inside.
    public func includes(environment name: String) -> Bool { Self.includes(name, environments) }

    private static func includes(_ name: String, _ patterns: [String]?) -> Bool {
        patterns.map { $0.contains { GlobPattern($0).matches(name) } } ?? true
    }

    public static let fields: [String: Field] = [
        "environments": Field(
            "Environments that the key may see and change: names, in which * stands for any characters. All when absent.",
            .texts(1...100, .scopePattern)),
        "models": Field(
            "Models that the key may see and change, with their versions, builds and deployments: names, in which * stands for any "
                + "characters, '/' included. All when absent.", .texts(1...100, .scopePattern)),
    ]
}
