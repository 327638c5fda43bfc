import CatapultAPI
import Glibc

/// Lists folders beneath the storage root. The kernel keeps every path beneath it; links are shown as links and not followed in a listing.
struct StorageListing: Sendable {
    /// Entries that are read of one folder at most: beyond that a listing says that it was cut.
    static let maximumEntries = 200_000

    /// A part of a folder's entries.
    struct Page: Sendable {
        var files: [StorageFile]
        /// How many entries the folder has, as far as they were read.
        var total: Int
        /// Whether the folder has more than were read.
        var isCut: Bool
    }

    private let root: BeneathRoot
    private let maximumEntries: Int

    init(root: BeneathRoot, maximumEntries: Int = Self.maximumEntries) {
        self.root = root
        self.maximumEntries = maximumEntries
    }

    /// The entries of a folder: folders first, then by name without regard to case. A folder that is not there has none, as earlier clients
    /// expect. Blocks on the disk.
    ///
    /// - Throws: 400 InvalidPathError for what leads out of the root.
    func list(_ path: String, limit: Int, offset: Int) throws -> Page {
        let parts = path.split(separator: "/").filter { $0 != "." }
        // `a/../b` may stay within, but means something else than it says where `a` is a link; nobody needs it.
        guard !parts.contains("..") else { throw Self.refused(path, "it contains '..'") }
        guard !path.utf8.contains(0) else { throw Self.refused(path, "it contains a NUL character") }
        guard parts.first != Substring(StoragePaths.reserved) else { throw Self.refused(path, "it is the server's own folder") }
        let descriptor: Int32
        do {
            descriptor = try root.open(path, as: .directory)
        } catch  where error.isMissing {
            return Page(files: [], total: 0, isCut: false)
        } catch  where error.leadsOut {
            throw Self.refused(path, "it leads out of the storage root")
        } catch {
            throw Self.refused(path, String(cString: strerror(error.code)))
        }
        guard let folder = fdopendir(descriptor) else {
            close(descriptor)
            return Page(files: [], total: 0, isCut: false)
        }
        defer { closedir(folder) }
        let prefix = parts.joined(separator: "/")
        var (entries, isCut) = try read(folder, isRoot: parts.isEmpty)
        entries.sort { left, right in
            if left.isDirectory != right.isDirectory { return left.isDirectory }
            return left.key == right.key ? left.name < right.name : left.key < right.key
        }
        let files = entries.dropFirst(offset).prefix(limit).map { Self.file($0, in: descriptor, prefix) }
        return Page(files: files, total: entries.count, isCut: isCut)
    }

    private struct Entry {
        var name: String
        /// The bytes of the name: not every name on a disk is UTF-8.
        var bytes: [CChar]
        var key: String
        var isDirectory: Bool
    }

    private func read(_ folder: OpaquePointer, isRoot: Bool) throws -> (entries: [Entry], isCut: Bool) {
        var entries: [Entry] = []
        while let entry = readdir(folder) {
            let bytes = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
                }
            }
            let name = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            if name == "." || name == ".." || (isRoot && name == StoragePaths.reserved) { continue }
            guard entries.count < maximumEntries else { return (entries, true) }
            var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var facts = stat()
                isDirectory = fstatat(dirfd(folder), bytes, &facts, AT_SYMLINK_NOFOLLOW) == 0 && facts.st_mode & S_IFMT == S_IFDIR
            }
            entries.append(Entry(name: name, bytes: bytes, key: name.lowercased(), isDirectory: isDirectory))
        }
        return (entries, false)
    }

    private static func file(_ entry: Entry, in folder: Int32, _ prefix: String) -> StorageFile {
        let path = prefix.isEmpty ? entry.name : "\(prefix)/\(entry.name)"
        var facts = stat()
        guard fstatat(folder, entry.bytes, &facts, AT_SYMLINK_NOFOLLOW) == 0 else {
            return StorageFile(name: entry.name, path: path, type: entry.isDirectory ? .directory : .other, size: 0, modified: nil)
        }
        let type: StorageFileType =
            switch facts.st_mode & S_IFMT {
            case S_IFDIR: .directory
            case S_IFREG: .file
            case S_IFLNK: .link
            default: .other
            }
        let modified = Timestamp(microseconds: Int64(facts.st_mtim.tv_sec) * 1_000_000 + Int64(facts.st_mtim.tv_nsec) / 1_000)
        return StorageFile(name: entry.name, path: path, type: type, size: type == .file ? Int64(facts.st_size) : 0, modified: modified)
    }

    private static func refused(_ path: String, _ reason: String) -> CatapultError {
        .invalid(
            "InvalidPathError", field: "path", "The path \(path) is not allowed: \(reason)",
            hint: "Paths begin at the storage root, such as models/gpt-model.", details: ["path": .string(path), "reason": .string(reason)])
    }
}
