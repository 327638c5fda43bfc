/// The SQL of one database, where the two differ. Everything else is written once, in the subset that both accept.
public enum SQLDialect: String, Sendable, CaseIterable {
    /// The embedded database.
    case sqlite
    /// The shared database.
    case postgresql

    /// The type of a column of bytes.
    public var blobType: String {
        switch self {
        case .sqlite: "BLOB"
        case .postgresql: "BYTEA"
        }
    }

    /// The suffix of a text expression that makes it compare by code point, whatever the order of the database's own language.
    public var byCodePoint: SQLQuery {
        switch self {
        case .sqlite: " COLLATE BINARY"
        case .postgresql: " COLLATE \"C\""
        }
    }

    /// For each of some texts, of which there is at least one, the rows of a query about it.
    ///
    /// - Parameter query: the query, given the text as SQL. Its columns must have names.
    public func rows(forEach values: [String], _ query: (SQLQuery) -> SQLQuery) -> SQLQuery {
        switch self {
        case .sqlite:
            return values.map { "SELECT * FROM (\(query("\($0)"))) AS found" as SQLQuery }.joined(separator: " UNION ALL ")
        case .postgresql:
            // Planned once, whatever the number of values: planning would cost more than running.
            let list = values.map { "(\($0))" as SQLQuery }.joined(separator: ", ")
            return "SELECT found.* FROM (VALUES \(list)) AS each_of (value) CROSS JOIN LATERAL (\(query("each_of.value"))) AS found"
        }
    }

    /// A truth value as SQL text, for defaults and index conditions.
    public func literal(_ value: Bool) -> String {
        value ? "TRUE" : "FALSE"
    }

    /// A condition that is true where the text of `expression` contains `text`, without regard to case. SQLite ignores case in ASCII
    /// only, PostgreSQL in all letters of the database's locale.
    ///
    /// - Parameter expression: trusted SQL, as a rule a column name.
    public func contains(_ expression: String, _ text: String) -> SQLQuery {
        "lower(\(raw: expression)) LIKE lower(\(likePattern(containing: text))) ESCAPE '\\'"
    }

    /// A condition that is true where the text of `expression` begins with `text`, without regard to case, as in ``contains(_:_:)``.
    ///
    /// - Parameter expression: trusted SQL, as a rule a column name.
    public func hasPrefix(_ expression: String, _ text: String) -> SQLQuery {
        "lower(\(raw: expression)) LIKE lower(\(likePattern(startingWith: text))) ESCAPE '\\'"
    }

    /// Where `text` stands in the text of `expression` first, from 1; 0 where it does not. Case counts.
    ///
    /// - Parameter expression: trusted SQL, as a rule a column name.
    public func position(of text: String, in expression: String) -> SQLQuery {
        switch self {
        case .sqlite: "instr(\(raw: expression), \(text))"
        case .postgresql: "strpos(\(raw: expression), \(text))"
        }
    }

    /// A condition that is true where the text of `expression` consists of `pieces` with anything between them; case counts. One piece means
    /// that text; a single prefix (`["org/", ""]`) is found through an index.
    ///
    /// - Parameter expression: trusted SQL, as a rule a column name.
    public func glob(_ expression: String, pieces: [String]) -> SQLQuery {
        let column = SQLQuery(raw: expression)
        guard pieces.count > 1 else { return "\(column) = \(pieces.first ?? "")" }
        switch self {
        case .postgresql:
            // The planner turns a LIKE with a fixed beginning into a range of the index itself.
            return "\(column) LIKE \(pieces.map(escapedForLike).joined(separator: "%")) ESCAPE '\\'"
        case .sqlite:
            // LIKE ignores case, and GLOB uses no index with a parameter: a range of text does, in the byte order that SQLite compares by.
            if pieces.count == 2, let prefix = pieces.first, pieces[1].isEmpty {
                return prefix.isEmpty ? "TRUE" : "(\(column) >= \(prefix) AND \(column) < \(prefix + "\u{10FFFF}"))"
            }
            return "\(column) GLOB \(pieces.map(Self.escapedForGlob).joined(separator: "*"))"
        }
    }

    private static func escapedForGlob(_ text: String) -> String {
        text.map { "*?[".contains($0) ? "[\($0)]" : String($0) }.joined()
    }

    /// The pattern that finds `text` anywhere, for `LIKE \(pattern) ESCAPE '\'`; `%`, `_` and `\` in it stand for themselves.
    public func likePattern(containing text: String) -> String {
        "%\(escapedForLike(text))%"
    }

    /// The pattern that finds `text` at the beginning, for `LIKE \(pattern) ESCAPE '\'`.
    public func likePattern(startingWith text: String) -> String {
        "\(escapedForLike(text))%"
    }

    private func escapedForLike(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "%" || scalar == "_" || scalar == "\\" { escaped.append("\\") }
            escaped.append(scalar)
        }
        return String(escaped)
    }
}
