import CatapultAPI
import Foundation
import SQLDatabase

/// Backup and restore of a server's database, on the machine where the server runs, whether or not it runs.
///
/// A backup is one file: a copy of the SQLite database, or pg_dump's archive of the PostgreSQL database. It holds what the server knows,
/// and none of the bytes beneath the storage root.
public struct DatabaseBackup: Sendable {
    /// What was written or read.
    public struct Report: Sendable, Equatable {
        /// `sqlite` or `postgresql`.
        public var database: String
        /// Absolute path of the backup.
        public var file: String
        /// Size of the backup.
        public var sizeBytes: Int64
        /// The number of the last migration in it.
        public var schemaVersion: Int
        /// Where a restore put the database that was there before; nil if there was none.
        public var previous: String?
    }

    private let location: Database.Configuration.Location
    /// The data directory, if the database is in it.
    private let dataDirectory: String?
    /// The time of day, which names files.
    private let now: Date

    /// Says which database is meant, as a server is told.
    ///
    /// - Throws: ``BackupFailure`` where the URL is not understood.
    public init(dataDirectory: String, databaseURL: String?, now: Date = Date()) throws {
        self.dataDirectory = databaseURL == nil ? dataDirectory : nil
        do {
            location =
                try databaseURL.map { try Database.Configuration(url: $0).location }
                ?? .sqlite(path: "\(DataDirectory.absolute(dataDirectory))/catapult.sqlite")
        } catch let error as DatabaseError {
            throw BackupFailure(.failure, "\(error)")
        }
        self.now = now
    }

    /// Writes a backup into a new file that its owner alone may read. Writes of a running server go on meanwhile; the backup is what was
    /// committed when it began.
    ///
    /// - Parameter file: the file; nil for `catapult-TIME.sqlite` or `catapult-TIME.dump` in the working folder.
    /// - Throws: ``BackupFailure``; then there is no file.
    public func make(_ file: String?) async throws -> Report {
        let name =
            switch location {
            case .sqlite: "catapult-\(stamp).sqlite"
            case .postgresql: "catapult-\(stamp).dump"
            }
        let path = DataDirectory.absolute(file ?? name)
        let version = try await NewFile.write(path) { staged in
            switch location {
            case .sqlite(let source):
                do {
                    return try await SQLiteBackup.copy(source, to: staged)
                } catch let error as DatabaseError {
                    throw Self.failure(error, hint: "Name the server's --data-dir or --database-url.")
                }
            case .postgresql(let url): return try await PostgreSQLDump(url).dump(to: staged)
            }
        }
        return Report(database: kind, file: path, sizeBytes: try Self.size(path), schemaVersion: version)
    }

    /// Puts a backup back. SQLite: in the place of the database, which is kept under another name; no server may have it open. PostgreSQL:
    /// into a database without tables.
    ///
    /// - Throws: ``BackupFailure``; then the database is as it was.
    public func restore(_ file: String) async throws -> Report {
        let path = DataDirectory.absolute(file)
        let found = try await BlockingCall.run { try BackupFormat(of: path) }
        var report = Report(database: kind, file: path, sizeBytes: try Self.size(path), schemaVersion: 0)
        switch (location, found) {
        case (.sqlite(let target), .sqlite):
            do {
                let (stamp, dataDirectory) = (stamp, dataDirectory)
                let outcome = try await BlockingCall.run {
                    // On a new machine there is none.
                    if let dataDirectory { _ = try DataDirectory(path: dataDirectory) }
                    return try SQLiteRestore.restore(from: path, to: target, migrations: Migrations.all, stamp: stamp)
                }
                report.schemaVersion = outcome.schemaVersion
                report.previous = outcome.previousPath
            } catch let error as DatabaseError {
                throw Self.failure(error, hint: nil)
            } catch let error as StartupError {
                throw BackupFailure(.failure, error.description)
            }
        case (.postgresql(let url), .postgresql):
            report.schemaVersion = try await PostgreSQLDump(url).restore(from: path, migrations: Migrations.all)
        case (.sqlite, .postgresql), (.postgresql, .sqlite):
            throw BackupFailure(
                .conflict, "\(path) is a backup of a \(found.name) database, and the database to restore is \(kind)",
                hint: "Name the other database with --database-url. A backup does not lead from one kind to the other.")
        }
        return report
    }

    private var kind: String {
        switch location {
        case .sqlite: "sqlite"
        case .postgresql: "postgresql"
        }
    }

    /// `20261121T154500Z`.
    private var stamp: String {
        now.formatted(.iso8601.dateSeparator(.omitted).timeSeparator(.omitted))
    }

    private static func size(_ path: String) throws -> Int64 {
        (try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value ?? 0
    }

    /// What a failure of SQLite means here.
    private static func failure(_ error: DatabaseError, hint: String?) -> BackupFailure {
        switch error {
        case .alreadyInUse: BackupFailure(.conflict, "\(error)", hint: "A backup needs no stop; only a restore does.")
        case .migration(.databaseIsNewer(let backup, let program)):
            BackupFailure(
                .conflict, "the backup has schema version \(backup), this program knows versions up to \(program)",
                hint: "Restore it with the release that made it, or a later one.")
        case .migration: BackupFailure(.conflict, "the backup does not come from a release of Catapult: \(error)")
        case .corrupt: BackupFailure(.conflict, "the backup cannot be used: \(error)", hint: "Take another backup; nothing was changed.")
        case .cannotOpen(let path, let message) where !FileManager.default.fileExists(atPath: path):
            BackupFailure(.notFound, "there is no database at \(path): \(message)", hint: hint)
        case .diskFull: BackupFailure(.unavailable, "\(error)", hint: "Make room, or name a file on another disk; then try again.")
        default: BackupFailure(.failure, "\(error)")
        }
    }
}

/// What kind of database a backup is of, told by its first bytes.
enum BackupFormat {
    case sqlite, postgresql

    var name: String { self == .sqlite ? "SQLite" : "PostgreSQL" }

    /// Throws ``BackupFailure`` for whatever is no backup.
    init(of path: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw BackupFailure(.notFound, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { try? file.close() }
        let head = (try? file.read(upToCount: 16)) ?? Data()
        if head.elementsEqual(Array("SQLite format 3\0".utf8)) {
            self = .sqlite
        } else if head.starts(with: Array("PGDMP".utf8)) {
            self = .postgresql
        } else {
            throw BackupFailure(
                .conflict, "\(path) is no backup: it is neither an SQLite database nor an archive of pg_dump --format=custom",
                hint: "`catapult-server backup` makes one.")
        }
    }
}
