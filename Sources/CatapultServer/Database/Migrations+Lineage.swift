import SQLDatabase

extension Migrations {
    /// Aliases of versions, dependencies and their history.
    static let lineage = Migration(number: 8, name: "lineage", statements: [])
}
