import HTTPTypes

/// Which pages of other origins a browser lets read the answers (Fetch standard, section 3.2). Pure decisions.
struct CORSPolicy: Sendable, Equatable {
    /// Origins of a page that is developed on the same machine.
    static let standardOrigins = ["http://localhost:3000", "http://localhost:5173", "http://localhost"]

    private static let methods = "GET, POST, PUT, DELETE, OPTIONS, PATCH"
    private static let requestHeaders =
        "Content-Type, Authorization, X-API-Key, Accept, Origin, X-Requested-With, X-Request-Id, X-Catapult-Face, X-Catapult-Agent, Range, "
        + "If-Match, If-None-Match, Idempotency-Key, Upload-Offset, Upload-Length, Content-Range, Digest"
    private static let exposedHeaders =
        "Content-Disposition, Content-Range, Accept-Ranges, ETag, Last-Modified, Link, Location, Retry-After, RateLimit, RateLimit-Policy, "
        + "Upload-Offset, Upload-Length, X-Request-Id, X-Total-Count, X-Next-Cursor, X-Catapult-Ignored-Fields"

    /// Origins that may read, and send credentials.
    private let origins: Set<String>
    /// Whether any origin may read, then without credentials.
    private let allowsAll: Bool

    init(origins: [String] = standardOrigins) {
        allowsAll = origins.contains("*")
        self.origins = Set(origins.filter { $0 != "*" }.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 })
    }

    /// Reads origins with commas between them: scheme, host and port each, or `*`. Nil where one is something else.
    init?(_ text: String) {
        let origins = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        guard origins.allSatisfy({ $0 == "*" || Self.isOrigin($0) }) else { return nil }
        self.init(origins: origins)
    }

    private static func isOrigin(_ text: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return false }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        return !rest.isEmpty && !rest.contains("/") && !rest.contains("*") && rest.allSatisfy(\.isASCII)
    }

    /// Fields that an answer to a page of this origin gets; none where it may not read.
    func fields(for origin: String?) -> HTTPFields {
        guard let origin else { return [:] }
        var fields: HTTPFields = [:]
        if origins.contains(origin) {
            fields[.accessControlAllowOrigin] = origin
            fields[.accessControlAllowCredentials] = "true"
        } else if allowsAll {
            fields[.accessControlAllowOrigin] = "*"
        } else {
            return [:]
        }
        fields[.accessControlExposeHeaders] = Self.exposedHeaders
        return fields
    }

    /// Fields of the answer to a preflight request; nil where the origin may not read.
    func preflight(for origin: String) -> HTTPFields? {
        var fields = fields(for: origin)
        guard !fields.isEmpty else { return nil }
        fields[.accessControlExposeHeaders] = nil
        fields[.accessControlAllowMethods] = Self.methods
        fields[.accessControlAllowHeaders] = Self.requestHeaders
        fields[.accessControlMaxAge] = "600"
        return fields
    }

    /// Whether answers depend on the origin that asks, which caches must know.
    var varies: Bool { !origins.isEmpty }
}
