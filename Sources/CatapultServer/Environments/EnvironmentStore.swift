import CatapultAPI
import SQLDatabase

/// The SQL of environments.
enum EnvironmentStore {
    private static let columns: SQLQuery = "id, name, type, cpu, memory, gpu, description, implied, created_at, updated_at"

    private static func environment(_ row: SQLRow) throws -> Environment {
        var column = row.cursor()
        return Environment(
            id: try column.next(), name: try column.next(), type: try column.next(),
            resources: ResourceRequest(cpu: try column.next(), memory: try column.next(), gpu: try column.next()),
            description: try column.next(),
            implied: try column.next(), createdAt: try column.next(), updatedAt: try column.next())
    }

    static func insert(_ environment: Environment, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            INSERT INTO environments (\(columns)) VALUES (\(environment.id), \(environment.name), \(environment.type), \(environment.resources.cpu),
                \(environment.resources.memory), \(environment.resources.gpu), \(environment.description), \(environment.implied),
                \(environment.createdAt), \(environment.updatedAt))
            """)
    }

    static func update(_ environment: Environment, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE environments SET type = \(environment.type), cpu = \(environment.resources.cpu), memory = \(environment.resources.memory),
                gpu = \(environment.resources.gpu), description = \(environment.description), implied = \(environment.implied),
                updated_at = \(environment.updatedAt)
            WHERE id = \(environment.id)
            """)
    }

    static func delete(_ id: String, in connection: any SQLConnection) throws {
        try connection.execute("DELETE FROM environments WHERE id = \(id)")
    }

    static func find(_ idOrName: String, in connection: any SQLConnection) throws -> Environment? {
        try connection.fetchFirst("SELECT \(columns) FROM environments WHERE name = \(idOrName) OR id = \(idOrName)", environment)
    }

    /// The environment with an id or a name that lies inside of the scope; 404 with the names there are otherwise.
    static func resolve(_ idOrName: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Environment {
        if let environment = try find(idOrName, in: connection), scope.includes(environment: environment.name) { return environment }
        let inScope = scope.environments("name", in: connection.dialect) ?? "TRUE"
        let names = try connection.fetchColumn("SELECT name FROM environments WHERE \(inScope) ORDER BY name LIMIT 3", as: String.self)
        throw CatapultError.notFound(.environment, idOrName, candidates: names)
    }

    /// The environment with a name. One that was never created is implied with defaults: earlier clients send free names.
    /// - Throws: 403 where it lies outside of the scope.
    static func resolveOrImply(_ name: String, for scope: KeyScope, in connection: any SQLConnection) throws -> Environment {
        try scope.require(environment: name)
        if let environment = try find(name, in: connection) { return environment }
        let now = Timestamp.now
        let environment = Environment(
            id: Identifier.make(), name: name, type: .cpu, resources: ResourceRequest(), description: nil, implied: true, createdAt: now,
            updatedAt: now)
        try insert(environment, in: connection)
        return environment
    }

    static func list(_ call: ListEnvironments, for scope: KeyScope, in connection: any SQLConnection) throws -> Page<Environment> {
        let window = try PageWindow(call)
        let inScope = scope.environments("name", in: connection.dialect) ?? "TRUE"
        let total = try RowTotal.counting("SELECT 1 FROM environments WHERE \(inScope)", in: connection)
        let query = window.query("SELECT \(columns) FROM environments", from: "environments", order: .byName("name"), where: [inScope])
        return try window.page(connection.fetchAll(query, environment), total: total) { .name($0.name) }
    }
}
