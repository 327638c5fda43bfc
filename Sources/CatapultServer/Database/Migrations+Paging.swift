import SQLDatabase

extension Migrations {
    /// What lists need to stay fast with a million rows: an index for each order and filter, numbers that triggers keep, and a way to find
    /// parts of names. And what several servers on one database need to know of each other.
    static let paging = Migration(number: 6, name: "paging") { dialect in
        modelIndexes + versionIndexes + workIndexes + counts + countTriggers(dialect) + environmentTriggers(dialect) + nameSearch(dialect)
            + servers + (dialect == .sqlite ? versionStatistics : [])
    }

    private static let modelIndexes = [
        "CREATE INDEX models_present ON models (created_at DESC, id DESC) WHERE source <> 'orphaned'",
        "CREATE INDEX models_by_source ON models (source, created_at DESC, id DESC)",
        "CREATE INDEX models_by_type ON models (server_type, created_at DESC, id DESC)",
        "CREATE INDEX models_present_by_type ON models (server_type, created_at DESC, id DESC) WHERE source <> 'orphaned'",
        "CREATE INDEX models_by_source_and_type ON models (source, server_type, created_at DESC, id DESC)",
    ]

    private static let versionIndexes = [
        "CREATE INDEX versions_by_version ON versions (version, created_at DESC, id DESC)",
        "CREATE INDEX versions_by_version_and_status ON versions (version, status, created_at DESC, id DESC)",
        "CREATE INDEX versions_by_status ON versions (status, created_at DESC, id DESC)",
        "CREATE INDEX versions_by_release ON versions (is_release, created_at DESC, id DESC)",
        "CREATE INDEX versions_by_release_and_status ON versions (is_release, status, created_at DESC, id DESC)",
        "CREATE INDEX releases_of_model ON versions (model_id, created_at DESC, id DESC) WHERE is_release = TRUE",
    ]

    /// What SQLite shall think of the indexes of versions: rows, and rows to each value of the columns before it. It gathers nothing by itself,
    /// and would take all indexes for equally good: with a million versions "1.0 of this model" read all versions that are called 1.0.
    private static let versionStatistics =
        ["ANALYZE sqlite_schema"]
        + [
            ("sqlite_autoindex_versions_1", "1000000 1"), ("versions_by_name", "1000000 10 2 1"), ("versions_by_age", "1000000 1 1"),
            ("versions_of_model", "1000000 10 1 1"), ("versions_by_version", "1000000 1000 1 1"),
            ("versions_by_version_and_status", "1000000 1000 250 1 1"),
            ("versions_by_status", "1000000 250000 1 1"), ("versions_by_release", "1000000 500000 1 1"),
            ("versions_by_release_and_status", "1000000 500000 125000 1 1"), ("releases_of_model", "500000 5 1 1"),
        ].map { "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('versions', '\($0)', '\($1)')" }

    private static let workIndexes = [
        "CREATE INDEX builds_by_status ON builds (status, created_at DESC, id DESC)",
        "DROP INDEX deployments_of_version",
        "CREATE INDEX deployments_of_version ON deployments (version_id, deployed_at DESC, id DESC)",
        "DROP INDEX deployments_in_environment",
        "CREATE INDEX deployments_in_environment ON deployments (environment, deployed_at DESC, id DESC)",
        "CREATE INDEX deployments_by_status ON deployments (status, deployed_at DESC, id DESC)",
        "CREATE INDEX operations_by_kind ON operations (kind, created_at DESC, id DESC)",
        // The queue: what is over, which is nearly everything, is not in it.
        "DROP INDEX operations_open",
        "CREATE INDEX operations_queue ON operations (kind, created_at) WHERE state IN ('pending', 'running')",
        "CREATE INDEX operations_by_state ON operations (state, created_at DESC, id DESC)",
        "DROP INDEX operations_of_subject",
        "CREATE INDEX operations_of_subject ON operations (subject_id, created_at DESC, id DESC)",
    ]

    /// Numbers of rows by what lists filter by, and the versions of each environment in the order of the list.
    private static let counts = [
        "CREATE TABLE model_counts (source TEXT NOT NULL, server_type TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (source, server_type))",
        "INSERT INTO model_counts (source, server_type, n) SELECT source, coalesce(server_type, ''), count(*) FROM models GROUP BY 1, 2",
        "CREATE TABLE version_counts (is_release BOOLEAN NOT NULL, status TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (is_release, status))",
        "INSERT INTO version_counts (is_release, status, n) SELECT is_release, status, count(*) FROM versions GROUP BY 1, 2",
        """
        INSERT INTO counters (name, n) SELECT 'deployments', count(*) FROM deployments UNION ALL SELECT 'builds', count(*) FROM builds
            UNION ALL SELECT 'operations', count(*) FROM operations
        """,
        """
        CREATE TABLE version_environments (
            environment TEXT NOT NULL, version_id TEXT NOT NULL REFERENCES versions (id) ON DELETE CASCADE, model_id TEXT NOT NULL,
            created_at BIGINT NOT NULL, deployments BIGINT NOT NULL, PRIMARY KEY (environment, version_id))
        """,
        "CREATE INDEX version_environments_by_age ON version_environments (environment, created_at DESC, version_id DESC)",
        "CREATE INDEX version_environments_of_model ON version_environments (environment, model_id, created_at DESC, version_id DESC)",
        "CREATE INDEX version_environments_of_version ON version_environments (version_id)",
        """
        INSERT INTO version_environments (environment, version_id, model_id, created_at, deployments)
        SELECT d.environment, v.id, v.model_id, v.created_at, count(*) FROM deployments d JOIN versions v ON v.id = d.version_id
        GROUP BY d.environment, v.id, v.model_id, v.created_at
        """,
    ]

