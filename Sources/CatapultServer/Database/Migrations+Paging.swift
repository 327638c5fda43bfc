import SQLDatabase

extension Migrations {
    /// What lists need to stay fast with a million rows.
    static let paging = Migration(number: 6, name: "paging", statements: [])
}
