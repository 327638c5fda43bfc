import Foundation
import Glibc
import Testing

/// A file system in memory, mounted in a temporary folder.
struct SmallFileSystem: Sendable {
    let path: String

    static var isAllowed: Bool { geteuid() == 0 }

    init(megabytes: Int) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "catapult-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let status = mount("catapult-test", path, "tmpfs", 0, "size=\(megabytes)m")
        try #require(status == 0, "mount failed: \(String(cString: strerror(errno)))")
    }

    /// Takes all that is left.
    func fill() throws {
        let descriptor = open("\(path)/filler", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4_096)
        while write(descriptor, block, block.count) > 0 {}
        try #require(errno == ENOSPC)
    }

    /// Takes all but so many bytes.
    func fill(leaving bytes: Int) throws {
        try fill()
        let size = try FileManager.default.attributesOfItem(atPath: "\(path)/filler")[.size] as? Int ?? 0
        try #require(truncate("\(path)/filler", off_t(size - bytes)) == 0)
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: "\(path)/filler") }

    func unmount() {
        umount2(path, Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: path)
    }
}
