/// What differs between two versions.
public struct VersionComparison: Codable, Sendable, Equatable {
    public var a: Version
    public var b: Version
    public var identical: Bool
    public var files: FileComparison
    public var fields: [ValueDifference]
    public var metadata: [ValueDifference]
    public var dependencies: [DependencyDifference]

    /// A comparison with all its parts.
    public init(
        a: Version, b: Version, identical: Bool, files: FileComparison, fields: [ValueDifference], metadata: [ValueDifference],
        dependencies: [DependencyDifference]
    ) {
        self.a = a
        self.b = b
        self.identical = identical
        self.files = files
        self.fields = fields
        self.metadata = metadata
        self.dependencies = dependencies
    }
}

extension VersionComparison: Documented {
    public static let fields: [String: Field] = [
        "a": "The version that is compared.",
        "b": "The version that it is compared with.",
        "identical": "True where nothing that a version consists of differs: files, fields, metadata, dependencies.",
        "files": "What differs in the files.",
        "fields": "What differs in the fields, sorted by name.",
        "metadata": "What differs in the metadata, by the way to the value (`license.name`), sorted.",
        "dependencies": "What differs in the dependencies.",
    ]
}

/// How a thing differs between two versions.
public enum Difference: String, Codable, Sendable, CaseIterable {
    /// Only in the second.
    case added
    /// Only in the first.
    case removed
    /// In both, but not the same.
    case changed
    /// The same content under another path.
    case renamed
}

/// What differs between the files of two versions.
public struct FileComparison: Codable, Sendable, Equatable, Documented {
    public var differences: [FileDifference]
    public var added: Int
    public var removed: Int
    public var changed: Int
    public var renamed: Int
    public var unchanged: Int
    public var oldSizeBytes: Int64
    public var newSizeBytes: Int64
    public var truncated: Bool

    /// A comparison with its counts.
    public init(
        differences: [FileDifference], added: Int, removed: Int, changed: Int, renamed: Int, unchanged: Int, oldSizeBytes: Int64,
        newSizeBytes: Int64,
        truncated: Bool
    ) {
        self.differences = differences
        self.added = added
        self.removed = removed
        self.changed = changed
        self.renamed = renamed
        self.unchanged = unchanged
        self.oldSizeBytes = oldSizeBytes
        self.newSizeBytes = newSizeBytes
        self.truncated = truncated
    }

    public static let fields: [String: Field] = [
        "differences": "What differs, sorted by path; at most `limit`.",
        "added": "Number of files only in b.",
        "removed": "Number of files only in a.",
        "changed": "Number of files with another content.",
        "renamed": "Number of files with another path and the same content.",
        "unchanged": "Number of files that are the same in both.",
        "oldSizeBytes": "Size of all files of a in bytes.",
        "newSizeBytes": "Size of all files of b in bytes.",
        "truncated": "True where not all differences are shown.",
    ]
}

/// One file that differs.
public struct FileDifference: Codable, Sendable, Equatable, Documented {
    public var change: Difference
    public var path: String
    public var oldPath: String?
    public var oldSizeBytes: Int64?
    public var newSizeBytes: Int64?
    public var oldSHA256: String?
    public var newSHA256: String?

    /// A difference with both sides.
    public init(
        _ change: Difference, path: String, oldPath: String? = nil, oldSizeBytes: Int64?, newSizeBytes: Int64?, oldSHA256: String?,
        newSHA256: String?
    ) {
        self.change = change
        self.path = path
        self.oldPath = oldPath
        self.oldSizeBytes = oldSizeBytes
        self.newSizeBytes = newSizeBytes
        self.oldSHA256 = oldSHA256
        self.newSHA256 = newSHA256
    }

    public static let fields: [String: Field] = [
        "change": "How it differs.",
        "path": "Path in b; in a for removed files.",
        "oldPath": "Path in a of a renamed file.",
        "oldSizeBytes": "Size in a.",
        "newSizeBytes": "Size in b.",
        "oldSHA256": "SHA-256 in a.",
        "newSHA256": "SHA-256 in b.",
    ]
}

/// One value that differs.
public struct ValueDifference: Codable, Sendable, Equatable, Documented {
    public var name: String
    public var change: Difference
    public var old: JSONValue
    public var new: JSONValue

    /// A difference with both sides.
    public init(name: String, change: Difference, old: JSONValue, new: JSONValue) {
        self.name = name
        self.change = change
        self.old = old
        self.new = new
    }

    public static let fields: [String: Field] = [
        "name": "Name of the field, or the way to the value.",
        "change": "added, removed or changed.",
        "old": "The value in a; null where there is none.",
        "new": "The value in b; null where there is none.",
    ]
}

/// One dependency that differs.
public struct DependencyDifference: Codable, Sendable, Equatable, Documented {
    public var change: Difference
    public var kind: DependencyKind
    public var target: String
    public var oldTarget: String?

    /// A difference.
    public init(_ change: Difference, kind: DependencyKind, target: String, oldTarget: String? = nil) {
        self.change = change
        self.kind = kind
        self.target = target
        self.oldTarget = oldTarget
    }

    public static let fields: [String: Field] = [
        "change": "added, removed or changed: changed where each version has one of its kind, but another one.",
        "kind": "What it is needed for.",
        "target": "What is depended on: in b, or in a where it was removed.",
        "oldTarget": "What a depended on, where it changed.",
    ]
}
