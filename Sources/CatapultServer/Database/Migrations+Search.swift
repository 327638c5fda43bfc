import SQLDatabase

extension Migrations {
    /// The index that search looks into.
    static let search = Migration(number: 10, name: "search", statements: [])
}
