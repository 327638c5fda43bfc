import SQLDatabase

extension Migrations {
    /// Scopes and limits of keys; the chain of the audit log.
    static let accessControl = Migration(number: 9, name: "access control", statements: [])
}
