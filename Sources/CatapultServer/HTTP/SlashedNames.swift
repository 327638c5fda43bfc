import Hummingbird

/// Lets model names hold a `/` in paths though earlier clients do not percent-encode it: `/models/org/model/versions` means the versions of
/// `org/model` (contract, section 3.1). The name reaches as far as it can, up to a known ending.
enum SlashedNames {
    private static let prefix = "/api/v1/models/"
    private static let endings: Set<Substring> = ["versions"]

    /// The path with the slashes of a model's name percent-encoded; nil where there is nothing to change.
    static func encoded(_ path: String) -> String? {
        guard path.hasPrefix(prefix) else { return nil }
        var parts = path.dropFirst(prefix.count).split(separator: "/")
        guard parts.count > 1 else { return nil }
        let ending = parts.last.flatMap { endings.contains($0) ? $0 : nil }
        if ending != nil { parts.removeLast() }
        guard parts.count > 1 else { return nil }
        return prefix + parts.joined(separator: "%2F") + (ending.map { "/\($0)" } ?? "")
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
