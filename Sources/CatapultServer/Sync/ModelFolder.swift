import CatapultAPI
import Crypto
import Glibc
import ModelFiles

/// A model as it lies in the models directory: a folder, a GGUF file with its shards, or a repository of a hub's cache.
struct ModelFolder: Sendable {
    /// What tells it from others: its path beneath the storage root; that of the first shard for a GGUF file.
    var path: String
    /// Name of the model.
    var name: String
    /// Folder of the files, beneath the storage root.
    var folder: String
    var files: [ModelFile]
    /// Tells one state of the files from another without reading them: their paths, sizes, times and inodes.
    var fingerprint: String
    var repository: String?
}

/// What the models directory holds.
struct ModelFolderScan: Sendable {
    var folders: [ModelFolder] = []
    /// What could not be taken, by path beneath the storage root.
    var problems: [(path: String, reason: String)] = []

    /// Folders below the models directory that are looked into for models: `name`, and `org/name`.
    private static let depth = 2

    private let storage: StoragePaths
    private let directory: String
    private var root: String { storage.root }

    /// Walks the models directory. Blocks.
    ///
    /// - Parameters:
    ///   - directory: absolute, with links resolved, beneath `root`.
    ///   - storage: the storage root.
    init(directory: String, storage: StoragePaths) {
        self.storage = storage
        self.directory = directory
        // A folder that was never made is an empty one; one that cannot be listed is a problem.
        if access(directory, F_OK) == 0 || errno != ENOENT { look(into: directory, prefix: "", depth: Self.depth) }
        folders.sort { $0.path < $1.path }
        // Two folders may mean one model, such as org/name and models--org--name: the first by path wins.
        var names: Set<String> = []
        for folder in folders where !names.insert(folder.name).inserted {
            problems.append((folder.path, "another folder stands for the model \(folder.name) already"))
        }
        names = []
        folders.removeAll { !names.insert($0.name).inserted }
    }

    private func relative(_ path: String) -> String { String(decoding: path.utf8.dropFirst(root.utf8.count + 1), as: UTF8.self) }

    private mutating func look(into folder: String, prefix: String, depth: Int) {
        guard let entries = Self.entries(of: folder) else {
            return problems.append((relative(folder), "the folder cannot be listed: \(String(cString: strerror(errno)))"))
        }
        for group in ShardGroup.groups(of: prefix.isEmpty ? entries.files.filter { $0.lowercased().hasSuffix(".gguf") } : []) {
            take(group, in: folder)
        }
        for name in entries.unnamed { problems.append((relative("\(folder)/\(name)"), "its name is not UTF-8")) }
        for link in entries.links { problems.append((relative("\(folder)/\(link)"), "it is a symbolic link, which is not followed")) }
        for name in entries.folders {
            let path = "\(folder)/\(name)"
            if HubCache.repository(ofFolder: name) != nil {
                takeCache(path)
            } else if let inner = Self.entries(of: path) {
                if !inner.files.isEmpty || !inner.links.isEmpty {
                    take(path, named: prefix + name)
                } else if inner.folders.contains(where: { HubCache.repository(ofFolder: $0) != nil }) || depth > 1 {
                    look(into: path, prefix: "\(prefix)\(name)/", depth: depth - 1)
                }
            } else {
                problems.append((relative(path), "the folder cannot be listed: \(String(cString: strerror(errno)))"))
            }
        }
    }

    private mutating func take(_ group: ShardGroup, in folder: String) {
        let files = group.paths.compactMap { path in
            FileFacts(path: "\(folder)/\(path)").map { ModelFile(path: path, byteCount: $0.size, location: "\(folder)/\(path)") }
        }
        guard let first = files.first, !group.isProjector else { return }
        add(path: relative("\(folder)/\(first.path)"), name: group.stem, folder: relative(folder), files, repository: nil)
    }

    private mutating func take(_ path: String, named name: String) {
        do throws(ModelFileError) {
            let found = try ModelDirectory(path: path)
            for skipped in found.skipped { problems.append((relative("\(path)/\(skipped)"), "it leads out of the folder, or is no file")) }
            guard !found.files.isEmpty else { return }
            add(path: relative(path), name: name, folder: relative(path), found.files, repository: nil)
        } catch {
            problems.append((relative(path), error.reason))
        }
    }

    private mutating func takeCache(_ path: String) {
        do {
            let cache = try HubCache.find(at: path, repository: nil, revision: nil).resolved(beneath: storage)
            let found = try ModelDirectory(path: cache.snapshot, boundary: cache.boundary)
            guard let repository = cache.repository, !found.files.isEmpty else { return }
            add(path: relative(path), name: repository, folder: relative(cache.snapshot), found.files, repository: repository)
        } catch let error as CatapultError {
            problems.append((relative(path), "\(error.message) \(error.hint ?? "")"))
        } catch {
            problems.append((relative(path), "\(error)"))
        }
    }

    private mutating func add(path: String, name: String, folder: String, _ files: [ModelFile], repository: String?) {
        guard TextRule.name.matches(name) else {
            return problems.append((path, "its name cannot be that of a model: \(TextRule.name.words) are allowed"))
        }
        var hash = SHA256()
        for file in files {
            guard let facts = file.location.flatMap({ FileFacts(path: $0) }) else {
                return problems.append((path, "\(file.path) went away while the folder was looked at"))
            }
            hash.update(data: Array("\(file.path)\0\(facts.size)\0\(facts.modifiedNanoseconds)\0\(facts.inode)\n".utf8))
        }
        folders.append(
            ModelFolder(
                path: path, name: name, folder: folder, files: files, fingerprint: hash.finalize().hexadecimal, repository: repository))
    }

    private struct Entries {
        var files: [String] = []
        var folders: [String] = []
        var links: [String] = []
        /// Names that are no text, made one.
        var unnamed: [String] = []
    }

    /// What is not hidden in a folder, sorted; nil where it cannot be listed.
    private static func entries(of folder: String) -> Entries? {
        guard let directory = opendir(folder) else { return nil }
        defer { closedir(directory) }
        var entries = Entries()
        while let entry = readdir(directory) {
            let bytes = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            let name = String(decoding: bytes, as: UTF8.self)
            guard !name.hasPrefix(".") else { continue }
            guard name.utf8.elementsEqual(bytes) else {
                entries.unnamed.append(name)
                continue
            }
            var facts = stat()
            guard lstat("\(folder)/\(name)", &facts) == 0 else { continue }
            switch facts.st_mode & S_IFMT {
            case S_IFREG: entries.files.append(name)
            case S_IFDIR: entries.folders.append(name)
            case S_IFLNK: entries.links.append(name)
            default: continue
            }
        }
        entries.files.sort()
        entries.folders.sort()
        entries.links.sort()
        return entries
    }
}
