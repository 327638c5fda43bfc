import ArgumentParser
import CatapultAPI
import CatapultServer
import Foundation

extension CatapultServerCommand {
    /// `catapult-server backup`.
    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a backup of the database into one file, also while servers run.",
            discussion: """
                It holds all that the server knows: models, versions, keys, operations, deployments, the audit log. SQLite is copied by \
                SQLite's online backup, PostgreSQL by pg_dump, which must be installed. The file holds hashes of API keys: keep it private.

                It does not hold the bytes of models and artifacts, which lie beneath the storage root, nor admin.key. Copy the storage \
                root after the database, for example with rsync: bytes that the backup refers to stay for a day after the last reference \
                went (the grace time of the garbage collection), so that nothing is missing if the copy begins within that day. The other \
                way round, bytes that came in between would be missing.
                """
        )

        @OptionGroup var database: DatabaseOptions
        @OptionGroup var report: ReportOptions

        @Argument(help: "The file to write, which must not exist. (default: catapult-TIME.sqlite or .dump in this folder)")
        var file: String?

        func run() async throws {
            try await report.reporting("wrote") { try await database.backup().make(file) }
            if report.format == .text {
                ReportOptions.note("The bytes of models and artifacts are not in it: copy the storage root now, after this backup.")
            }
        }
    }

    /// `catapult-server restore`.
    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a backup back. No server may run on the database.",
            discussion: """
                SQLite: the backup is checked and takes the place of the database; what was there is kept beside it. PostgreSQL: the \
                backup goes, whole or not at all, into a database without tables; make one with createdb.

                Put the storage root back before the first start. Operations that were under way when the backup was made go on then.
                """
        )

        @OptionGroup var database: DatabaseOptions
        @OptionGroup var report: ReportOptions

        @Argument(help: "The file that a backup wrote.")
        var file: String

        func run() async throws {
            try await report.reporting("restored") { try await database.backup().restore(file) }
        }
    }
}

extension DatabaseOptions {
    fileprivate func backup() throws -> DatabaseBackup { try DatabaseBackup(dataDirectory: dataDir, databaseURL: url) }
}

/// How a backup or a restore says what it did.
struct ReportOptions: ParsableArguments {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text, json
    }

    @Option(help: "text or json.")
    var format = Format.text

    /// Runs the work and reports it on standard output; a failure goes to standard error, with an exit status as those of mcp.
    func reporting(_ verb: String, _ work: () async throws -> DatabaseBackup.Report) async throws {
        do {
            let report = try await work()
            switch format {
            case .json: print(Self.json(report).jsonText)
            case .text:
                print(
                    "\(verb) \(report.file) (\(ByteCount.text(report.sizeBytes)), \(report.database), schema version \(report.schemaVersion))"
                )
                if let previous = report.previous { print("the database that was there is kept as \(previous)") }
            }
        } catch let failure as BackupFailure {
            switch format {
            case .json:
                var members: [String: JSONValue] = [
                    "detail": .string(failure.description), "exit_code": .int(Int64(failure.meaning.exitStatus)),
                ]
                if let hint = failure.hint { members["hint"] = .string(hint) }
                Self.note(JSONValue.object(members).jsonText)
            case .text:
                Self.note("error: \(failure.description)")
                if let hint = failure.hint { Self.note("hint: \(hint)") }
            }
            throw ExitCode(failure.meaning.exitStatus)
        }
    }

    static func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

    private static func json(_ report: DatabaseBackup.Report) -> JSONValue {
        .object([
            "database": .string(report.database), "file": .string(report.file), "size_bytes": .int(report.sizeBytes),
            "schema_version": .int(Int64(report.schemaVersion)), "previous": report.previous.map { .string($0) } ?? .null,
        ])
    }
}

extension BackupFailure.Meaning {
    /// As `mcp help exit-codes` has them.
    fileprivate var exitStatus: Int32 {
        switch self {
        case .failure: 1
        case .notFound: 3
        case .conflict: 4
        case .unavailable: 6
        }
    }
}
