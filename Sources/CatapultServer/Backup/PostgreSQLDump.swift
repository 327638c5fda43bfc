import Foundation
import SQLDatabase

/// Dump and restore of a PostgreSQL database by PostgreSQL's own programs, which know all versions of the server and its catalogue.
///
/// The archive is pg_dump's custom format: compressed, one snapshot whatever is written meanwhile, and it names neither owners nor
/// privileges, so that it can be restored under another role.
struct PostgreSQLDump: Sendable {
    private let url: PostgreSQLURL
    private let programs: PostgreSQLPrograms

    /// Throws ``BackupFailure`` where the URL cannot be handed to the programs.
    init(_ url: PostgreSQLURL) throws {
        self.url = url
        do {
            programs = PostgreSQLPrograms(environment: try url.environment())
        } catch {
            throw BackupFailure(.unavailable, "\(error)")
        }
    }

    /// Writes an archive into a new file that its owner alone may read.
    ///
    /// - Returns: the number of the last migration in it.
    func dump(to path: String) async throws -> Int {
        try Self.createForOwner(path)
        try await programs.run(
            "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", "--no-password", "--file=\(path)"],
            byHand: "pg_dump --format=custom --no-owner --no-privileges --file=FILE --dbname=\(url.location)")
        let history = try await history(of: path)
        guard history.version > 0 else {
            throw BackupFailure(
                .notFound, "\(url.location) is no database of Catapult: it has no table schema_migrations", hint: "Check --database-url.")
        }
        return history.version
    }

    /// Puts an archive into a database without tables, whole or not at all.
    ///
    /// A database with tables is refused rather than emptied: what is in it may be all there is, and a second database costs nothing. That
    /// also keeps a restore away from a database on which servers run.
    ///
    /// - Returns: the number of the last migration in it.
    func restore(from path: String, migrations: [Migration]) async throws -> Int {
        let history = try await history(of: path)
        do {
            _ = try history.pending(of: migrations, for: .postgresql)
        } catch DatabaseError.migration(.databaseIsNewer(let backup, let program)) {
            throw BackupFailure(
                .conflict, "the backup has schema version \(backup), this program knows versions up to \(program)",
                hint: "Restore it with the release that made it, or a later one.")
        } catch {
            throw BackupFailure(.conflict, "the backup does not come from a release of Catapult: \(error)")
        }
        guard history.version > 0 else {
            throw BackupFailure(.conflict, "the backup has no table schema_migrations: it is not one of Catapult")
        }
        guard try await query(Self.countTables) == "0" else {
            throw BackupFailure(
                .conflict, "the database \(url.location) has tables already, and a restore replaces nothing",
                hint: "Make a new one with createdb, restore into it, and start the servers with its --database-url.")
        }
        // Without --dbname pg_restore would write a script; an empty name leaves the choice to the variables.
        try await programs.run(
            "pg_restore", ["--dbname=", "--no-owner", "--no-privileges", "--no-password", "--exit-on-error", "--single-transaction", path],
            byHand: "pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname=\(url.location) FILE")
        // An archive has no statistics, without which the first queries would read whole tables.
        _ = try await query("ANALYZE")
        return history.version
    }

    private static let countTables = """
        SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        """

    private func query(_ sql: String) async throws -> String {
        try await programs.run(
            "psql", ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password", "--command=\(sql)"],
            byHand: "psql --dbname=\(url.location)"
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The migrations that an archive says were applied, read from the archive alone.
    private func history(of path: String) async throws -> SchemaHistory {
        let script = try await programs.run(
            "pg_restore", ["--data-only", "--table=schema_migrations", "--file=-", path],
            byHand: "pg_restore --data-only --table=schema_migrations --file=- FILE")
        return Self.history(inScript: script)
    }

    /// The rows of `COPY … schema_migrations (number, name, checksum, applied_at) FROM stdin;`, parted by tabs, up to `\.`
    /// (https://www.postgresql.org/docs/15/sql-copy.html, "Text Format"). Numbers and sums have no characters that would be escaped.
    static func history(inScript script: String) -> SchemaHistory {
        var columns: [Substring]?
        var records: [SchemaHistory.Record] = []
        for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
            guard let names = columns else {
                if line.hasPrefix("COPY "), line.contains("schema_migrations"), let open = line.firstIndex(of: "("),
                    let close = line[open...].firstIndex(of: ")")
                {
                    columns = line[line.index(after: open)..<close].split(separator: ",").map {
                        $0.drop { $0 == " " }
                    }
                }
                continue
            }
            if line == "\\." { break }
            let values = Dictionary(
                zip(names, line.split(separator: "\t", omittingEmptySubsequences: false)), uniquingKeysWith: { first, _ in first })
            if let number = values["number"].flatMap({ Int($0) }), let checksum = values["checksum"] {
                records.append(.init(number: number, checksum: String(checksum)))
            }
        }
        return SchemaHistory(records)
    }

    /// pg_dump would make the file readable for everybody.
    private static func createForOwner(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw BackupFailure(.failure, "cannot make the file \(path): \(String(cString: strerror(errno)))")
        }
        close(descriptor)
    }
}
