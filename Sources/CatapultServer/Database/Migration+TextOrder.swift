import SQLDatabase

extension Migration {
    /// The migration with every column of text sorted by its bytes on PostgreSQL too, whatever the language of the database: names and ids
    /// then come in the same order from both databases, and ranges of names use the index.
    var sortingTextByBytes: Migration {
        Migration(number: number, name: name) { dialect in
            statements(for: dialect).map { dialect == .postgresql ? Self.sortingTextByBytes($0) : $0 }
        }
    }

    private static func sortingTextByBytes(_ statement: String) -> String {
        guard statement.hasPrefix("CREATE TABLE") || statement.hasPrefix("ALTER TABLE") else { return statement }
        return statement.replacing(" TEXT", with: " TEXT COLLATE \"C\"")
    }
}
