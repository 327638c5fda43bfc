import Foundation

extension Database {
    /// Where a database is and how to open it.
    public struct Configuration: Sendable, Equatable {
        /// Where a database is.
        public enum Location: Sendable, Equatable {
            /// A file that this process alone has open. It is created if it is not there; its directory must exist.
            case sqlite(path: String)
            /// A database of a PostgreSQL server, which several programs may share. It must exist.
            case postgresql(PostgreSQLURL)
        }

        /// Where the database is.
        public var location: Location
        /// How many reads run at once; further ones wait.
        public var maximumReaders: Int
        /// How long a statement waits for a lock that another program holds before it fails with ``DatabaseError/busy``. On PostgreSQL
        /// a program that holds the write lock and does nothing for four fifths of this time loses its transaction.
        public var busyTimeout: Duration
        /// The name in the labels of the database's threads.
        public var label: String

        /// Describes a database.
        public init(location: Location, maximumReaders: Int = 4, busyTimeout: Duration = .seconds(5), label: String = "catapult.database") {
            self.location = location
            self.maximumReaders = maximumReaders
            self.busyTimeout = busyTimeout
            self.label = label
        }

        /// Reads a database URL: `sqlite:///absolute/path`, `sqlite:relative/path`; special characters percent-encoded.
        /// `postgresql://user:password@host:5432/database?sslmode=require` (or `postgres://`) with the options of libpq; a socket's directory
        /// is `postgresql:///database?host=/run/postgresql`. What it leaves out comes from libpq's variables: PGPASSWORD, PGPASSFILE and others.
        ///
        /// Throws ``DatabaseError/unsupported(_:)`` for everything else. The URL is not repeated in the error, since it may hold a password.
        public init(url: String) throws {
            guard let colon = url.firstIndex(of: ":") else {
                throw DatabaseError.unsupported(
                    "a database URL begins with its scheme, as in sqlite:///var/lib/catapult/catapult.sqlite or postgresql://host/catapult")
            }
            switch url[..<colon].lowercased() {
            case "sqlite": self.init(location: .sqlite(path: try Self.sqlitePath(url[url.index(after: colon)...])))
            case "postgresql", "postgres": self.init(location: .postgresql(try PostgreSQLURL(url)))
            default: throw DatabaseError.unsupported("a database URL has the scheme sqlite or postgresql")
            }
        }

        private static func sqlitePath(_ rest: Substring) throws -> String {
            var encoded = rest
            if encoded.hasPrefix("//") {
                encoded = encoded.dropFirst(2)
                guard encoded.hasPrefix("/") else {
                    throw DatabaseError.unsupported("a sqlite URL names no host: sqlite:///absolute/path or sqlite:relative/path")
                }
            }
            guard !encoded.contains("?"), !encoded.contains("#") else {
                throw DatabaseError.unsupported("a sqlite URL takes no options; write ? as %3F and # as %23 in a path")
            }
            guard let path = encoded.removingPercentEncoding, !path.isEmpty, !path.contains("\0"), !path.hasPrefix(":") else {
                throw DatabaseError.unsupported("a sqlite URL needs the path of a file: sqlite:///absolute/path or sqlite:relative/path")
            }
            return path
        }
    }
}
