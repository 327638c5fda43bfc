import CatapultAPI
import Glibc

/// Finds the files of the store's folders that have not changed for a while.
enum StoreSweep {
    struct File: Sendable {
        /// Path beneath the storage root.
        var path: String
        var size: Int64
        var changedAt: Timestamp
        /// The upload that the file belongs to, by its name.
        var uploadID: String?
    }

    /// Blocks.
    static func files(in folders: StoreFolders, changedBefore moment: Timestamp) -> [File] {
        var found: [File] = []
        for shelf in names(in: folders.absolute(StoreFolders.blobs)) {
            collect("\(StoreFolders.blobs)/\(shelf)", folders, moment, into: &found)
        }
        collect(StoreFolders.temporary, folders, moment, into: &found)
        collect(StoreFolders.uploads, folders, moment, into: &found)
        return found
    }

    /// Removes files that were being received by a server that is gone, and gives their number. Those of one that is there are locked. Blocks.
    static func removeAbandoned(in folders: StoreFolders, changedBefore moment: Timestamp) -> Int {
        var found: [File] = []
        collect(StoreFolders.temporary, folders, moment, into: &found)
        return found.reduce(0) { $0 + (FileLock.removeAbandoned(folders.absolute($1.path)) ? 1 : 0) }
    }

    private static func collect(_ folder: String, _ folders: StoreFolders, _ moment: Timestamp, into found: inout [File]) {
        for name in names(in: folders.absolute(folder)) {
            var facts = stat()
            guard lstat(folders.absolute("\(folder)/\(name)"), &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { continue }
            // Renaming and linking change this time, unlike that of the content.
            let changed = Timestamp(microseconds: Int64(facts.st_ctim.tv_sec) * 1_000_000 + Int64(facts.st_ctim.tv_nsec) / 1_000)
            guard changed < moment else { continue }
            found.append(
                File(
                    path: "\(folder)/\(name)", size: Int64(facts.st_size), changedAt: changed,
                    uploadID: folder == StoreFolders.uploads && name.hasSuffix(".part") ? String(name.dropLast(5)) : nil))
        }
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
