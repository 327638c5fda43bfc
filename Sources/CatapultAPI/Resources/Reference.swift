/// What refers to a model, version or artifact.
public enum ReferenceKind: String, Codable, Sendable, CaseIterable {
    /// A deployment that Catapult runs. It must be deleted first, by its own name.
    case deployment
    /// An operation under way. It must end or be cancelled first.
    case operation
    /// An alias that points at a version.
    case alias
    /// Another version that depends on a version or on an artifact.
    case dependent
}

/// Something that still refers to a model, version or artifact, so that it cannot just be deleted.
public struct Reference: Codable, Sendable, Equatable, Documented {
    public var kind: ReferenceKind
    public var id: String
    public var name: String
    public var refersTo: String
    public var removable: Bool

    /// A reference.
    public init(_ kind: ReferenceKind, id: String, name: String, refersTo: String, removable: Bool) {
        self.kind = kind
        self.id = id
        self.name = name
        self.refersTo = refersTo
        self.removable = removable
    }

    public static let fields: [String: Field] = [
        "kind": "What refers to it.",
        "id": "UUID of what refers; for an alias its name.",
        "name": "What people call it.",
        "refersTo": "The version that is referred to, as model:version, or the name of the artifact.",
        "removable": "True where a delete with `force` by an admin removes the reference.",
    ]
}

/// Everything that still refers to a model or version.
public struct References: Codable, Sendable, Equatable, Documented {
    public var items: [Reference]
    public var total: Int
    public var blocking: Int

    /// References, of which the first are listed.
    public init(items: [Reference], total: Int, blocking: Int) {
        self.items = items
        self.total = total
        self.blocking = blocking
    }

    public static let fields: [String: Field] = [
        "items": "What refers to it, at most 50 of each kind.",
        "total": "How many there are.",
        "blocking": "How many of them `force` does not remove.",
    ]
}
