import CatapultAPI

/// What a sync has to do, given what lies in the models directory and what the registry knows. A pure value.
struct SyncPlan: Sendable, Equatable {
    /// What the registry knows of a path.
    struct Known: Sendable, Equatable {
        var modelID: String
        var modelName: String
        var source: ModelSource
        /// As the last sync saw it; nil for a model that no sync has made.
        var fingerprint: String?
        var isMissing = false
    }

    /// A folder as the scan saw it.
    struct Seen: Sendable, Equatable {
        var path: String
        var name: String
        var folder: String
        var fingerprint: String
    }

    enum Step: Sendable, Equatable {
        /// A model that the registry does not know.
        case add(String)
        /// Other files than last time: a new version.
        case change(String)
        /// The folder of an orphaned model is back as it was.
        case restore(String)
        /// The folder is gone.
        case orphan(String)
        /// Nothing changed.
        case keep(String)
        /// Somebody registered this folder by hand: it is theirs.
        case leave(String, owner: String)
        /// The name belongs to a model whose files lie elsewhere.
        case clash(String, name: String)
    }

    var steps: [Step] = []

    /// - Parameters:
    ///   - seen: the folders, each path once.
    ///   - synced: what earlier syncs made, by path.
    ///   - owned: models that were registered by hand, by the folder that their files lie in.
    ///   - taken: names of all models that the registry knows among those seen, with the path that a sync made them from; nil where none did.
    init(seen: [Seen], synced: [String: Known], owned: [String: String], taken: [String: String?]) {
        for folder in seen {
            if let known = synced[folder.path] {
                if known.fingerprint != folder.fingerprint {
                    steps.append(.change(folder.path))
                } else {
                    steps.append(known.isMissing || known.source == .orphaned ? .restore(folder.path) : .keep(folder.path))
                }
            } else if let owner = Self.owner(of: folder.folder, among: owned) {
                steps.append(.leave(folder.path, owner: owner))
            } else if taken.keys.contains(folder.name) {
                steps.append(.clash(folder.path, name: folder.name))
            } else {
                steps.append(.add(folder.path))
            }
        }
        let there = Set(seen.map(\.path))
        for (path, known) in synced.sorted(by: { $0.key < $1.key }) where !there.contains(path) && !known.isMissing {
            steps.append(.orphan(path))
        }
    }

    /// Who registered a folder, or one that it lies in.
    private static func owner(of folder: String, among owned: [String: String]) -> String? {
        var path = Substring(folder)
        while true {
            if let owner = owned[String(path)] { return owner }
            guard let slash = path.lastIndex(of: "/") else { return nil }
            path = path[..<slash]
        }
    }
}
