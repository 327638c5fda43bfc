import SQLDatabase

extension Migrations {
    /// Content-addressed blobs, artifacts and uploads.
    ///
    /// A blob is what is known of some bytes; a place is a file beneath the storage root that was seen to hold them. What refers to a blob
    /// names its digest. Those references are no foreign keys: a version lists digests before their bytes arrive.
    static let artifacts = Migration(
        number: 7, name: "artifacts",
        statements: [
            """
            CREATE TABLE blobs (
                sha256 TEXT PRIMARY KEY, size_bytes BIGINT NOT NULL, created_at BIGINT NOT NULL, unreferenced_at BIGINT,
                last_reference TEXT)
            """,
            "CREATE INDEX blobs_unreferenced ON blobs (unreferenced_at) WHERE unreferenced_at IS NOT NULL",
            """
            CREATE TABLE blob_places (
                path TEXT PRIMARY KEY, sha256 TEXT NOT NULL REFERENCES blobs (sha256) ON DELETE CASCADE, kind TEXT NOT NULL,
                modified_ns BIGINT NOT NULL, inode BIGINT NOT NULL, problem TEXT, created_at BIGINT NOT NULL, verified_at BIGINT NOT NULL)
            """,
            "CREATE INDEX blob_places_of_blob ON blob_places (sha256)",
            "ALTER TABLE version_files ADD COLUMN problem TEXT",
            "CREATE INDEX version_files_by_digest ON version_files (sha256)",
            """
            CREATE TABLE artifacts (
                id TEXT PRIMARY KEY, name TEXT NOT NULL, artifact_type TEXT NOT NULL, file_path TEXT NOT NULL, size_bytes BIGINT NOT NULL,
                checksum TEXT NOT NULL, checksum_type TEXT NOT NULL, sha256 TEXT, platform TEXT, python_version TEXT, metadata TEXT NOT NULL,
                version_id TEXT, model_id TEXT, uploaded_by TEXT, created_at BIGINT NOT NULL, deleted_at BIGINT)
            """,
            "CREATE INDEX artifacts_by_age ON artifacts (created_at DESC, id DESC) WHERE deleted_at IS NULL",
            "CREATE INDEX artifacts_of_model ON artifacts (model_id, created_at DESC, id DESC) WHERE deleted_at IS NULL",
            "CREATE INDEX artifacts_by_digest ON artifacts (sha256)",
            "CREATE INDEX artifacts_deleted ON artifacts (deleted_at) WHERE deleted_at IS NOT NULL",
            """
            CREATE UNIQUE INDEX artifacts_by_name_in_version ON artifacts (version_id, name)
            WHERE deleted_at IS NULL AND version_id IS NOT NULL
            """,
            """
            CREATE UNIQUE INDEX artifacts_by_name_in_model ON artifacts (model_id, name)
            WHERE deleted_at IS NULL AND version_id IS NULL AND model_id IS NOT NULL
            """,
            """
            CREATE UNIQUE INDEX artifacts_by_name ON artifacts (name)
            WHERE deleted_at IS NULL AND version_id IS NULL AND model_id IS NULL
            """,
            """
            CREATE TABLE uploads (
                id TEXT PRIMARY KEY, state TEXT NOT NULL, size_bytes BIGINT NOT NULL, sha256 TEXT NOT NULL, received BIGINT NOT NULL,
                version_id TEXT, path TEXT, model_id TEXT, name TEXT, artifact_type TEXT, platform TEXT, python_version TEXT,
                metadata TEXT NOT NULL, artifact_id TEXT, message TEXT, writer TEXT, writer_expires_at BIGINT, created_by TEXT,
                created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)
            """,
            "CREATE INDEX uploads_by_age ON uploads (created_at DESC, id DESC)",
            "CREATE INDEX uploads_by_expiry ON uploads (expires_at)",
        ])
}
