import SQLDatabase

extension Migrations {
    /// Scopes and limits of keys; the chain of the audit log.
    static let accessControl = Migration(
        number: 9, name: "access control",
        statements: [
            // Lists of patterns as JSON; null means all.
            "ALTER TABLE api_keys ADD COLUMN scope_environments TEXT",
            "ALTER TABLE api_keys ADD COLUMN scope_models TEXT",
            // What a row is about, by name, so that a key with a scope sees its own also after the thing is gone.
            "ALTER TABLE operations ADD COLUMN model_name TEXT",
            "ALTER TABLE operations ADD COLUMN environment TEXT",
            "ALTER TABLE audit_logs ADD COLUMN model_name TEXT",
            "ALTER TABLE audit_logs ADD COLUMN environment TEXT",
        ])
}
