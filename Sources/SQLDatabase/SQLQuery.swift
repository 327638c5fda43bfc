/// SQL text with its bound values.
///
/// Written as a string literal, every interpolated value becomes a parameter and never part of the text:
///
/// ```swift
/// let query: SQLQuery = "SELECT id FROM models WHERE name = \(name) AND size > \(size)"
/// // text: SELECT id FROM models WHERE name = $1 AND size > $2
/// ```
///
/// Parameters are numbered when the text is rendered, so queries can be spliced into each other (`\(query)`), added (`+`)
/// and joined without renumbering by hand. A literal `$1` or `?` in the text is refused when the query runs.
public struct SQLQuery: Sendable, Hashable {
    /// The text around the parameters: always one more than there are values.
    var fragments: [String]
    /// The bound values, in the order of their parameters.
    public internal(set) var values: [SQLValue]
    /// False where the text depends on data (long lists), so that a cache of prepared statements does not grow without bound.
    var isCacheable = true

    /// A list longer than this makes the query's statement not worth keeping.
    static let longestCachedList = 32

    /// Trusted SQL without values. Never pass text from outside.
    public init(raw sql: String) {
        fragments = [sql]
        values = []
    }

    /// The text with parameters numbered `$1`, `$2`, … as PostgreSQL has them; good for logs, since it shows no value.
    public var sql: String { render(.numbered) }

    /// Whether there is neither text nor value.
    public var isEmpty: Bool { values.isEmpty && fragments[0].isEmpty }

    /// How parameters stand in the text.
    enum ParameterStyle {
        /// `$1`, `$2`, … for PostgreSQL.
        case numbered
        /// `?`. SQLite takes `$1` for a name and numbers it by its first appearance, so text may not rely on its number.
        case question
    }

    func render(_ style: ParameterStyle) -> String {
        guard fragments.count > 1 else { return fragments[0] }
        var text = String()
        text.reserveCapacity(fragments.reduce(fragments.count * 4) { $0 + $1.utf8.count })
        for (index, fragment) in fragments.enumerated() {
            if index > 0 {
                switch style {
                case .numbered: text.append("$\(index)")
                case .question: text.append("?")
                }
            }
            text.append(fragment)
        }
        return text
    }

    mutating func append(text: String) {
        fragments[fragments.count - 1].append(text)
    }

    mutating func append(value: SQLValue) {
        values.append(value)
        fragments.append("")
    }

    /// Appends another query; its parameters follow those that are here.
    public mutating func append(_ other: SQLQuery) {
        fragments[fragments.count - 1].append(other.fragments[0])
        fragments.append(contentsOf: other.fragments.dropFirst())
        values.append(contentsOf: other.values)
        isCacheable = isCacheable && other.isCacheable
    }

    /// One query after the other, with nothing between them.
    public static func + (left: SQLQuery, right: SQLQuery) -> SQLQuery {
        var sum = left
        sum.append(right)
        return sum
    }

    /// Appends another query.
    public static func += (left: inout SQLQuery, right: SQLQuery) {
        left.append(right)
    }
}

extension Sequence<SQLQuery> {
    /// The queries with a separator between them: `conditions.joined(separator: " AND ")`.
    public func joined(separator: SQLQuery) -> SQLQuery {
        var result: SQLQuery = ""
        var isFirst = true
        for query in self {
            if !isFirst { result.append(separator) }
            result.append(query)
            isFirst = false
        }
        return result
    }
}

extension SQLQuery: ExpressibleByStringInterpolation {
    /// Trusted SQL without values, written in the program.
    public init(stringLiteral sql: String) {
        self.init(raw: sql)
    }

    /// The query that the literal's pieces build.
    public init(stringInterpolation interpolation: Interpolation) {
        self = interpolation.query
    }

    /// Collects the pieces of an interpolated literal.
    public struct Interpolation: StringInterpolationProtocol {
        var query = SQLQuery(raw: "")

        /// Starts an empty query.
        public init(literalCapacity: Int, interpolationCount: Int) {
            query.fragments.reserveCapacity(interpolationCount + 1)
            query.values.reserveCapacity(interpolationCount)
        }

        /// Adds text of the program.
        public mutating func appendLiteral(_ literal: String) {
            query.append(text: literal)
        }

        /// Binds a value: `\(name)`.
        public mutating func appendInterpolation(_ value: some SQLValueEncodable) {
            query.append(value: value.sqlValue)
        }

        /// Binds a value, or `NULL`. Apart from the one above, since the compiler warns of an optional that it takes for `Any`.
        public mutating func appendInterpolation<V: SQLValueEncodable>(_ value: V?) {
            query.append(value: value?.sqlValue ?? .null)
        }

        /// Binds the raw value of an enum that does not itself conform to ``SQLValueEncodable``.
        @_disfavoredOverload
        public mutating func appendInterpolation<R: RawRepresentable>(_ value: R) where R.RawValue: SQLValueEncodable {
            query.append(value: value.rawValue.sqlValue)
        }

        /// Binds the raw value, or `NULL`, of an enum that does not itself conform to ``SQLValueEncodable``.
        @_disfavoredOverload
        public mutating func appendInterpolation<R: RawRepresentable>(_ value: R?) where R.RawValue: SQLValueEncodable {
            query.append(value: value?.rawValue.sqlValue ?? .null)
        }

        /// Splices trusted SQL text: a column name that the program chose, never text from outside.
        public mutating func appendInterpolation(raw sql: String) {
            query.append(text: sql)
        }

        /// Splices another query with its values.
        public mutating func appendInterpolation(_ other: SQLQuery) {
            query.append(other)
        }

        /// Binds a list in parentheses for `IN` and `NOT IN`: `\(list: ids)` becomes `($1, $2, $3)`. An empty list is an empty set:
        /// `IN` is false and `NOT IN` is true for every row.
        public mutating func appendInterpolation<V: SQLValueEncodable>(list values: some Sequence<V>) {
            append(list: values.map(\.sqlValue), type: V.sqlType)
        }

        /// Binds a list of enums by their raw values, for `IN` and `NOT IN`.
        @_disfavoredOverload
        public mutating func appendInterpolation<R: RawRepresentable>(list values: some Sequence<R>) where R.RawValue: SQLValueEncodable {
            append(list: values.map(\.rawValue.sqlValue), type: R.RawValue.sqlType)
        }

        private mutating func append(list values: [SQLValue], type: SQLType) {
            guard let first = values.first else {
                query.append(text: "(SELECT CAST(NULL AS \(type.rawValue)) WHERE FALSE)")
                return
            }
            query.append(text: "(")
            query.append(value: first)
            for value in values.dropFirst() {
                query.append(text: ", ")
                query.append(value: value)
            }
            query.append(text: ")")
            if values.count > SQLQuery.longestCachedList { query.isCacheable = false }
        }
    }
}

extension SQLQuery: CustomStringConvertible {
    /// The text, without the values.
    public var description: String { sql }
}

extension SQLQuery: CustomDebugStringConvertible {
    /// The text and the number of values, never the values themselves: they may be secrets.
    public var debugDescription: String { "\(sql) [\(values.count) values]" }
}

extension SQLQuery: CustomReflectable {
    /// The text only, so that a dump does not show values.
    public var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }
}
