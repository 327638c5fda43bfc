import CatapultAPI

/// Finds what differs between two versions. Pure: what is compared has been read before.
enum VersionComparator {
    /// One of the two.
    struct Side: Sendable {
        var version: Version
        var files: [VersionFile]
        var dependencies: [Dependency]
    }

    /// - Parameter limit: differences of files that are listed; all are counted.
    static func compare(_ a: Side, _ b: Side, limit: Int) -> VersionComparison {
        let files = compare(a.files, b.files, limit: limit)
        let fields = compare(fields: values(of: a.version), values(of: b.version))
        let metadata = compare(fields: flattened(a.version.metadata), flattened(b.version.metadata))
        let dependencies = compare(a.dependencies, b.dependencies)
        let isSame = files.added + files.removed + files.changed + files.renamed == 0
        return VersionComparison(
            a: a.version, b: b.version, identical: isSame && fields.isEmpty && metadata.isEmpty && dependencies.isEmpty, files: files,
            fields: fields, metadata: metadata, dependencies: dependencies)
    }

    // MARK: Files

    private static func compare(_ a: [VersionFile], _ b: [VersionFile], limit: Int) -> FileComparison {
        let old = Dictionary(a.map { ($0.path, $0) }) { first, _ in first }
        let new = Dictionary(b.map { ($0.path, $0) }) { first, _ in first }
        var removed = a.filter { new[$0.path] == nil }
        var added = b.filter { old[$0.path] == nil }
        let renamed = takeRenamed(&removed, &added)
        let changed = b.compactMap { file in
            old[file.path].flatMap { $0.sha256 == file.sha256 && $0.sizeBytes == file.sizeBytes ? nil : difference(.changed, $0, file) }
        }
        let differences =
            removed.map { difference(.removed, $0, nil) } + added.map { difference(.added, nil, $0) } + renamed + changed
        return FileComparison(
            differences: Array(differences.sorted { ($0.path, $0.change.rawValue) < ($1.path, $1.change.rawValue) }.prefix(limit)),
            added: added.count, removed: removed.count, changed: changed.count, renamed: renamed.count,
            unchanged: b.count - added.count - renamed.count - changed.count, oldSizeBytes: a.reduce(0) { $0 + $1.sizeBytes },
            newSizeBytes: b.reduce(0) { $0 + $1.sizeBytes }, truncated: differences.count > limit)
    }

    /// Pairs what is gone with what is new and has the same content. Of several with one content, those with the same last part of the path
    /// go together first, the rest in the order of their paths.
    private static func takeRenamed(_ removed: inout [VersionFile], _ added: inout [VersionFile]) -> [FileDifference] {
        var gone = Dictionary(grouping: removed.sorted { $0.path < $1.path }, by: \.sha256)
        var renamed: [FileDifference] = []
        for byName in [true, false] {
            added = added.sorted { $0.path < $1.path }.filter { file in
                guard
                    let place = gone[file.sha256]?.firstIndex(where: { !byName || lastPart(of: $0.path) == lastPart(of: file.path) }),
                    let former = gone[file.sha256]?.remove(at: place)
                else { return true }
                renamed.append(difference(.renamed, former, file))
                return false
            }
        }
        let formerPaths = Set(renamed.compactMap(\.oldPath))
        removed.removeAll { formerPaths.contains($0.path) }
        return renamed
    }

    private static func lastPart(of path: String) -> Substring { path.split(separator: "/").last ?? "" }

    private static func difference(_ change: Difference, _ old: VersionFile?, _ new: VersionFile?) -> FileDifference {
        FileDifference(
            change, path: new?.path ?? old?.path ?? "", oldPath: change == .renamed ? old?.path : nil, oldSizeBytes: old?.sizeBytes,
            newSizeBytes: new?.sizeBytes, oldSHA256: old?.sha256, newSHA256: new?.sha256)
    }

    // MARK: Fields and metadata

    /// The fields that are compared: not those that name the version, nor what the list of files says better.
    private static func values(of version: Version) -> [String: JSONValue] {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        return [
            "digest": text(version.digest), "quantization": text(version.quantization),
            "size_bytes": version.sizeBytes.map(JSONValue.int) ?? .null, "platform": text(version.platform),
            "architecture": text(version.architecture), "os": text(version.os), "release_notes": text(version.releaseNotes),
            "ceph_path": text(version.cephPath), "mlflow_url": text(version.mlflowURL), "is_release": .bool(version.isRelease),
            "status": text(version.status.rawValue),
            // A tag that nobody chose is the version's name.
            "tag": version.tag == version.version ? .null : text(version.tag),
        ]
    }

    /// The values of an object by the way to them; arrays are values.
    private static func flattened(_ members: [String: JSONValue], prefix: String = "") -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        for (name, value) in members {
            if case .object(let inner) = value, !inner.isEmpty {
                values.merge(flattened(inner, prefix: "\(prefix)\(name).")) { $1 }
            } else {
                values[prefix + name] = value
            }
        }
        return values
    }

    private static func compare(fields old: [String: JSONValue], _ new: [String: JSONValue]) -> [ValueDifference] {
        Set(old.keys).union(new.keys).sorted().compactMap { name in
            let (before, after) = (old[name] ?? .null, new[name] ?? .null)
            guard before != after else { return nil }
            let change: Difference = before == .null ? .added : after == .null ? .removed : .changed
            return ValueDifference(name: name, change: change, old: before, new: after)
        }
    }

    // MARK: Dependencies

    private static func compare(_ a: [Dependency], _ b: [Dependency]) -> [DependencyDifference] {
        DependencyKind.allCases.flatMap { kind -> [DependencyDifference] in
            let (old, new) = (a.filter { $0.kind == kind }, b.filter { $0.kind == kind })
            let removed = old.filter { one in !new.contains { $0.isSame(as: one) } }
            let added = new.filter { one in !old.contains { $0.isSame(as: one) } }
            if let before = removed.first, let after = added.first, removed.count == 1, added.count == 1 {
                return [DependencyDifference(.changed, kind: kind, target: after.target, oldTarget: before.target)]
            }
            return removed.map { DependencyDifference(.removed, kind: kind, target: $0.target) }
                + added.map { DependencyDifference(.added, kind: kind, target: $0.target) }
        }
    }
}

extension Dependency {
    fileprivate func isSame(as other: Dependency) -> Bool {
        targetType == other.targetType && targetID == other.targetID && target == other.target
    }
}
