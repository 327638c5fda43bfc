import ArgumentParser

/// Which database is meant: that of a server with the same options and variables.
struct DatabaseOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Folder for database, admin key and logs. [CATAPULT_DATA_DIR]", valueName: "path"))
    var dataDir = Setting.text("CATAPULT_DATA_DIR") ?? "./catapult-data"

    @Option(
        help: ArgumentHelp(
            """
            Database: sqlite:///path, or postgresql://user@host:5432/database with the password in PGPASSWORD or PGPASSFILE. \
            [DATABASE_URL] (default: catapult.sqlite in the data directory)
            """, valueName: "url"))
    var databaseURL: String?

    /// The URL of option or variable; nil means the file in the data directory.
    var url: String? { databaseURL ?? Setting.text("DATABASE_URL") }
}
