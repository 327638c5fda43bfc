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

    /// The bytes of a model's versions, kept by triggers, so that the largest are found through an index.
    private static func modelSizes(_ dialect: SQLDialect) -> [String] {
        let table = [
            "ALTER TABLE models ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0",
            "UPDATE models SET size_bytes = (SELECT coalesce(sum(v.size_bytes), 0) FROM versions v WHERE v.model_id = models.id)",
            "CREATE INDEX models_by_size ON models (size_bytes DESC, id)",
        ]
        switch dialect {
        case .sqlite:
            return table + [
                """
                CREATE TRIGGER model_size_inserted AFTER INSERT ON versions WHEN NEW.size_bytes <> 0 BEGIN
                    UPDATE models SET size_bytes = size_bytes + NEW.size_bytes WHERE id = NEW.model_id;
                END
                """,
                """
                CREATE TRIGGER model_size_updated AFTER UPDATE OF size_bytes ON versions BEGIN
                    UPDATE models SET size_bytes = size_bytes + coalesce(NEW.size_bytes, 0) - coalesce(OLD.size_bytes, 0)
                    WHERE id = NEW.model_id;
                END
                """,
                """
                CREATE TRIGGER model_size_deleted AFTER DELETE ON versions WHEN OLD.size_bytes <> 0 BEGIN
                    UPDATE models SET size_bytes = size_bytes - OLD.size_bytes WHERE id = OLD.model_id;
                END
                """,
            ]
        case .postgresql:
            return table + [
                """
                CREATE FUNCTION model_size_changed() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF TG_OP <> 'INSERT' AND coalesce(OLD.size_bytes, 0) <> 0 THEN
                        UPDATE models SET size_bytes = size_bytes - OLD.size_bytes WHERE id = OLD.model_id;
                    END IF;
                    IF TG_OP <> 'DELETE' AND coalesce(NEW.size_bytes, 0) <> 0 THEN
                        UPDATE models SET size_bytes = size_bytes + NEW.size_bytes WHERE id = NEW.model_id;
                    END IF;
                    RETURN NULL;
                END $$
                """,
                """
                CREATE TRIGGER model_size_changed AFTER INSERT OR DELETE OR UPDATE OF size_bytes ON versions
                FOR EACH ROW EXECUTE FUNCTION model_size_changed()
                """,
            ]
        }
    }
}
