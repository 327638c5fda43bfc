/// One thing that a client can ask of the server, declared once. The type is the input: its properties are path parameters (those
/// that the route names), query parameters (the rest of a GET or DELETE, and those in `queryFields`) or members of the JSON body.
///
/// From it come the server's route, the SDK call, the OpenAPI document, the access check and the audit action.
/// ("Operation" is taken: in Catapult that word means durable long work.)
public protocol APICall: Codable, Sendable, Documented {
    /// What a successful answer holds.
    associatedtype Output: Codable & Sendable

    /// Method and path.
    static var route: Route { get }
    /// Who may call. A requirement: no call without a rule.
    static var access: Access { get }
    /// Whether the call reaches the whole registry, so that a key which is limited to a part of it may not make it. Everything else
    /// looks at the scope thing by thing.
    static var needsWholeScope: Bool { get }
    /// Flags of the call (Swift names) that ask for more than the call itself, and the role that they need: `force` of a delete.
    /// They are held against the role once the request is decoded, before anything that exists is looked at.
    static var elevations: [String: Role] { get }
    /// What the call does to the world.
    static var effect: Effect { get }
    /// One sentence, for people.
    static var summary: String { get }
    /// The status of success.
    static var success: Int { get }
    /// How the audit log names the call; nil for reads.
    static var audit: AuditAction? { get }
    /// Properties (Swift names) that travel in the query though the method has a body.
    static var queryFields: Set<String> { get }
    /// Groups of optional properties (Swift names) of which each needs at least one: earlier clients name the same thing differently.
    static var alternatives: [[String]] { get }
    /// The form of the request body, where it is not JSON.
    static var requestBody: BodyForm { get }
    /// The form of the answer, where it is not JSON.
    static var responseBody: BodyForm { get }
    /// Heading under which documents list the call.
    static var group: String { get }
}

/// The form of a body.
public enum BodyForm: String, Sendable {
    /// One JSON value, read whole, within the server's limit for JSON bodies.
    case json
    /// Bytes of any length, streamed.
    case bytes
    /// A form with a file (RFC 7578), streamed; or the bytes of the file alone, with the fields in the query.
    case multipart
    /// Text that grows: the answer ends when what it describes has ended.
    case text
    /// Server-sent events (WHATWG HTML, section 9.2).
    case events
    /// A page for people.
    case html

    /// The media type on the wire.
    public var mediaType: String {
        switch self {
        case .json: "application/json"
        case .bytes: "application/octet-stream"
        case .multipart: "multipart/form-data"
        case .text: "text/plain; charset=utf-8"
        case .events: "text/event-stream"
        case .html: "text/html; charset=utf-8"
        }
    }
}

extension APICall {
    public static var success: Int { 200 }
    public static var needsWholeScope: Bool { false }
    public static var audit: AuditAction? { nil }
    public static var elevations: [String: Role] { [:] }
    public static var queryFields: Set<String> { [] }
    public static var alternatives: [[String]] { [] }
    public static var requestBody: BodyForm { .json }
    public static var responseBody: BodyForm { .json }
    public static var fields: [String: Field] { [:] }

    /// The name of the call in documents and metrics: the type's name with a small first letter.
    public static var name: String {
        let type = String(describing: Self.self)
        return type.prefix(1).lowercased() + type.dropFirst()
    }

    /// True where the fields that are no path parameters travel in the body.
    public static var hasBody: Bool { requestBody == .json && (route.method == .post || route.method == .put) }
}

/// The answer to every delete: a JSON object, since earlier clients parse one.
public struct Deletion: Codable, Sendable, Equatable, Documented {
    /// Always true; a failure is an error.
    public var success: Bool
    /// The id of what is gone.
    public var deletedID: String
    /// What referred to it and was removed as well; nil from older servers.
    public var released: [Reference]?

    /// The answer for a deleted thing.
    public init(deletedID: String, released: [Reference] = []) {
        success = true
        self.deletedID = deletedID
        self.released = released
    }

    public static let fields: [String: Field] = [
        "success": "Always true.", "deletedID": "The id of what is gone.",
        "released": "What referred to it and was removed as well, since the delete was forced; at most 50 of each kind.",
    ]
}

/// The answer of a call whose body is a stream: there is nothing to decode.
public struct Streamed: Codable, Sendable, Documented {
    public static let fields: [String: Field] = [:]
}
