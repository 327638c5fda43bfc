/// What a database product supplies: SQLite or PostgreSQL. A closure gets a connection inside one transaction.
protocol DatabaseBackend: Sendable {
    var dialect: SQLDialect { get }
    func read<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T
    func write<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T
    /// A write that waits for its turn as long as it takes, and may run as long.
    func migrate<T: Sendable>(_ body: @Sendable (any SQLConnection) throws -> T) async throws -> T
    func checkpoint() async throws
    /// The notifications of a channel, of this process or of all on the database.
    func notifications(_ channel: String) -> DatabaseNotifications
    func close() async throws
}
