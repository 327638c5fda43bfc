/// The migrations that a database, or a copy of one, says were applied to it.
public struct SchemaHistory: Sendable, Equatable {
    /// What is remembered of an applied migration.
    public struct Record: Sendable, Equatable {
        /// The position in the sequence 1, 2, 3, …
        public var number: Int
        /// The sum of its text (``Migration``).
        public var checksum: String

        /// What is remembered of an applied migration.
        public init(number: Int, checksum: String) {
            self.number = number
            self.checksum = checksum
        }
    }

    /// In the order of their numbers.
    public var records: [Record]

    /// A history, in whatever order its records come.
    public init(_ records: [Record]) {
        self.records = records.sorted { $0.number < $1.number }
    }

    /// The number of the last migration; 0 if there is none.
    public var version: Int { records.last?.number ?? 0 }

    /// The migrations that are still to be applied, in order.
    ///
    /// Throws ``DatabaseError/migration(_:)`` where the history is not one of this program: it is newer, has gaps, or an applied migration
    /// had another text.
    public func pending(of migrations: [Migration], for dialect: SQLDialect) throws(DatabaseError) -> [Migration] {
        for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
            throw .migration(.numbering(expected: index + 1, found: migration.number))
        }
        if version > migrations.count { throw .migration(.databaseIsNewer(database: version, program: migrations.count)) }
        for (index, record) in records.enumerated() {
            guard record.number == index + 1 else { throw .migration(.gapInHistory(missing: index + 1)) }
            let migration = migrations[index]
            guard record.checksum == migration.checksum(for: dialect) else {
                throw .migration(.changed(number: migration.number, name: migration.name))
            }
        }
        return Array(migrations.dropFirst(records.count))
    }
}
