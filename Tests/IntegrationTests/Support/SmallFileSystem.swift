import Foundation
import Glibc
import Testing

/// A small ext4 in a file, mounted in a temporary folder; one in memory where the host lends no loop device.
struct SmallFileSystem: Sendable {
    let path: String

    static var isAllowed: Bool { geteuid() == 0 }

    init(megabytes: Int) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "catapult-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard !mountedFile(megabytes: megabytes) else { return }
        let status = mount("catapult-test", path, "tmpfs", 0, "size=\(megabytes)m")
        try #require(status == 0, "mount failed: \(String(cString: strerror(errno)))")
    }

    private func mountedFile(megabytes: Int) -> Bool {
        let image = "\(path).img"
        // The loop device keeps the file as long as it is mounted.
        defer { unlink(image) }
        let descriptor = open(image, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { return false }
        let hasSize = ftruncate(descriptor, off_t(megabytes) << 20) == 0
        close(descriptor)
        // A journal would take most of so small a disk, and a reserve for root would be no end for these tests.
        return hasSize && succeeds("mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", image)
            && succeeds("mount", "-o", "loop", image, path)
    }

    private func succeeds(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
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
