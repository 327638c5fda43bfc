import CatapultAPI
import SQLDatabase

/// What defines a version: who deploys it today and in a year must get the same. It can be corrected until the version is used for the
/// first time, and never afterwards. Files are not among it, since no call changes the list of a version's files.
enum VersionDefinition {
    /// The names of the defining fields that a call would change.
    static func changes(_ call: UpdateVersion, of version: Version) -> [String] {
        var names: [String] = []
        func compare<Value: Equatable>(_ name: String, _ wanted: Value?, _ present: Value?) {
            if let wanted, wanted != present { names.append(name) }
        }
        compare("quantization", call.quantization, version.quantization)
        compare("ceph_path", call.cephPath, version.cephPath)
        compare("digest", call.digest, version.digest)
        compare("size_bytes", call.sizeBytes, version.sizeBytes)
        compare("platform", call.platform, version.platform)
        return names
    }

    /// Holds a call against what the version has been used for.
    ///
    /// - Throws: 409 that says what uses the version, or that its files say otherwise.
    static func check(_ call: UpdateVersion, on version: Version, in connection: any SQLConnection) throws {
        let names = changes(call, of: version)
        guard let first = names.first else { return }
        let uses = try VersionUse.list(of: version.id, in: connection)
        guard uses.isEmpty else {
            throw CatapultError.conflict(
                "version_immutable", type: "ImmutableVersionError",
                "\(names.joined(separator: ", ")) of \(version.handle) cannot be changed: it "
                    + uses.map { $0.kind.words($0.subject) }.joined(separator: ", ") + ".",
                field: first, hint: "Register a new version; notes, metadata, status and the MLflow address can still be changed.",
                details: [
                    "fields": .array(names.map(JSONValue.string)),
                    "uses": .array(
                        uses.map {
                            [
                                "kind": .string($0.kind.rawValue), "subject": .string($0.subject),
                                "first_at": .string($0.firstAt.description),
                            ]
                        }),
                ])
        }
        if version.fileCount > 0, let name = names.first(where: { $0 == "digest" || $0 == "size_bytes" }) {
            throw CatapultError.conflict(
                "version_immutable", type: "ImmutableVersionError",
                "\(name) of \(version.handle) follows from its \(version.fileCount) files, which are fixed.", field: name,
                hint: "Register a new version with the files as they are now.", details: ["fields": .array(names.map(JSONValue.string))])
        }
    }
}
