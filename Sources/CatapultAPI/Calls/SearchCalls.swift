extension Catalogue {
    static let search: [any APICall.Type] = [Search.self]
}

/// Searches models, versions, deployments and artifacts.
public struct Search: APICall {
    public typealias Output = SearchResults
    public static let route = Route.get("/search")
    public static let access = Access.role(.viewer)
    public static let effect = Effect.read
    public static let group = "Search"
    public static let summary = "Search models, versions, deployments and artifacts"

    public var q: String
    public var types: [String]?
    public var limit: Int?

    /// A call with its parameters.
    public init(q: String, types: [String]? = nil, limit: Int? = nil) {
        self.q = q
        self.types = types
        self.limit = limit
    }

    public static let fields: [String: Field] = [
        "q": Field(
            """
            Words that must all occur; the last one may be the beginning of a word. "A phrase" in quotes, word* for a beginning, -word for \
            none of it, and fields such as tag:prod, server_type:vllm, params>7B, size>10GB, created>2026-01-01 (docs/guides/search.md).
            """,
            .length(1...500)),
        "types": "Only these kinds: model, version, deployment, artifact; also as one text with commas, and in the plural. Default all.",
        "limit": Field("Most hits to return, 1 to 100. Default 20.", .range(1...100)),
    ]
}
