import CatapultAPI
import SQLDatabase

/// Which folders of the storage root a key that is limited to some models may name: `models/NAME` of the model that it works on, and what lies
/// beneath. Whoever names a folder for a model can read the files in it, so any other folder could hold what lies outside of the scope.
struct ScopedFolders: Sendable {
    /// The folder beneath the storage root whose folders bear the names of models.
    private static let parent = "models"

    let database: Database
    let storage: StoragePaths

    /// The absolute path of a folder that a caller names for a model.
    ///
    /// - Throws: 400 for what does not lie beneath the storage root, 403 for what a limited key may not name.
    func resolve(_ path: String, of model: String, for scope: KeyScope) async throws -> String {
        let absolute = try storage.resolve(path)
        guard scope.models != nil else { return absolute }
        let own = "\(storage.root)/\(Self.parent)/\(model)"
        guard absolute == own || absolute.hasPrefix(own + "/") else { throw Self.outside(path, model) }
        // `models/a/b` is in the folder of `a`, and is that of `a/b`.
        let isShared = try await database.read { connection in
            guard let inside = scope.models("name", in: connection.dialect) else { return false }
            return try connection.exists(
                "SELECT 1 FROM models WHERE name > \("\(model)/") AND name < \("\(model)0") AND NOT \(inside) LIMIT 1")
        }
        guard !isShared else { throw Self.outside(path, model) }
        return absolute
    }

    private static func outside(_ path: String, _ model: String) -> CatapultError {
        CatapultError(
            status: 403, code: "outside_scope", type: "AuthorizationError",
            message: "The path \(path) is not the folder of the model \(model), and this key is limited to some models.",
            field: "storage_path",
            hint: "Put the files into \(parent)/\(model) beneath the storage root, or ask an admin for a key without a scope.")
    }
}