    // MARK: Numbers of rows

    private static func countTriggers(_ dialect: SQLDialect) -> [String] {
        switch dialect {
        case .sqlite:
            sqliteCounts("models", "model_counts", key: ["source", "server_type"], values: ["source", "coalesce(#.server_type, '')"])
                + sqliteCounts("versions", "version_counts", key: ["is_release", "status"], values: ["is_release", "status"])
                + ["deployments", "builds", "operations"].flatMap(sqliteCounter)
        case .postgresql:
            postgreSQLCounts("models", "model_counts", key: ["source", "server_type"], values: ["source", "coalesce(server_type, '')"])
                + postgreSQLCounts("versions", "version_counts", key: ["is_release", "status"], values: ["is_release", "status"])
                + ["deployments", "builds", "operations"].flatMap(postgreSQLCounter)
        }
    }

    private static func sqliteCounts(_ table: String, _ counts: String, key: [String], values: [String]) -> [String] {
        func row(_ name: String) -> [String] { values.map { $0.contains("#") ? $0.replacing("#", with: name) : "\(name).\($0)" } }
        let add = """
            INSERT INTO \(counts) (\(key.joined(separator: ", ")), n) VALUES (\(row("NEW").joined(separator: ", ")), 1)
                ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET n = \(counts).n + 1;
            """
        let subtract = """
            UPDATE \(counts) SET n = n - 1 WHERE \(zip(key, row("OLD")).map { "\($0) = \($1)" }.joined(separator: " AND "));
            """
        return [
            "CREATE TRIGGER \(counts)_insert AFTER INSERT ON \(table) BEGIN \(add) END",
            "CREATE TRIGGER \(counts)_delete AFTER DELETE ON \(table) BEGIN \(subtract) END",
            "CREATE TRIGGER \(counts)_update AFTER UPDATE OF \(key.joined(separator: ", ")) ON \(table) BEGIN \(subtract) \(add) END",
        ]
    }

    private static func sqliteCounter(_ table: String) -> [String] {
        [
            "CREATE TRIGGER \(table)_counted AFTER INSERT ON \(table) BEGIN UPDATE counters SET n = n + 1 WHERE name = '\(table)'; END",
            "CREATE TRIGGER \(table)_discounted AFTER DELETE ON \(table) BEGIN UPDATE counters SET n = n - 1 WHERE name = '\(table)'; END",
        ]
    }

    /// One step for a statement and not for a row, so that adding many rows at once changes a number once.
    private static func postgreSQLCounts(_ table: String, _ counts: String, key: [String], values: [String]) -> [String] {
        let keys = key.joined(separator: ", ")
        let columns = values.joined(separator: ", ")
        func change(_ rows: String, by sign: String) -> String {
            """
            INSERT INTO \(counts) (\(keys), n) SELECT \(columns), \(sign) count(*) FROM \(rows) GROUP BY 1, 2
                ON CONFLICT (\(keys)) DO UPDATE SET n = \(counts).n + excluded.n;
            """
        }
        // Most updates change nothing that is counted. They must not touch these few rows: what one transaction leaves behind of a row is
        // read again at its next update, so that many updates would cost their square.
        let moved = """
            INSERT INTO \(counts) (\(keys), n)
                SELECT \(keys), sum(step) FROM (
                    SELECT \(zip(values, key).map { "\($0) AS \($1)" }.joined(separator: ", ")), 1 AS step FROM added
                    UNION ALL SELECT \(columns), -1 FROM removed
                ) steps GROUP BY \(keys) HAVING sum(step) <> 0
                ON CONFLICT (\(keys)) DO UPDATE SET n = \(counts).n + excluded.n;
            """
        return statementTrigger("\(counts)_insert", on: table, .insert, change("added", by: ""))
            + statementTrigger("\(counts)_delete", on: table, .delete, change("removed", by: "-"))
            + statementTrigger("\(counts)_update", on: table, .update, moved)
    }

    private static func postgreSQLCounter(_ table: String) -> [String] {
        func change(_ rows: String, _ sign: String) -> String {
            "UPDATE counters SET n = n \(sign) (SELECT count(*) FROM \(rows)) WHERE name = '\(table)';"
        }
        return statementTrigger("\(table)_counted", on: table, .insert, change("added", "+"))
            + statementTrigger("\(table)_discounted", on: table, .delete, change("removed", "-"))
    }

    // MARK: Versions of an environment

