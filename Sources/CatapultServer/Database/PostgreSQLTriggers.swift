import SQLDatabase

extension Migrations {
    /// What a trigger follows.
    enum TriggerEvent: String {
        case insert = "INSERT"
        case delete = "DELETE"
        case update = "UPDATE"

        /// The names of the tables that hold the rows before and after.
        fileprivate var tables: String {
            switch self {
            case .insert: "NEW TABLE AS added"
            case .delete: "OLD TABLE AS removed"
            case .update: "OLD TABLE AS removed NEW TABLE AS added"
            }
        }
    }

    /// A trigger of PostgreSQL that runs once for each statement. Its steps see the rows as tables `added` and `removed`.
    static func statementTrigger(_ name: String, on table: String, _ event: TriggerEvent, _ steps: String) -> [String] {
        [
            "CREATE FUNCTION \(name)() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \(steps) RETURN NULL; END $$",
            """
            CREATE TRIGGER \(name) AFTER \(event.rawValue) ON \(table) REFERENCING \(event.tables)
                FOR EACH STATEMENT EXECUTE FUNCTION \(name)()
            """,
        ]
    }
}
