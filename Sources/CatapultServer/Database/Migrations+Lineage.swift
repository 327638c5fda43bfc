import SQLDatabase

extension Migrations {
    /// Aliases of versions with their history, deprecations, first uses, dependencies.
    static let lineage = Migration(
        number: 8, name: "lineage",
        statements: [
            """
            CREATE TABLE version_aliases (
                model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE, alias TEXT NOT NULL,
                version_id TEXT NOT NULL REFERENCES versions (id), reason TEXT, moved_by TEXT, moved_at BIGINT NOT NULL,
                PRIMARY KEY (model_id, alias))
            """,
            "CREATE INDEX version_aliases_of_version ON version_aliases (version_id)",
            """
            CREATE TABLE alias_moves (
                id TEXT PRIMARY KEY, model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE, alias TEXT NOT NULL,
                from_version_id TEXT, from_version TEXT, to_version_id TEXT, to_version TEXT, reason TEXT, moved_by TEXT,
                moved_at BIGINT NOT NULL)
            """,
            "CREATE INDEX alias_moves_of_alias ON alias_moves (model_id, alias, moved_at DESC, id DESC)",
            // The names of a version's aliases stand in its row as well, so that lists need no further query.
            "ALTER TABLE versions ADD COLUMN alias_names TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE versions ADD COLUMN deprecation_message TEXT",
            "ALTER TABLE versions ADD COLUMN successor_id TEXT REFERENCES versions (id) ON DELETE SET NULL",
            "ALTER TABLE versions ADD COLUMN retires_at BIGINT",
            "ALTER TABLE versions ADD COLUMN deprecated_at BIGINT",
            "CREATE INDEX versions_succeeded_by ON versions (successor_id) WHERE successor_id IS NOT NULL",
            """
            CREATE TABLE version_uses (
                version_id TEXT NOT NULL REFERENCES versions (id) ON DELETE CASCADE, kind TEXT NOT NULL, subject TEXT NOT NULL,
                first_at BIGINT NOT NULL, PRIMARY KEY (version_id, kind))
            """,
            """
            INSERT INTO version_uses (version_id, kind, subject, first_at)
            SELECT version_id, 'deployed', min(name), min(deployed_at) FROM deployments GROUP BY version_id
            """,
            """
            INSERT INTO version_uses (version_id, kind, subject, first_at)
            SELECT version_id, 'built', min(image_tag), min(created_at) FROM builds GROUP BY version_id
            """,
            """
            INSERT INTO version_uses (version_id, kind, subject, first_at)
            SELECT id, 'promoted', 'release', created_at FROM versions WHERE is_release
            """,
            """
            CREATE TABLE dependencies (
                id TEXT PRIMARY KEY, version_id TEXT NOT NULL REFERENCES versions (id) ON DELETE CASCADE, kind TEXT NOT NULL,
                target_type TEXT NOT NULL, target_version_id TEXT REFERENCES versions (id), artifact_id TEXT, name TEXT, revision TEXT,
                url TEXT, purl TEXT, target_key TEXT NOT NULL, note TEXT, created_by TEXT, created_at BIGINT NOT NULL)
            """,
            "CREATE UNIQUE INDEX dependencies_of_version ON dependencies (version_id, kind, target_key)",
            "CREATE INDEX dependencies_on_version ON dependencies (target_version_id, id) WHERE target_version_id IS NOT NULL",
            "CREATE INDEX dependencies_on_artifact ON dependencies (artifact_id) WHERE artifact_id IS NOT NULL",
        ])
}
