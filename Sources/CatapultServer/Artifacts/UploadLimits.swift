import CatapultAPI

/// What an upload may take of the server's disk.
struct UploadLimits: Sendable {
    /// Largest file in bytes; nil for no limit.
    let maximumSize: Int64?
    private let space: CachedFact<FileSystemSpace?>

    init(maximumSize: Int64?, folder: String) {
        self.maximumSize = maximumSize
        space = FileSystemSpace.around(folder)
    }

    /// Refuses what cannot be taken, before a byte of it was sent.
    ///
    /// - Parameter reserved: bytes that others were promised.
    /// - Throws: 413, 507.
    func check(size: Int64, reserved: Int64 = 0) async throws {
        if let maximumSize, size > maximumSize { throw CatapultError.tooLarge(limit: maximumSize) }
        guard let free = await space.value()?.free, free - reserved < size else { return }
        var error = CatapultError.storageFull("making room for \(size) bytes")
        error.message = "The server's disk has \(max(0, free - reserved)) bytes to spare, but the file has \(size)."
        error.details["free_bytes"] = .int(free)
        throw error
    }

    /// The largest size that is taken.
    var limit: Int64 { maximumSize ?? .max }
}
