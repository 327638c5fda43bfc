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
        case orphan(String, name: String)
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
    ///   - taken: names among those seen that models have which no sync made from these paths.
    ///   - unreadable: paths where something lies that could not be looked at: what was beneath them is not taken for gone.
    init(seen: [Seen], synced: [String: Known], owned: [String: String], taken: Set<String>, unreadable: Set<String> = []) {
        for folder in seen {
            if let known = synced[folder.path] {
                if known.fingerprint != folder.fingerprint {
                    steps.append(.change(folder.path))
                } else {
                    steps.append(known.isMissing || known.source == .orphaned ? .restore(folder.path) : .keep(folder.path))
                }
            } else if let owner = Self.first(above: folder.folder, in: { owned[$0] }) {
                steps.append(.leave(folder.path, owner: owner))
            } else if taken.contains(folder.name) {
                steps.append(.clash(folder.path, name: folder.name))
            } else {
                steps.append(.add(folder.path))
            }
        }
        let there = Set(seen.map(\.path))
        for (path, known) in synced.sorted(by: { $0.key < $1.key }) where !there.contains(path) && !known.isMissing {
            let isUnreadable = Self.first(above: path) { unreadable.contains($0) ? true : nil } == true
            if !isUnreadable { steps.append(.orphan(path, name: known.modelName)) }
        }
    }

    /// What is known of a path, or of the nearest folder that it lies in.
    private static func first<Value>(above path: String, in known: (String) -> Value?) -> Value? {
        var path = Substring(path)
        while true {
            if let value = known(String(path)) { return value }
            guard let slash = path.lastIndex(of: "/") else { return nil }
            path = path[..<slash]
        }
    }
}
