import CatapultAPI

/// What a call is on the wire: method, path, query and JSON body. A pure function of the call's declaration and its values.
public struct WireRequest: Sendable, Equatable {
    /// The HTTP method.
    public let method: Route.Method
    /// The path from the root of the server, percent-encoded (RFC 3986, section 2).
    public let path: String
    /// The query without its question mark, percent-encoded; nil where nothing travels there.
    public let query: String?
    /// The JSON value of the body; nil where the call has none, or one that is no JSON.
    public let body: JSONValue?

    /// Path and query as the request line carries them.
    public var target: String { query.map { "\(path)?\($0)" } ?? path }

    /// Takes a call apart: path parameters into the route, `queryFields` and all fields of calls without a body into the query, the rest
    /// into the body. Properties that are nil are left out.
    ///
    /// - Throws: `CatapultError` (422) for a path parameter that is empty, or a dot segment, which no server would see as it was meant.
    public init<Call: APICall>(_ call: Call) throws {
        var members = try JSONParser.parse(WireEncoder.encode(call, nils: .omit)).objectValue ?? [:]
        method = Call.route.method
        path = try Self.path(Call.route, taking: &members)
        if Call.hasBody {
            let inQuery = Set(Call.queryFields.map(WireName.snakeCase))
            query = Self.query(members.filter { inQuery.contains($0.key) })
            body = .object(members.filter { !inQuery.contains($0.key) })
        } else {
            query = Self.query(members)
            body = nil
        }
    }

    private static func path(_ route: Route, taking members: inout [String: JSONValue]) throws -> String {
        var path = ""
        for segment in Route.segments(of: route.path) {
            switch segment {
            case .literal(let text): path += "/" + text
            case .parameter(let name): path += "/" + (try encoded(members.removeValue(forKey: name), name))
            case .rest(let name):
                let text = text(of: members.removeValue(forKey: name) ?? "")
                for part in text.split(separator: "/", omittingEmptySubsequences: false) {
                    path += "/" + (try encoded(.string(String(part)), name))
                }
            }
        }
        return path.isEmpty ? "/" : path
    }

    private static func encoded(_ value: JSONValue?, _ name: String) throws -> String {
        let text = text(of: value ?? "")
        if text.isEmpty {
            throw CatapultError.unprocessable([FieldProblem(kind: .length, location: [name], message: "must not be empty", input: "")])
        }
        if text == "." || text == ".." {
            throw CatapultError.unprocessable([
                FieldProblem(
                    kind: .pattern, location: [name], message: "must not be or contain the path segment \(text)", input: .string(text))
            ])
        }
        return PercentEncoding.component(text)
    }

    /// Names in order, so that equal calls have equal requests; an array repeats its name.
    private static func query(_ members: [String: JSONValue]) -> String? {
        let pairs = members.sorted { $0.key < $1.key }.flatMap { name, value in
            (value.arrayValue ?? [value]).map { "\(PercentEncoding.component(name))=\(PercentEncoding.component(text(of: $0)))" }
        }
        return pairs.isEmpty ? nil : pairs.joined(separator: "&")
    }

    private static func text(of value: JSONValue) -> String { value.stringValue ?? value.jsonText }
}
