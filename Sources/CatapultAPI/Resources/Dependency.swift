/// What a version depends on something for.
public enum DependencyKind: String, Codable, Sendable, CaseIterable {
    /// The model that it was made from by training, merging or quantizing.
    case baseModel = "base_model"
    /// Weights that are laid over a base model.
    case adapter
    case tokenizer
    /// Data that it was trained or evaluated on.
    case dataset
    /// The server that runs it.
    case engine
    /// A library or wheel that it needs.
    case package
}

/// What sort of thing a dependency points at.
public enum DependencyTarget: String, Codable, Sendable, CaseIterable {
    /// A version in this registry.
    case version
    /// A stored file of this registry.
    case artifact
    /// Something elsewhere, known by a name or an address.
    case external
}

/// An edge from a version to something that it was made from or needs.
public struct Dependency: Codable, Sendable, Equatable {
    public var id: String
    public var versionID: String
    public var version: String
    public var kind: DependencyKind
    public var targetType: DependencyTarget
    public var targetID: String?
    public var target: String
    public var name: String?
    public var revision: String?
    public var url: String?
    public var purl: String?
    public var note: String?
    public var createdBy: String?
    public var createdAt: Timestamp

    /// A dependency with all its parts.
    public init(
        id: String, versionID: String, version: String, kind: DependencyKind, targetType: DependencyTarget, targetID: String?,
        target: String, name: String?, revision: String?, url: String?, purl: String?, note: String?, createdBy: String?,
        createdAt: Timestamp
    ) {
        self.id = id
        self.versionID = versionID
        self.version = version
        self.kind = kind
        self.targetType = targetType
        self.targetID = targetID
        self.target = target
        self.name = name
        self.revision = revision
        self.url = url
        self.purl = purl
        self.note = note
        self.createdBy = createdBy
        self.createdAt = createdAt
    }
}

extension Dependency: Documented {
    public static let fields: [String: Field] = [
        "id": "UUID of the dependency.",
        "versionID": "UUID of the version that depends.",
        "version": "The version that depends, as model:version.",
        "kind": "What it is needed for.",
        "targetType": "What sort of thing it points at.",
        "targetID": "UUID of the version or artifact that it points at; null for external things.",
        "target": "What it points at, in words: model:version, the artifact's name, or name and revision.",
        "name": "Name of an external thing.",
        "revision": "Version of an external thing.",
        "url": "Address of an external thing.",
        "purl": "Package URL of an external thing.",
        "note": "What else there is to say.",
        "createdBy": "Name of the key that added it.",
        "createdAt": "When it was added.",
    ]
}

/// A dependency to be added: it names one version, one artifact, or something external by name, URL or package URL.
public struct NewDependency: Codable, Sendable, Equatable {
    public var kind: DependencyKind
    public var target: String?
    public var artifactID: String?
    public var name: String?
    public var revision: String?
    public var url: String?
    public var purl: String?
    public var note: String?

    /// A dependency to be added.
    public init(
        kind: DependencyKind, target: String? = nil, artifactID: String? = nil, name: String? = nil, revision: String? = nil,
        url: String? = nil, purl: String? = nil, note: String? = nil
    ) {
        self.kind = kind
        self.target = target
        self.artifactID = artifactID
        self.name = name
        self.revision = revision
        self.url = url
        self.purl = purl
        self.note = note
    }
}

extension NewDependency: Documented {
    public static let fields: [String: Field] = [
        "kind": "What it is needed for.",
        "target": Field("The version that is depended on: UUID, model:version or model:alias.", .length(1...800)),
        "artifactID": Field("UUID of the artifact that is depended on.", .length(1...100)),
        "name": Field("Name of something external, such as a dataset.", .length(1...255)),
        "revision": Field("Version of the external thing, such as 2.1 or a commit.", .length(1...255)),
        "url": Field("Address of the external thing, without a password in it.", .text(.reference)),
        "purl": Field("Package URL of the external thing, such as pkg:pypi/vllm@0.9.1.", .text(.packageURL)),
        "note": Field("What else there is to say.", .length(0...1_000)),
    ]
}
