import CatapultAPI
import Glibc

/// Folders of files that others provide: to be browsed and downloaded, never written.
struct ArtifactSources: Sendable {
    /// A source as the server is configured with it.
    struct Definition: Sendable, Equatable {
        var id: String
        var name: String
        var description: String
        /// Beneath the storage root.
        var path: String
    }

    /// The source that earlier clients know (contract, section 3.5).
    static let standard = [
        Definition(
            id: "vllm_wheels", name: "vLLM wheels", description: "Wheels of vLLM that were built beforehand", path: "vllm_wheels_prebuilt")
    ]
    /// Most files of a flat list.
    private static let mostFiles = 100_000
    private static let deepest = 32

    let storage: StoragePaths
    var definitions = Self.standard

    func list() async throws -> [ArtifactSource] {
        try await HashingPool.foreground.run { definitions.map { Self.resource($0, folder: try? storage.resolve($0.path)) } }
    }

    /// One folder of a source: what is there, folders and files by name.
    func browse(_ call: BrowseArtifactSource) async throws -> ArtifactSourceFolder {
        let (source, root) = try find(call.sourceID)
        let path = call.path ?? ""
        let folder = try Self.inside(root, path, storage)
        return try await HashingPool.foreground.run {
            // A source that nobody has filled yet is empty, as its flat list is.
            guard let entries = Self.entries(of: folder) ?? (folder == root ? [] : nil) else { throw Self.unreadable(path) }
            let relative = folder == root ? "" : String(folder.dropFirst(root.utf8.count + 1))
            let base = relative.isEmpty ? "" : relative + "/"
            var crumbs: [ArtifactSourceFolder.Breadcrumb] = []
            for part in relative.split(separator: "/") {
                crumbs.append(.init(name: String(part), path: (crumbs.last.map { $0.path + "/" } ?? "") + part))
            }
            return ArtifactSourceFolder(
                source: source, path: relative, breadcrumbs: crumbs,
                folders: entries.filter(\.isFolder).map {
                    .init(name: $0.name, path: base + $0.name, itemCount: Self.entries(of: "\(folder)/\($0.name)")?.count ?? 0)
                },
                files: entries.compactMap { Self.file($0.name, base + $0.name, at: "\(folder)/\($0.name)") })
        }
    }

    /// All files of a source, by path.
    func files(_ call: ListSourceFiles) async throws -> ArtifactSourceFiles {
        let (source, root) = try find(call.sourceID)
        let files = try await HashingPool.foreground.run {
            var found: [ArtifactSourceFile] = []
            Self.walk(root, "", depth: 0, into: &found)
            return found.sorted { $0.path < $1.path }
        }
        return ArtifactSourceFiles(source: source, files: files)
    }

    /// A file of a source, open.
    func download(_ call: DownloadSourceFile) async throws -> Download {
        let (_, root) = try find(call.sourceID)
        let path = storage.relative(try Self.inside(root, call.path, storage))
        let file = try await BlobStore.mappingProblems(doing: "opening \(call.path)") {
            try await HashingPool.foreground.run { try OpenedFile.beneath(storage.root, path) }
        }
        return Download(file: file, filename: path.split(separator: "/").last.map(String.init) ?? call.sourceID, sha256: nil)
    }

    private func find(_ id: String) throws(CatapultError) -> (ArtifactSource, root: String) {
        guard let definition = definitions.first(where: { $0.id == id }) else {
            throw .invalid(
                field: "source_id", "There is no artifact source \(id.prefix(100)).",
                hint: "There are: \(definitions.map(\.id).joined(separator: ", ")).")
        }
        let root = try storage.resolve(definition.path)
        return (Self.resource(definition, folder: root), root)
    }

    private static func resource(_ definition: Definition, folder: String?) -> ArtifactSource {
        ArtifactSource(
            id: definition.id, name: definition.name, description: definition.description, path: definition.path,
            available: folder.map { isFolder($0) } ?? false)
    }

    /// The absolute path of what a client names in a source; links may not lead out of the source.
    private static func inside(_ root: String, _ path: String, _ storage: StoragePaths) throws(CatapultError) -> String {
        guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else { throw unreadable(path) }
        let absolute = try storage.resolve(path.isEmpty ? root : "\(root)/\(path)")
        guard absolute == root || absolute.hasPrefix(root + "/") else { throw unreadable(path) }
        return absolute
    }

    private static func unreadable(_ path: String) -> CatapultError {
        .invalid(
            "InvalidPathError", field: "path", "The source has no folder or file '\(path.prefix(200))'",
            hint: "Give a path in the source, without '..'.", details: ["path": .string(String(path.prefix(1_000)))])
    }

    private struct Entry: Sendable {
        var name: String
        var isFolder: Bool
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    /// What a folder holds, by name; hidden things and links are passed over.
    private static func entries(of folder: String) -> [Entry]? {
        guard let directory = opendir(folder) else { return nil }
        defer { closedir(directory) }
        var found: [Entry] = []
        while let entry = readdir(directory), found.count < mostFiles {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard !name.hasPrefix(".") else { continue }
            var facts = stat()
            guard lstat("\(folder)/\(name)", &facts) == 0 else { continue }
            let kind = facts.st_mode & S_IFMT
            if kind == S_IFDIR || kind == S_IFREG { found.append(Entry(name: name, isFolder: kind == S_IFDIR)) }
        }
        return found.sorted { $0.name < $1.name }
    }

    private static func file(_ name: String, _ path: String, at absolute: String) -> ArtifactSourceFile? {
        guard let facts = FileFacts(path: absolute) else { return nil }
        return ArtifactSourceFile(
            name: name, path: path, sizeBytes: facts.size, modifiedAt: Double(facts.modifiedNanoseconds) / 1e9,
            fileType: name.lowercased().hasSuffix(".whl") ? "wheel" : "unknown")
    }

    private static func walk(_ folder: String, _ base: String, depth: Int, into found: inout [ArtifactSourceFile]) {
        guard depth < deepest else { return }
        for entry in entries(of: folder) ?? [] where found.count < mostFiles {
            if entry.isFolder {
                walk("\(folder)/\(entry.name)", base + entry.name + "/", depth: depth + 1, into: &found)
            } else if let file = file(entry.name, base + entry.name, at: "\(folder)/\(entry.name)") {
                found.append(file)
            }
        }
    }
}