    private static func environmentTriggers(_ dialect: SQLDialect) -> [String] {
        func add(_ row: String) -> String {
            """
            INSERT INTO version_environments (environment, version_id, model_id, created_at, deployments)
                SELECT \(row).environment, v.id, v.model_id, v.created_at, 1 FROM versions v WHERE v.id = \(row).version_id
                ON CONFLICT (environment, version_id) DO UPDATE SET deployments = version_environments.deployments + 1;
            """
        }
        func subtract(_ row: String) -> String {
            """
            UPDATE version_environments SET deployments = deployments - 1
                WHERE environment = \(row).environment AND version_id = \(row).version_id;
            DELETE FROM version_environments
                WHERE environment = \(row).environment AND version_id = \(row).version_id AND deployments <= 0;
            """
        }
        let events = [
            ("added", "INSERT", add("NEW")), ("removed", "DELETE", subtract("OLD")),
            ("moved", "UPDATE OF environment, version_id", subtract("OLD") + add("NEW")),
        ]
        return events.flatMap { name, event, steps in
            switch dialect {
            case .sqlite: ["CREATE TRIGGER deployments_\(name)_in_environment AFTER \(event) ON deployments BEGIN \(steps) END"]
            case .postgresql:
                [
                    """
                    CREATE FUNCTION deployments_\(name)_in_environment() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN \(steps) RETURN NULL; END $$
                    """,
                    """
                    CREATE TRIGGER deployments_\(name)_in_environment AFTER \(event) ON deployments
                        FOR EACH ROW EXECUTE FUNCTION deployments_\(name)_in_environment()
                    """,
                ]
            }
        }
    }

    // MARK: Parts of names

    /// See `ModelSearch`.
    private static func nameSearch(_ dialect: SQLDialect) -> [String] {
        switch dialect {
        case .sqlite:
            [
                "ALTER TABLE models ADD COLUMN searched TEXT AS (lower(name) || char(31) || lower(coalesce(repository, ''))) VIRTUAL",
                // Numbers of its own: those that SQLite gives the rows of models may change when the file is vacuumed.
                """
                CREATE TABLE model_names (
                    number INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE REFERENCES models (id) ON DELETE CASCADE, searched TEXT NOT NULL)
                """,
                """
                CREATE VIRTUAL TABLE model_trigrams USING fts5 (searched, content = 'model_names', content_rowid = 'number',
                    tokenize = 'trigram')
                """,
                """
                CREATE TRIGGER model_names_inserted AFTER INSERT ON model_names BEGIN
                    INSERT INTO model_trigrams (rowid, searched) VALUES (NEW.number, NEW.searched);
                END
                """,
                """
                CREATE TRIGGER model_names_deleted AFTER DELETE ON model_names BEGIN
                    INSERT INTO model_trigrams (model_trigrams, rowid, searched) VALUES ('delete', OLD.number, OLD.searched);
                END
                """,
                """
                CREATE TRIGGER model_names_updated AFTER UPDATE ON model_names BEGIN
                    INSERT INTO model_trigrams (model_trigrams, rowid, searched) VALUES ('delete', OLD.number, OLD.searched);
                    INSERT INTO model_trigrams (rowid, searched) VALUES (NEW.number, NEW.searched);
                END
                """,
                """
                CREATE TRIGGER models_named AFTER INSERT ON models BEGIN
                    INSERT INTO model_names (model_id, searched)
                        VALUES (NEW.id, lower(NEW.name) || char(31) || lower(coalesce(NEW.repository, '')));
                END
                """,
                """
                CREATE TRIGGER models_renamed AFTER UPDATE OF name, repository ON models BEGIN
                    UPDATE model_names SET searched = lower(NEW.name) || char(31) || lower(coalesce(NEW.repository, ''))
                        WHERE model_id = NEW.id;
                END
                """,
                "INSERT INTO model_names (model_id, searched) SELECT id, searched FROM models",
            ]
        case .postgresql:
            [
                "CREATE EXTENSION IF NOT EXISTS pg_trgm",
                // Sorted by bytes, `lower` changes A to Z alone, as SQLite's does.
                """
                ALTER TABLE models ADD COLUMN searched TEXT
                    GENERATED ALWAYS AS (lower(name) || chr(31) || lower(coalesce(repository, ''))) STORED
                """,
                "CREATE INDEX models_searched ON models USING gin (searched gin_trgm_ops) WITH (fastupdate = off)",
            ]
        }
    }

    // MARK: Several servers

    private static let servers = [
        // Who may do what only one may do. The term grows with each holder, so that an earlier one can be told.
        "CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, term BIGINT NOT NULL, expires_at BIGINT NOT NULL)",
        """
        CREATE TABLE servers (
            id TEXT PRIMARY KEY, url TEXT NOT NULL, software_version TEXT NOT NULL, started_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)
        """,
        // What all servers on the database must agree on.
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        // The end of each log that is written on another server than the one that is asked for it.
        """
        CREATE TABLE operation_logs (
            operation_id TEXT PRIMARY KEY REFERENCES operations (id) ON DELETE CASCADE, size_bytes BIGINT NOT NULL, text TEXT NOT NULL,
            updated_at BIGINT NOT NULL)
        """,
    ]
}
