import CatapultAPI

/// What remains to be done so that a version holds the local files. A pure decision.
enum Registration: Equatable {
    /// The version has exactly these files and all have arrived.
    case complete
    /// The version has exactly these files; those with these paths have not arrived.
    case incomplete(missing: [String])
    /// The version is there with other files: versions never change.
    case different(Difference)

    /// How two lists of files differ.
    struct Difference: Equatable {
        var changed: [String] = []
        var onlyHere: [String] = []
        var onlyThere: [String] = []

        /// The difference in words, with the first names.
        var text: String {
            let parts = [("changed", changed), ("only here", onlyHere), ("only in the version", onlyThere)].filter { !$0.1.isEmpty }
            return parts.map { words, paths in
                let more = paths.count > 2 ? ", …" : ""
                return "\(paths.count) \(words) (\(paths.prefix(2).joined(separator: ", "))\(more))"
            }.joined(separator: ", ")
        }
    }

    /// Compares the local files with those that the server lists for the version.
    init(local: [VersionFile], listed: [VersionFile]) {
        let here = Dictionary(local.map { ($0.path, $0) }) { $1 }
        let there = Dictionary(listed.map { ($0.path, $0) }) { $1 }
        let difference = Difference(
            changed: here.values.filter { file in there[file.path].map { $0.sha256 != file.sha256 } ?? false }.map(\.path).sorted(),
            onlyHere: here.keys.filter { there[$0] == nil }.sorted(), onlyThere: there.keys.filter { here[$0] == nil }.sorted()
        )
        guard difference == Difference() else {
            self = .different(difference)
            return
        }
        let missing = listed.filter { $0.stored != true }.map(\.path).sorted()
        self = missing.isEmpty ? .complete : .incomplete(missing: missing)
    }
}

/// Where a version's files live on the server. A pure decision.
struct StoragePlace: Equatable {
    /// The model's folder, for a model that is made now.
    var modelPath: String
    /// The version's folder.
    var versionPath: String
    /// True where the files are there already, so that nothing has to be copied.
    var isInPlace: Bool

    /// Files beneath the server's storage root stay where they are; others go to `models/NAME/VERSION` beneath it.
    ///
    /// - Parameters:
    ///   - folder: the local folder without symbolic links.
    ///   - root: the server's storage root without symbolic links; nil where this machine has no such folder.
    ///   - model: the name of the model.
    ///   - version: the version.
    init(folder: String, root: String?, model: String, version: String) {
        isInPlace = root.map { folder.hasPrefix($0 == "/" ? "/" : $0 + "/") } ?? false
        modelPath = isInPlace ? folder : "models/\(model)"
        versionPath = isInPlace ? folder : "models/\(model)/\(version)"
    }
}
