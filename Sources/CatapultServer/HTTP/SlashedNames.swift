import CatapultAPI
import Hummingbird

/// Lets model names hold a `/` in paths though earlier clients do not percent-encode it: `/models/org/model/versions` means the versions of
/// `org/model` (contract, section 3.1). The name reaches as far as it can, up to an ending that a route of the catalogue has. In
/// `/versions/org/model:1.0/files` it ends with the part that has the colon, which no name of a model holds.
enum SlashedNames {
    /// The paths of one kind of thing that is named in them.
    private struct Place {
        var prefix: String
        /// What follows the name in some route, the longest first.
        var endings: [[Route.Segment]] = []
        /// What comes between the name and a path that takes the rest.
        var openEndings: [[Route.Segment]] = []
        /// The routes that name nothing, such as `/models/options`.
        var others: [[Route.Segment]] = []

        /// Reads the routes of the catalogue.
        init(_ noun: String) {
            prefix = "\(Route.prefix)/\(noun)/"
            for call in Catalogue.calls {
                for path in [call.route.path, call.route.alias].compactMap({ $0 }) where path.hasPrefix(prefix) {
                    let segments = Route.segments(of: String(path.dropFirst(prefix.count)))
                    switch (segments.first, segments.last) {
                    case (.literal?, _): others.append(segments)
                    case (_, .rest?): openEndings.append(Array(segments.dropFirst().dropLast()))
                    default: endings.append(Array(segments.dropFirst()))
                    }
                }
            }
            endings.sort { $0.count > $1.count }
        }

        /// How many parts the name has.
        func nameCount(_ parts: [Substring]) -> Int {
            guard !others.contains(where: { $0.count == parts.count && Self.matches($0, parts[...]) }) else { return 1 }
            // A path of a file may end like any route, so the first part that opens one counts.
            for ending in openEndings {
                let starts = 1..<max(1, parts.count - ending.count)
                if let start = starts.first(where: { Self.matches(ending, parts[$0..<($0 + ending.count)]) }) { return start }
            }
            let ending = endings.first { $0.count < parts.count && Self.matches($0, parts.suffix($0.count)) }
            return parts.count - (ending?.count ?? 0)
        }

        private static func matches(_ segments: [Route.Segment], _ parts: ArraySlice<Substring>) -> Bool {
            zip(segments, parts).allSatisfy { segment, part in
                if case .literal(let text) = segment { text == part } else { true }
            }
        }
    }

    private static let models = Place("models")
    private static let versions = [Place("versions"), Place("releases")]

    /// The path with the slashes of a model's name percent-encoded; nil where there is nothing to change.
    static func encoded(_ path: String) -> String? {
        if path.hasPrefix(models.prefix) {
            return encoded(path.dropFirst(models.prefix.count).split(separator: "/"), models.prefix) { models.nameCount($0) }
        }
        guard let place = versions.first(where: { path.hasPrefix($0.prefix) }) else { return nil }
        var parts = path.dropFirst(place.prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        guard let first = parts.first, !Identifier.isUUID(String(first)) else { return nil }
        let colon = parts.firstIndex { $0.contains(":") || $0.lowercased().contains("%3a") }
        return encoded(parts, place.prefix) { colon.map { $0 + 1 } ?? place.nameCount($0) }
    }

    private static func encoded(_ parts: [Substring], _ prefix: String, nameCount: ([Substring]) -> Int) -> String? {
        let count = nameCount(parts)
        guard count > 1, parts[..<count].allSatisfy({ !$0.isEmpty }) else { return nil }
        return prefix + parts[..<count].joined(separator: "%2F") + parts[count...].map { "/\($0)" }.joined()
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
