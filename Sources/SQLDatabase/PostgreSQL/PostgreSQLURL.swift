/// Where a PostgreSQL server is and how to log in, as a URL that libpq understands: host, port, database, user, TLS and other options
/// (https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING). It may hold a password, and no representation of it shows
/// more than host and database.
public struct PostgreSQLURL: Sendable, Hashable {
    /// The whole URL, password and all.
    let text: String
    /// Host and database: `postgresql://host:5432/catapult`.
    public let location: String

    /// Checks the form. Throws ``DatabaseError/unsupported(_:)``, which does not repeat the URL.
    public init(_ url: String) throws(DatabaseError) {
        guard let scheme = ["postgresql://", "postgres://"].first(where: { url.lowercased().hasPrefix($0) }) else {
            throw .unsupported("a PostgreSQL URL has the form postgresql://user@host:5432/database")
        }
        let rest = url.dropFirst(scheme.count)
        guard Self.isEncoded(rest.utf8), !rest.utf8.contains(0) else {
            throw .unsupported(
                "a PostgreSQL URL has the form postgresql://user@host:5432/database?sslmode=require; % in it begins an encoded character, "
                    + "and itself is written %25")
        }
        // libpq takes only lower case.
        text = scheme + rest
        let beforeOptions = rest.prefix { $0 != "?" }
        let authority = beforeOptions.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        location = "postgresql://\(host)\(beforeOptions.dropFirst(authority.count))"
    }

    /// Whether every `%` begins two hexadecimal digits.
    private static func isEncoded(_ bytes: Substring.UTF8View) -> Bool {
        var rest = bytes[...]
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            rest = rest[rest.index(after: percent)...]
            guard rest.prefix(2).filter({ Character(Unicode.Scalar($0)).isHexDigit }).count == 2, !rest.starts(with: Array("00".utf8))
            else {
                return false
            }
        }
        return true
    }
}

extension PostgreSQLURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Host and database.
    public var description: String { location }
    /// Host and database.
    public var debugDescription: String { location }
    /// Host and database only, so that a dump does not show a password.
    public var customMirror: Mirror { Mirror(self, children: ["location": location]) }
}
