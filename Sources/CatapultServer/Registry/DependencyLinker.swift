import CatapultAPI
import SQLDatabase

/// Links a version to what its files or its model card name, where the registry has it.
enum DependencyLinker {
    /// Adds a dependency on a model that is known by a name only, such as the `base_model_name_or_path` of an adapter: on the newest version of
    /// the model with this name or repository, where there is one, else on the name as something external. Doing it twice does no harm.
    ///
    /// - Returns: the dependency; nil where it would be a circle, that is, where the name means the version itself or one made from it.
    @discardableResult
    static func link(
        _ version: Version, to name: String, as kind: DependencyKind, _ context: CallContext, in connection: any SQLConnection
    ) throws -> Dependency? {
        guard let base = try find(name, for: context.scope, in: connection) else {
            return try DependencyStore.add(NewDependency(kind: kind, name: name), to: version, context, in: connection).dependency
        }
        guard try LineageStore.path(from: base, to: version, in: connection) == nil else { return nil }
        return try DependencyStore.add(NewDependency(kind: kind, target: base.id), to: version, context, in: connection).dependency
    }

    private static func find(_ name: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Version? {
        let models = try connection.fetchAll(
            "SELECT id, name FROM models WHERE name = \(name) UNION ALL SELECT id, name FROM models WHERE repository = \(name) LIMIT 2"
        ) { (id: try $0.get(0) as String, name: try $0.get(1) as String) }
        for model in models where scope.includes(model: model.name) {
            if let version = try VersionStore.newest(ofModelID: model.id, in: connection) { return version }
        }
        return nil
    }
}
