import SQLDatabase

extension Migrations {
    /// The index that search looks into (docs/decisions: one inverted index for both databases).
    ///
    /// Triggers note in `search_queue` what has changed, whoever changed it; the transaction that did so indexes it before it commits
    /// (`SearchIndexer`). What was there before this migration is indexed in the background.
    static let search = Migration(number: 10, name: "search") { dialect in
        tables(dialect) + watched.flatMap { triggers($0, dialect) } + watched.map(backlog)
    }

    /// A table whose rows are searched, and the columns that matter.
    private struct Watched {
        var table: String
        /// As in `SearchIndex.Kind`.
        var kind: String
        var columns: String
    }

    private static let watched = [
        Watched(
            table: "models", kind: "m",
            columns: "name, repository, company, base_model, parameter_count, description, tags, metadata, server_type, source"),
        Watched(
            table: "versions", kind: "v",
            columns: "version, tag, quantization, size_bytes, release_notes, metadata, is_release, status, alias_names"),
        Watched(
            table: "artifacts", kind: "a",
            columns:
                "name, artifact_type, file_path, size_bytes, checksum, platform, python_version, metadata, version_id, model_id, deleted_at"
        ),
        Watched(table: "deployments", kind: "d", columns: "name, version_id, environment, status, cluster"),
    ]

    private static func tables(_ dialect: SQLDialect) -> [String] {
        let clustered = dialect == .sqlite ? " WITHOUT ROWID" : ""
        return [
            """
            CREATE TABLE search_documents (
                kind TEXT NOT NULL, id TEXT NOT NULL, model_id TEXT, model_name TEXT, environment TEXT, name TEXT NOT NULL,
                terms TEXT NOT NULL, postings TEXT NOT NULL,
                parameters BIGINT, size_bytes BIGINT, created_at BIGINT NOT NULL, PRIMARY KEY (kind, id))\(clustered)
            """,
            // Each index holds all that a look wants (SearchCandidates), so that SQLite, which has no statistics, prefers it to the table.
            "CREATE INDEX search_documents_of_model ON search_documents (model_id, kind, id) WHERE model_id IS NOT NULL",
            "CREATE INDEX search_documents_by_parameters ON search_documents (kind, parameters, id) WHERE parameters IS NOT NULL",
            "CREATE INDEX search_documents_by_size ON search_documents (kind, size_bytes, id) WHERE size_bytes IS NOT NULL",
            "CREATE INDEX search_documents_by_age ON search_documents (kind, created_at, id)",
            "CREATE TABLE search_postings (kind TEXT NOT NULL, term TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, term, id))\(clustered)",
            "CREATE TABLE search_queue (id TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (id, kind))\(clustered)",
        ] + (dialect == .postgresql ? [enqueue] : [])
    }

    private static let enqueue = """
        CREATE FUNCTION search_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                INSERT INTO search_queue (id, kind) VALUES (OLD.id, TG_ARGV[0]) ON CONFLICT DO NOTHING;
            ELSE
                INSERT INTO search_queue (id, kind) VALUES (NEW.id, TG_ARGV[0]) ON CONFLICT DO NOTHING;
            END IF;
            RETURN NULL;
        END
        $$
        """

    private static func triggers(_ watched: Watched, _ dialect: SQLDialect) -> [String] {
        [("inserted", "INSERT", "NEW"), ("updated", "UPDATE OF \(watched.columns)", "NEW"), ("deleted", "DELETE", "OLD")].map {
            name, event, row in
            let head = "CREATE TRIGGER search_\(watched.table)_\(name) AFTER \(event) ON \(watched.table)"
            switch dialect {
            case .postgresql: return "\(head) FOR EACH ROW EXECUTE FUNCTION search_enqueue('\(watched.kind)')"
            case .sqlite:
                return """
                    \(head) BEGIN
                        INSERT INTO search_queue (id, kind) SELECT \(row).id, '\(watched.kind)'
                        WHERE NOT EXISTS (SELECT 1 FROM search_queue WHERE id = \(row).id AND kind = '\(watched.kind)');
                    END
                    """
            }
        }
    }

    private static func backlog(_ watched: Watched) -> String {
        "INSERT INTO search_queue (id, kind) SELECT id, '\(watched.kind)' FROM \(watched.table)"
    }
}
