import Hummingbird

/// Lets model names hold a `/` in paths though earlier clients do not percent-encode it: `/models/org/model/versions` means the versions of
/// `org/model` (contract, section 3.1). The name reaches as far as it can, up to a known ending. In `/versions/org/model:1.0/files` it ends
/// with the part that has the colon, which no name of a model holds.
enum SlashedNames {
    private static let modelPrefix = "/api/v1/models/"
    private static let versionPrefixes = ["/api/v1/versions/", "/api/v1/releases/"]
    /// What may follow the name of a model; nil stands for any one part. The longest that fits counts.
    private static let endings: [[String?]] = [
        ["aliases", nil, "history"], ["aliases", nil], ["aliases"], ["references"], ["versions"], ["preprocess"],
    ]

    /// The path with the slashes of a model's name percent-encoded; nil where there is nothing to change.
    static func encoded(_ path: String) -> String? {
        if path.hasPrefix(modelPrefix) { return encodedModel(path) }
        return versionPrefixes.first { path.hasPrefix($0) }.flatMap { encodedVersion(path, prefix: $0) }
    }

    private static func encodedModel(_ path: String) -> String? {
        let parts = path.dropFirst(modelPrefix.count).split(separator: "/")
        let ending = endings.first { ending in
            ending.count < parts.count && zip(ending, parts.suffix(ending.count)).allSatisfy { $0 == nil || $0 == String($1) }
        }
        let name = parts.dropLast(ending?.count ?? 0)
        guard name.count > 1 else { return nil }
        return modelPrefix + name.joined(separator: "%2F") + parts.suffix(ending?.count ?? 0).map { "/\($0)" }.joined()
    }

    private static func encodedVersion(_ path: String, prefix: String) -> String? {
        let parts = path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, !Identifier.isUUID(String(first)),
            let last = parts.firstIndex(where: { $0.contains(":") || $0.lowercased().contains("%3a") }), last > 0,
            parts[..<last].allSatisfy({ !$0.isEmpty })
        else { return nil }
        return prefix + parts[...last].joined(separator: "%2F") + parts[(last + 1)...].map { "/\($0)" }.joined()
    }

    /// Gives requests to another responder, their paths mended.
    struct Responder<Next: HTTPResponder>: HTTPResponder {
        let next: Next

        func respond(to request: Request, context: Next.Context) async throws -> Response {
            guard let path = SlashedNames.encoded(request.uri.path) else { return try await next.respond(to: request, context: context) }
            var head = request.head
            head.path = path + (request.uri.query.map { "?\($0)" } ?? "")
            return try await next.respond(to: Request(head: head, body: request.body), context: context)
        }
    }
}
