import SQLDatabase

extension Migrations {
    /// Models from elsewhere: what the sync of the models directory saw in each folder, by its path beneath the storage root.
    static let imports = Migration(
        number: 11, name: "imports",
        statements: [
            """
            CREATE TABLE synced_folders (
                path TEXT PRIMARY KEY, model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE, version TEXT NOT NULL,
                fingerprint TEXT NOT NULL, missing_since BIGINT, synced_at BIGINT NOT NULL)
            """,
            "CREATE INDEX synced_folders_of_model ON synced_folders (model_id)",
        ])
}
