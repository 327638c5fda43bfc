import CatapultAPI
import SQLDatabase

/// The SQL of replicas.
enum ReplicaStore {
    private static let columns: SQLQuery = """
        id, number, generation, state, container_id, port, restarts, crashes, quick_exits, exit_code, error, next_start_at, counted_end,
        created_at,
        started_at, ready_at
        """

    static func list(of deploymentID: String, in connection: any SQLConnection) throws -> [ReplicaRecord] {
        try connection.fetchAll("SELECT \(columns) FROM replicas WHERE deployment_id = \(deploymentID) ORDER BY number, generation DESC") {
            row in
            var column = row.cursor()
            let (id, number, generation): (String, Int, Int) = (try column.next(), try column.next(), try column.next())
            var record = ReplicaRecord(id: id, number: number, generation: generation, createdAt: Timestamp(microseconds: 0))
            record.state = try column.next()
            record.containerID = try column.next()
            record.port = try column.next()
            record.restarts = try column.next()
            record.crashes = try column.next()
            record.quickExits = try column.next()
            record.exitCode = try column.next()
            record.error = try column.next()
            record.nextStartAt = try column.next()
            record.countedEnd = try column.next()
            record.createdAt = try column.next()
            record.startedAt = try column.next()
            record.readyAt = try column.next()
            return record
        }
    }

    /// Makes the rows what the controller has decided: changed ones are written, those that are gone are removed.
    static func save(
        _ records: [ReplicaRecord], replacing earlier: [ReplicaRecord], of deploymentID: String, in connection: any SQLConnection
    ) throws {
        let known = Dictionary(uniqueKeysWithValues: earlier.map { ($0.id, $0) })
        for record in records where known[record.id] != record {
            try connection.execute(
                """
                INSERT INTO replicas (deployment_id, \(columns))
                VALUES (\(deploymentID), \(record.id), \(record.number), \(record.generation), \(record.state), \(record.containerID),
                \(record.port),
                    \(record.restarts), \(record.crashes), \(record.quickExits), \(record.exitCode), \(record.error), \(record.nextStartAt),
                    \(record.countedEnd), \(record.createdAt), \(record.startedAt), \(record.readyAt))
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, container_id = excluded.container_id, port = excluded.port,
                    restarts = excluded.restarts, crashes = excluded.crashes, quick_exits = excluded.quick_exits,
                    exit_code = excluded.exit_code, error = excluded.error, next_start_at = excluded.next_start_at,
                    counted_end = excluded.counted_end, created_at = excluded.created_at, started_at = excluded.started_at,
                    ready_at = excluded.ready_at
                """)
        }
        let gone = Set(known.keys).subtracting(records.map(\.id))
        if !gone.isEmpty { try connection.execute("DELETE FROM replicas WHERE id IN \(list: gone.sorted())") }
    }

    /// Gives replicas that were given up another chance. To be followed by a wish, so that the controller looks.
    static func forgive(_ deploymentID: String, in connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE replicas SET state = 'stopped', error = NULL, exit_code = NULL, crashes = 0, quick_exits = 0, restarts = 0
            WHERE deployment_id = \(deploymentID) AND state = 'failed'
            """)
    }
}
