/// Method and path of a call. Path parameters stand in braces and are properties of the call: `/models/{model_id}`.
public struct Route: Sendable, Hashable {
    /// The methods that the contract uses.
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// The HTTP method.
    public let method: Method
    /// The whole path from the root of the server.
    public let path: String
    /// An older spelling of the path that is served as well.
    public let alias: String?

    private init(_ method: Method, _ path: String, alias: String?) {
        self.method = method
        self.path = path
        self.alias = alias
    }

    /// Where the versioned calls live.
    public static let prefix = "/api/v1"

    /// Reads below `/api/v1`.
    public static func get(_ path: String, alias: String? = nil) -> Route { Route(.get, prefix + path, alias: alias.map { prefix + $0 }) }
    /// Creates or acts, below `/api/v1`.
    public static func post(_ path: String, alias: String? = nil) -> Route { Route(.post, prefix + path, alias: alias.map { prefix + $0 }) }
    /// Changes, below `/api/v1`.
    public static func put(_ path: String, alias: String? = nil) -> Route { Route(.put, prefix + path, alias: alias.map { prefix + $0 }) }
    /// Removes, below `/api/v1`.
    public static func delete(_ path: String, alias: String? = nil) -> Route {
        Route(.delete, prefix + path, alias: alias.map { prefix + $0 })
    }
    /// Reads at the root of the server, outside the versioned part.
    public static func root(_ path: String, alias: String? = nil) -> Route { Route(.get, path, alias: alias) }

    /// One piece of a path between slashes.
    public enum Segment: Sendable, Hashable {
        /// Text that must match.
        case literal(String)
        /// A property of the call, one segment of the path.
        case parameter(String)
        /// A property of the call that takes the rest of the path; only at the end, written `{name...}`.
        case rest(String)
    }

    /// The pieces of a path.
    public static func segments(of path: String) -> [Segment] {
        path.split(separator: "/").map { piece in
            guard piece.hasPrefix("{"), piece.hasSuffix("}") else { return .literal(String(piece)) }
            let name = piece.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .parameter(String(name))
        }
    }

    /// The names of the path parameters in wire spelling.
    public var parameters: [String] {
        Self.segments(of: path).compactMap {
            switch $0 {
            case .literal: nil
            case .parameter(let name), .rest(let name): name
            }
        }
    }
}
