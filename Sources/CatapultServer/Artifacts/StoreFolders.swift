import CatapultAPI
import Glibc

/// The store's folders beneath the storage root. Everything in them is the server's own.
///
/// ```
/// .catapult/blobs/sha256/ab/cdef….1f2e3d4c    bytes by digest, read-only; the ending keeps two files of one digest apart
/// .catapult/uploads/<id>.part                 uploads in pieces
/// .catapult/tmp/<id>                          files that are being received or linked
/// ```
struct StoreFolders: Sendable {
    static let blobs = "\(StoragePaths.reserved)/blobs/sha256"
    static let uploads = "\(StoragePaths.reserved)/uploads"
    static let temporary = "\(StoragePaths.reserved)/tmp"

    let root: String

    /// Makes the folders.
    init(root: String) throws {
        self.root = root
        for folder in [Self.blobs, Self.uploads, Self.temporary] { try PrivateFile.makeDirectory("\(root)/\(folder)", mode: 0o750) }
    }

    func absolute(_ relative: String) -> String { "\(root)/\(relative)" }

    func newTemporary() -> String { absolute("\(Self.temporary)/\(Identifier.make())") }

    func uploadFile(_ id: String) -> String { absolute("\(Self.uploads)/\(id).part") }

    /// A new name for bytes with a digest, beneath the root. Never used twice, so that removing an old file cannot hit a new one.
    func newBlob(_ sha256: String) -> String {
        "\(Self.blobs)/\(sha256.prefix(2))/\(sha256.dropFirst(2)).\(Identifier.make().suffix(8))"
    }

    /// Makes the names in a folder survive a loss of power.
    static func syncFolder(_ path: String) throws(FileProblem) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileProblem(errno: errno, doing: "syncing", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileProblem(errno: errno, doing: "syncing", path) }
    }
}
