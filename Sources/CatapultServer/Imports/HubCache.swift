import CatapultAPI
import Glibc
import ModelFiles

/// The cache of the hub's own tools (huggingface_hub, "Understand caching"): per repository a folder `models--org--name` with
/// `refs/<revision>` (a file that holds a commit), `snapshots/<commit>` (links) and `blobs/<digest>` (bytes).
struct HubCache: Sendable, Equatable {
    /// The folder with the files: absolute.
    var snapshot: String
    /// Links of the snapshot may lead anywhere beneath this folder.
    var boundary: String
    /// `org/name`, where the folder's name tells it.
    var repository: String?
    var commit: String?

    /// Finds the snapshot that a path means: a cache, a repository in it, a snapshot, or any plain folder. Blocks.
    /// - Throws: 400 with what is there.
    static func find(at path: String, repository: String?, revision: String?) throws(CatapultError) -> HubCache {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        if let own = self.repository(ofFolder: name) { return try inRepository(path, own, revision: revision) }
        if isFolder("\(path)/snapshots"), isFolder("\(path)/blobs") { return try inRepository(path, repository, revision: revision) }
        let parts = path.split(separator: "/").map(String.init)
        if parts.count >= 3, parts[parts.count - 2] == "snapshots" {
            let boundary = "/" + parts.dropLast(2).joined(separator: "/")
            return HubCache(
                snapshot: path, boundary: boundary, repository: self.repository(ofFolder: parts[parts.count - 3]) ?? repository,
                commit: HubRepository.isCommit(name) ? name : nil)
        }
        let repositories = names(in: path).compactMap { self.repository(ofFolder: $0) }.sorted()
        guard !repositories.isEmpty else {
            // A plain folder: whatever was downloaded without the cache.
            return HubCache(snapshot: path, boundary: path, repository: repository, commit: nil)
        }
        guard let chosen = repository ?? (repositories.count == 1 ? repositories[0] : nil), repositories.contains(chosen) else {
            throw .invalid(
                field: "repository",
                repository == nil
                    ? "The cache holds \(repositories.count) repositories" : "The cache does not hold \(repository ?? "")",
                hint: "Name one of \(repositories.prefix(10).joined(separator: ", ")).",
                details: ["repositories": .array(repositories.prefix(100).map(JSONValue.string))])
        }
        return try inRepository("\(path)/\(folder(of: chosen))", chosen, revision: revision)
    }

    private static func inRepository(_ path: String, _ repository: String?, revision: String?) throws(CatapultError) -> HubCache {
        let wanted = revision ?? "main"
        let commits = names(in: "\(path)/snapshots").filter { isFolder("\(path)/snapshots/\($0)") }.sorted()
        let commit = commits.contains(wanted) ? wanted : reference(wanted, in: path)
        // Without the branch that was meant, a single snapshot leaves no choice.
        guard let chosen = commit ?? (revision == nil && commits.count == 1 ? commits[0] : nil), commits.contains(chosen) else {
            let known = names(in: "\(path)/refs") + commits
            throw .invalid(
                field: "revision", "The cache has no snapshot of \(repository ?? path) at \(wanted)",
                hint: known.isEmpty ? "Download the model into the cache first." : "It has \(known.prefix(10).joined(separator: ", ")).")
        }
        return HubCache(snapshot: "\(path)/snapshots/\(chosen)", boundary: path, repository: repository, commit: chosen)
    }

    /// The same with links resolved.
    /// - Throws: 400 where the snapshot lies elsewhere than in its repository, or leads out of the storage root.
    func resolved(beneath storage: StoragePaths) throws(CatapultError) -> HubCache {
        var cache = self
        cache.snapshot = try storage.resolve(snapshot)
        cache.boundary = try storage.resolve(boundary)
        guard cache.snapshot == cache.boundary || cache.snapshot.hasPrefix(cache.boundary + "/") else {
            throw .invalid(
                "InvalidPathError", field: "path", "The snapshot \(snapshot) is a link that leads out of its repository",
                hint: "Name the folder that it leads to.")
        }
        return cache
    }

    /// What a repository's folder is called: that of `org/name` is `models--org--name`.
    static func folder(of repository: String) -> String { "models--" + repository.replacing("/", with: "--") }

    /// `models--org--name` stands for `org/name`.
    static func repository(ofFolder name: String) -> String? {
        guard name.hasPrefix("models--") else { return nil }
        let rest = name.dropFirst("models--".count)
        return rest.isEmpty ? nil : String(rest).replacing("--", with: "/", maxReplacements: 1)
    }

    /// The commit in `refs/<name>`; branches may have slashes in their names.
    private static func reference(_ name: String, in path: String) -> String? {
        guard !name.split(separator: "/").contains("..") else { return nil }
        // A pipe in the place of a file must not hold the thread.
        guard let file = try? FileBytes(path: "\(path)/refs/\(name)"), let bytes = try? file.read(at: 0, count: 64) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
        return text.flatMap { HubRepository.isCommit($0) ? $0 : nil }
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory), names.count < 100_000 {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
