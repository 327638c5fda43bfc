import CatapultAPI
import SQLDatabase

extension KeyScope {
    /// The condition that a row's model lies inside; nil where every one does. `column` is trusted SQL that holds the model's name.
    ///
    /// A row without a model lies inside only where all models do.
    func models(_ column: String, in dialect: SQLDialect) -> SQLQuery? {
        models.map { Self.any(of: $0, column, in: dialect) }
    }

    /// The condition that a row's environment lies inside; nil where every one does. `column` is trusted SQL that holds the environment's name.
    func environments(_ column: String, in dialect: SQLDialect) -> SQLQuery? {
        environments.map { Self.any(of: $0, column, in: dialect) }
    }

    /// The conditions on rows that may be about a model, an environment, both or neither (operations, audit rows). One without an
    /// environment lies inside of every set of environments, as a model and a build do; one without a model only where all models do.
    func rows(model: String, environment: String, in dialect: SQLDialect) -> [SQLQuery] {
        [
            models(model, in: dialect),
            environments(environment, in: dialect).map { "(\(raw: environment) IS NULL OR \($0))" },
        ].compactMap { $0 }
    }

    private static func any(of patterns: [String], _ column: String, in dialect: SQLDialect) -> SQLQuery {
        guard !patterns.isEmpty else { return "FALSE" }
        return "(\(patterns.map { dialect.glob(column, pieces: GlobPattern($0).pieces) }.joined(separator: " OR ")))"
    }

    /// - Throws: 403 where a model of this name lies outside.
    func require(model name: String) throws(CatapultError) {
        guard includes(model: name) else { throw .outsideScope(.model, name, allowed: models) }
    }

    /// To be asked where a caller chooses what an image is made from: any image of the engine could be its base, those of models outside too.
    ///
    /// - Throws: 403 where not all models lie inside.
    func requireForImages() throws(CatapultError) {
        guard models == nil else { throw .wholeScopeRequired() }
    }

    /// - Throws: 403 where an environment of this name lies outside.
    func require(environment name: String) throws(CatapultError) {
        guard includes(environment: name) else { throw .outsideScope(.environment, name, allowed: environments) }
    }
}

/// What a row is about, by name: that which scopes look at.
struct ScopeSubject: Sendable, Equatable {
    var model: String?
    var environment: String?

    /// The model and the environment behind a thing; neither for what has none, or is not there (any more).
    static func of(_ kind: ResourceKind, _ id: String?, in connection: any SQLConnection) throws -> ScopeSubject {
        guard let id else { return ScopeSubject() }
        let query: SQLQuery? =
            switch kind {
            case .model: "SELECT name, NULL FROM models WHERE id = \(id)"
            case .version: "SELECT m.name, NULL FROM versions v JOIN models m ON m.id = v.model_id WHERE v.id = \(id)"
            case .environment: "SELECT NULL, name FROM environments WHERE id = \(id)"
            case .build:
                """
                SELECT m.name, NULL FROM builds b JOIN versions v ON v.id = b.version_id JOIN models m ON m.id = v.model_id WHERE b.id = \(id)
                """
            case .deployment:
                """
                SELECT m.name, d.environment FROM deployments d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
                WHERE d.id = \(id)
                """
            case .artifact:
                """
                SELECT m.name, NULL FROM artifacts a LEFT JOIN versions v ON v.id = a.version_id
                JOIN models m ON m.id = coalesce(v.model_id, a.model_id) WHERE a.id = \(id)
                """
            case .upload:
                """
                SELECT m.name, NULL FROM uploads u LEFT JOIN versions v ON v.id = u.version_id
                JOIN models m ON m.id = coalesce(v.model_id, u.model_id) WHERE u.id = \(id)
                """
            case .operation: "SELECT model_name, environment FROM operations WHERE id = \(id)"
            default: nil
            }
        guard let query else { return ScopeSubject() }
        return try connection.fetchFirst(query) { ScopeSubject(model: try $0.get(0), environment: try $0.get(1)) } ?? ScopeSubject()
    }
}
