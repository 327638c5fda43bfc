import SQLDatabase

extension Migrations {
    /// Models from elsewhere.
    static let imports = Migration(number: 11, name: "imports", statements: [])
}
