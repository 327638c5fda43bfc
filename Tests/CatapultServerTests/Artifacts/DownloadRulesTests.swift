import CatapultAPI
import Foundation
import HTTPTypes
import Testing

@testable import CatapultServer

@Suite struct DownloadRulesTests {
    @Test(
        arguments: [
            (nil, ByteRange.whole), ("bytes=0-9", .part(0..<10)), ("bytes=5-", .part(5..<100)), ("bytes=-10", .part(90..<100)),
            ("bytes=-1000", .part(0..<100)), ("bytes=99-1000", .part(99..<100)), ("bytes=100-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable),
            ("bytes=99999999999999999999-", .unsatisfiable), ("bytes=0-99999999999999999999", .part(0..<100)),
            ("BYTES= 1-1 ", .part(1..<2)),
            ("bytes=9-5", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes=1-2,4-5", .whole), ("bytes=", .whole),
            ("items=0-9", .whole), ("bytes=0x1-2", .whole), ("bytes=+1-2", .whole), ("bytes=1--2", .whole),
        ] as [(String?, ByteRange)])
    func rangesAreRead(_ header: String?, _ expected: ByteRange) {
        #expect(ByteRange(header: header, size: 100) == expected)
    }

    @Test func nothingOfAnEmptyFileCanBeAskedFor() {
        #expect(ByteRange(header: "bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange(header: "bytes=-1", size: 0) == .unsatisfiable)
        #expect(ByteRange(header: nil, size: 0) == .whole)
    }

    @Test func datesHaveTheFormOfHTTP() {
        let time = Timestamp(microseconds: 784_111_777_000_000)
        #expect(HTTPDate.text(time) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.seconds("Sunday, 06-Nov-94 08:49:37 GMT") == nil)
        #expect(HTTPDate.seconds("Sun, 99 Nov 1994 08:49:37 GMT") == nil)
    }

    @Test(arguments: [
        ("a.bin", "attachment; filename=\"a.bin\""),
        ("a \"b\".bin", "attachment; filename=\"a _b_.bin\"; filename*=UTF-8''a%20%22b%22.bin"),
        ("größe.gguf", "attachment; filename=\"gr__e.gguf\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.gguf"),
        ("a\r\nSet-Cookie: x", "attachment; filename=\"a_Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x"),
    ])
    func namesAreQuoted(_ name: String, _ header: String) {
        #expect(Download.disposition(name) == header)
    }

    @Test func conditionsHaveTheirPrecedence() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-download-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(repeating: 1, count: 100).write(to: URL(fileURLWithPath: folder + "/file"))
        let file = try OpenedFile.beneath(folder, "file")
        let download = Download(file: file, filename: "file", sha256: "abc")
        let date = HTTPDate.text(file.facts.modifiedAt)
        #expect(download.answer(to: [:]) == .whole)
        #expect(download.answer(to: [.ifNoneMatch: "\"x\", \"abc\""]) == .notModified)
        #expect(download.answer(to: [.ifNoneMatch: "W/\"abc\""]) == .notModified)
        #expect(download.answer(to: [.ifNoneMatch: "\"x\"", .ifModifiedSince: date]) == .whole)
        #expect(download.answer(to: [.ifModifiedSince: date]) == .notModified)
        #expect(download.answer(to: [.ifMatch: "\"x\""]) == .preconditionFailed)
        #expect(download.answer(to: [.ifMatch: "*", .range: "bytes=0-0"]) == .part(0..<1))
        #expect(download.answer(to: [.ifUnmodifiedSince: "Sun, 06 Nov 1994 08:49:37 GMT"]) == .preconditionFailed)
        #expect(download.answer(to: [.ifRange: "\"abc\"", .range: "bytes=1-2"]) == .part(1..<3))
        #expect(download.answer(to: [.ifRange: date, .range: "bytes=1-2"]) == .part(1..<3))
        #expect(download.answer(to: [.ifRange: "\"old\"", .range: "bytes=1-2"]) == .whole)
        #expect(download.answer(to: [.ifRange: "W/\"abc\"", .range: "bytes=1-2"]) == .whole)
        #expect(download.answer(to: [.range: "bytes=100-"]) == .unsatisfiable)
        #expect(Download(file: file, filename: "file", sha256: nil).entityTag != download.entityTag)
    }

    @Test func aFileIsOpenedWithoutFollowingLinks() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-open-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data([1]).write(to: URL(fileURLWithPath: folder + "/real/file"))
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "/etc")
        try FileManager.default.createSymbolicLink(atPath: folder + "/real/passwd", withDestinationPath: "/etc/passwd")
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        #expect(try OpenedFile.beneath(folder, "real/file").facts.size == 1)
        for path in ["link/passwd", "real/passwd", "../x", "real/../../x", "real", "pipe", "", "real/none"] {
            #expect(throws: FileProblem.self) { _ = try OpenedFile.beneath(folder, path) }
        }
    }

    @Test func bandwidthLimitsSpreadWorkOverTime() {
        var limit = BandwidthLimit(perSecond: 100)
        let start = ContinuousClock.now
        #expect(limit.count(50, at: start) == start + .seconds(0.5))
        #expect(limit.count(100, at: start + .seconds(1)) == start + .seconds(1.5))
        var free = BandwidthLimit(perSecond: nil)
        #expect(free.count(1 << 40, at: start) == start)
    }
}
