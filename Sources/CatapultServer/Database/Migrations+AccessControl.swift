import SQLDatabase

extension Migrations {
    /// Scopes and limits of keys, the chain of the audit log, and the sizes of models.
    static let accessControl = Migration(number: 9, name: "access control") { dialect in
        [
            // Lists of patterns as JSON; null means all.
            "ALTER TABLE api_keys ADD COLUMN scope_environments TEXT",
            "ALTER TABLE api_keys ADD COLUMN scope_models TEXT",
            "ALTER TABLE api_keys ADD COLUMN description TEXT",
            "ALTER TABLE api_keys ADD COLUMN owner TEXT",
            "ALTER TABLE api_keys ADD COLUMN requests_per_second DOUBLE PRECISION",
            "ALTER TABLE api_keys ADD COLUMN burst BIGINT",
            "ALTER TABLE api_keys ADD COLUMN disabled_at BIGINT",
            "ALTER TABLE api_keys ADD COLUMN rotated_at BIGINT",
            "ALTER TABLE api_keys ADD COLUMN previous_salt TEXT",
            "ALTER TABLE api_keys ADD COLUMN previous_hash TEXT",
            "ALTER TABLE api_keys ADD COLUMN previous_valid_until BIGINT",
            // What a row is about, by name, so that a key with a scope sees its own also after the thing is gone.
            "ALTER TABLE operations ADD COLUMN model_name TEXT",
            "ALTER TABLE operations ADD COLUMN environment TEXT",
        ] + auditChain(dialect) + modelSizes(dialect)
    }

    private static func auditChain(_ dialect: SQLDialect) -> [String] {
        let columns = [
            "sequence BIGINT", "prev_hash TEXT", "hash TEXT", "api_key_id TEXT", "agent TEXT", "operation TEXT",
            "outcome TEXT NOT NULL DEFAULT 'succeeded'", "model_name TEXT", "environment TEXT",
        ].map { "ALTER TABLE audit_logs ADD COLUMN \($0)" }
        // Rows of before the chain are numbered up to 0; the chain begins with 1.
        let numbering = """
            UPDATE audit_logs SET sequence = n.place - n.total FROM
                (SELECT id, row_number() OVER (ORDER BY created_at, id) AS place, count(*) OVER () AS total FROM audit_logs) n
            WHERE n.id = audit_logs.id
            """
        let indexes = [
            "CREATE UNIQUE INDEX audit_logs_by_sequence ON audit_logs (sequence)",
            "CREATE INDEX audit_logs_of_resource ON audit_logs (resource_id, sequence)",
            "CREATE INDEX audit_logs_by_key ON audit_logs (api_key_name, sequence)",
        ]
        return columns + [numbering] + indexes + keeping(dialect)
    }

    /// What refuses to change or remove audit rows, whoever asks.
    private static func keeping(_ dialect: SQLDialect) -> [String] {
        switch dialect {
        case .sqlite:
            ["UPDATE", "DELETE"].map { event in
                """
                CREATE TRIGGER audit_logs_refuse_\(event.lowercased()) BEFORE \(event) ON audit_logs BEGIN
                    SELECT RAISE(ABORT, 'audit rows are never changed or removed');
                END
                """
            } + [
                // INSERT OR REPLACE removes rows without the triggers of DELETE.
                """
                CREATE TRIGGER audit_logs_refuse_replace BEFORE INSERT ON audit_logs
                WHEN EXISTS (SELECT 1 FROM audit_logs WHERE id = NEW.id OR sequence = NEW.sequence) BEGIN
                    SELECT RAISE(ABORT, 'audit rows are never changed or removed');
                END
                """
            ]
        case .postgresql:
            [
                """
                CREATE FUNCTION audit_logs_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'audit rows are never changed or removed'; END $$
                """,
                """
                CREATE TRIGGER audit_logs_refuse_change BEFORE UPDATE OR DELETE ON audit_logs
                FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse()
                """,
                """
                CREATE TRIGGER audit_logs_refuse_truncation BEFORE TRUNCATE ON audit_logs
                FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_refuse()
                """,
            ]
        }
    }

    /// The bytes of a model's versions, kept by triggers, so that the largest are found through an index. In a table of its own: PostgreSQL
    /// writes all indexes of a row anew where one of them changes, and those of models are many.
    private static func modelSizes(_ dialect: SQLDialect) -> [String] {
        let table = [
            """
            CREATE TABLE model_sizes (
                model_id TEXT PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE, size_bytes BIGINT NOT NULL)
            """,
            """
            INSERT INTO model_sizes (model_id, size_bytes)
                SELECT model_id, sum(size_bytes) FROM versions GROUP BY model_id HAVING sum(size_bytes) <> 0
            """,
            "CREATE INDEX model_sizes_by_size ON model_sizes (size_bytes DESC, model_id)",
        ]
        switch dialect {
        case .sqlite:
            func add(_ bytes: String) -> String {
                """
                INSERT INTO model_sizes (model_id, size_bytes) VALUES (NEW.model_id, \(bytes))
                    ON CONFLICT (model_id) DO UPDATE SET size_bytes = model_sizes.size_bytes + excluded.size_bytes;
                """
            }
            return table + [
                "CREATE TRIGGER model_size_inserted AFTER INSERT ON versions WHEN NEW.size_bytes <> 0 BEGIN \(add("NEW.size_bytes")) END",
                """
                CREATE TRIGGER model_size_updated AFTER UPDATE OF size_bytes ON versions
                WHEN coalesce(NEW.size_bytes, 0) <> coalesce(OLD.size_bytes, 0) BEGIN
                    \(add("coalesce(NEW.size_bytes, 0) - coalesce(OLD.size_bytes, 0)"))
                END
                """,
                """
                CREATE TRIGGER model_size_deleted AFTER DELETE ON versions WHEN OLD.size_bytes <> 0 BEGIN
                    UPDATE model_sizes SET size_bytes = size_bytes - OLD.size_bytes WHERE model_id = OLD.model_id;
                END
                """,
            ]
        case .postgresql:
            func add(_ changes: String) -> String {
                """
                INSERT INTO model_sizes (model_id, size_bytes)
                    SELECT model_id, sum(size_bytes) FROM (\(changes)) changes GROUP BY model_id HAVING sum(size_bytes) <> 0
                    ON CONFLICT (model_id) DO UPDATE SET size_bytes = model_sizes.size_bytes + excluded.size_bytes;
                """
            }
            let gone = """
                UPDATE model_sizes SET size_bytes = model_sizes.size_bytes - lost.size_bytes
                    FROM (SELECT model_id, sum(size_bytes) AS size_bytes FROM removed GROUP BY model_id HAVING sum(size_bytes) <> 0) lost
                    WHERE lost.model_id = model_sizes.model_id;
                """
            let moved = "SELECT model_id, size_bytes FROM added UNION ALL SELECT model_id, -size_bytes FROM removed"
            return table + statementTrigger("model_size_inserted", on: "versions", .insert, add("SELECT model_id, size_bytes FROM added"))
                + statementTrigger("model_size_updated", on: "versions", .update, add(moved))
                + statementTrigger("model_size_deleted", on: "versions", .delete, gone)
        }
    }
}
