import NIOCore

/// A list of what an archive shall hold, such as the context of an image build.
///
/// Nothing is read before ``prepare(chunkBytes:)``. The archive depends only on paths and contents: entries are sorted, owners, times and modes are the same
/// everywhere, and every directory above an entry is there.
public struct TarArchive: Sendable {
    /// The most entries of an archive.
    public static let maximumEntries = 500_000

    enum Source: Sendable {
        case bytes(ByteBuffer, isExecutable: Bool)
        case file(String, isExecutable: Bool?)
        case tree(String)
        case symbolicLink(target: String)
    }

    private(set) var sources: [(path: String, source: Source)] = []

    /// Makes an empty list.
    public init() {}

    /// Adds a file with contents in memory.
    public mutating func add(_ bytes: ByteBuffer, at path: String, isExecutable: Bool = false) {
        sources.append((path, .bytes(bytes, isExecutable: isExecutable)))
    }

    /// Adds a file with a text.
    public mutating func add(_ text: String, at path: String, isExecutable: Bool = false) {
        add(ByteBuffer(string: text), at: path, isExecutable: isExecutable)
    }

    /// Adds a regular file of this host, which is opened when its turn comes. Symbolic links are followed.
    ///
    /// - Parameters:
    ///   - isExecutable: Nil takes it from the file.
    public mutating func addFile(_ file: String, at path: String, isExecutable: Bool? = nil) {
        sources.append((path, .file(file, isExecutable: isExecutable)))
    }

    /// Adds all that is in a directory of this host.
    ///
    /// Symbolic links within it are kept as links and never followed; one that leads out of it is an error, as are sockets, pipes and devices.
    ///
    /// - Parameters:
    ///   - path: The path in the archive of the directory; empty for the archive's root.
    public mutating func addDirectory(_ directory: String, at path: String = "") {
        sources.append((path, .tree(directory)))
    }

    /// Adds a symbolic link.
    public mutating func addSymbolicLink(to target: String, at path: String) {
        sources.append((path, .symbolicLink(target: target)))
    }

    /// Looks at all files, and gives the archive as a stream of known length.
    ///
    /// - Parameters:
    ///   - chunkBytes: About how much the stream holds in memory at a time.
    /// - Throws: ``TarError``.
    public func prepare(chunkBytes: Int = 256 << 10) async throws -> TarStream {
        var plan = TarPlan()
        for (path, source) in sources {
            switch source {
            case .bytes(let bytes, let isExecutable):
                try plan.insert(
                    TarHeader(path: path, kind: .file, size: Int64(bytes.readableBytes), isExecutable: isExecutable), .bytes(bytes))
            case .file(let file, let isExecutable):
                let snapshot = try await FileSnapshot.ofFile(file)
                try plan.insert(
                    TarHeader(path: path, kind: .file, size: snapshot.size, isExecutable: isExecutable ?? snapshot.isExecutable),
                    .file(snapshot))
            case .symbolicLink(let target):
                try plan.insert(TarHeader(path: path, kind: .symbolicLink, linkTarget: target), .none)
            case .tree(let directory):
                if !path.isEmpty { try plan.insert(TarHeader(path: path, kind: .directory), .none) }
                try await DirectoryWalk(root: directory, archivePath: path).add(to: &plan)
            }
        }
        return TarStream(items: plan.sorted(), chunkBytes: max(chunkBytes, TarHeader.blockBytes))
    }
}

/// The entries of an archive by path, with the directories above them. Refuses paths that cannot be together.
struct TarPlan {
    enum Content: Sendable {
        case none
        case bytes(ByteBuffer)
        case file(FileSnapshot)
    }

    struct Item: Sendable {
        var header: TarHeader
        var content: Content
    }

    private var items: [String: Item] = [:]

    mutating func insert(_ header: TarHeader, _ content: Content) throws(TarError) {
        let components = header.path.split(separator: "/", omittingEmptySubsequences: false)
        guard !header.path.contains("\0"), components.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw .invalidPath(header.path)
        }
        guard items.count < TarArchive.maximumEntries else { throw .tooManyEntries(limit: TarArchive.maximumEntries) }

        var parent = ""
        for component in components.dropLast() {
            parent += parent.isEmpty ? String(component) : "/\(component)"
            if let present = items[parent] {
                guard present.header.kind == .directory else { throw .conflictingPath(parent) }
            } else {
                items[parent] = Item(header: TarHeader(path: parent, kind: .directory), content: .none)
            }
        }
        if let present = items[header.path] {
            // Two directories are one.
            guard present.header.kind == .directory, header.kind == .directory else { throw .conflictingPath(header.path) }
        }
        items[header.path] = Item(header: header, content: content)
    }

    /// In the order of the paths' bytes, in which a directory comes before what is in it.
    func sorted() -> [Item] {
        items.values.sorted { $0.header.path.utf8.lexicographicallyPrecedes($1.header.path.utf8) }
    }
}
