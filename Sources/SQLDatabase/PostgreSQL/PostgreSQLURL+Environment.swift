import Foundation

extension PostgreSQLURL {
    /// The variables by which PostgreSQL's own programs (pg_dump, pg_restore, psql) reach this database without an option. The password is
    /// among them; on a command line every user of the machine could read it.
    ///
    /// What the URL leaves out is not set here: it comes from the environment, as for the server.
    ///
    /// - Throws: ``DatabaseError/unsupported(_:)`` where libpq is missing, does not understand the URL, or has no variable for an option.
    public func environment() throws(DatabaseError) -> [String: String] {
        let library = try LibPQ.load()
        guard let options = library.parseConnectionInfo(text, nil) else { throw Self.notUnderstood }
        defer { library.freeConnectionInfo(options) }
        var variables: [String: String] = [:]
        var option = UnsafeRawPointer(options)
        while let keyword = Self.text(option, Field.keyword) {
            if let value = Self.text(option, Field.value) {
                if let variable = Self.text(option, Field.variable) {
                    variables[variable] = value
                } else if !Self.tuning.contains(keyword) {
                    throw .unsupported(
                        "PostgreSQL's programs take the option \(keyword) of the database URL from no variable; run pg_dump or pg_restore by hand"
                    )
                }
            }
            option += Field.stride
        }
        return variables
    }

    /// What libpq could not parse, in words that repeat nothing of it.
    static let notUnderstood = DatabaseError.unsupported(
        "libpq does not understand the database URL; it has the form postgresql://user@host:5432/database?sslmode=require")

    /// Options that only tune the connection: without them everything works as well.
    private static let tuning: Set<String> = [
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "fallback_application_name",
    ]

    /// Offsets in struct PQconninfoOption: char *keyword, *envvar, *compiled, *val, *label, *dispchar; int dispsize.
    private enum Field {
        static let keyword = 0
        static let variable = MemoryLayout<LibPQ.Text>.stride
        static let value = 3 * MemoryLayout<LibPQ.Text>.stride
        static let stride = 7 * MemoryLayout<LibPQ.Text>.stride
    }

    private static func text(_ option: UnsafeRawPointer, _ offset: Int) -> String? {
        option.load(fromByteOffset: offset, as: LibPQ.Text?.self).map { String(cString: $0) }
    }
}
