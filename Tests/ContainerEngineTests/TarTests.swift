import Foundation
import NIOCore
import Testing

@testable import ContainerEngine

@Suite("Tar archives")
struct TarTests {
    private func bytes(of stream: TarStream) async throws -> ByteBuffer {
        var all = ByteBuffer()
        for try await piece in stream { all.writeImmutableBuffer(piece) }
        return all
    }

    private func write(_ buffer: ByteBuffer, to path: String) throws {
        try Data(buffer.readableBytesView).write(to: URL(filePath: path))
    }

    @Test("is listed and extracted by the system's tar: files, a tree, links, long and foreign names, empty and odd sizes")
    func roundTrip() async throws {
        try await TemporaryDirectory.with { directory in
            let longName = String(repeating: "n", count: 140)
            let deepPath = (0..<30).map { "directory-\($0)" }.joined(separator: "/") + "/" + String(repeating: "f", count: 120)
            let splitPath = String(repeating: "p", count: 90) + "/" + String(repeating: "q", count: 90)
            let large = Data((0..<700_001).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try directory.write(large, to: "tree/weights.bin")
            try directory.write(Data("#!/bin/sh\n".utf8), to: "tree/sub/run.sh", isExecutable: true)
            try directory.write(Data(), to: "tree/empty")
            try FileManager.default.createSymbolicLink(atPath: directory.path("tree/sub/link"), withDestinationPath: "../weights.bin")

            var archive = TarArchive()
            archive.addDirectory(directory.path("tree"), at: "model")
            archive.addFile(directory.path("tree/weights.bin"), at: "copy.bin")
            archive.add("FROM scratch\n", at: "Dockerfile")
            archive.add("long", at: longName)
            archive.add("deep", at: deepPath)
            archive.add("split", at: splitPath)
            archive.add("é", at: "größe/名前.txt")
            archive.addSymbolicLink(to: String(repeating: "t", count: 150), at: "far")
            let stream = try await archive.prepare(chunkBytes: 4096)

            let all = try await bytes(of: stream)
            #expect(Int64(all.readableBytes) == stream.byteCount)
            let again = try await bytes(of: stream)
            #expect(again == all)
            try write(all, to: directory.path("a.tar"))

            let listing = try await Command.run("tar", "--quoting-style=literal", "-tf", directory.path("a.tar"))
            let names = listing.split(separator: "\n").map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
            #expect(names == stream.paths)
            let verbose = try await Command.run("tar", "--utc", "--numeric-owner", "-tvf", directory.path("a.tar"))
            #expect(verbose.contains("-rwxr-xr-x 0/0              10 1980-01-01 00:00 model/sub/run.sh"))
            #expect(verbose.contains("-rw-r--r-- 0/0          700001 1980-01-01 00:00 model/weights.bin"))

            try FileManager.default.createDirectory(atPath: directory.path("out"), withIntermediateDirectories: false)
            _ = try await Command.run("tar", "-C", directory.path("out"), "-xf", directory.path("a.tar"))
            #expect(try directory.read("out/model/weights.bin") == large)
            #expect(try directory.read("out/copy.bin") == large)
            #expect(try directory.read("out/model/empty") == Data())
            #expect(try directory.read("out/\(longName)") == Data("long".utf8))
            #expect(try directory.read("out/\(deepPath)") == Data("deep".utf8))
            #expect(try directory.read("out/\(splitPath)") == Data("split".utf8))
            #expect(try directory.read("out/größe/名前.txt") == Data("é".utf8))
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: directory.path("out/model/sub/link")) == "../weights.bin")
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: directory.path("out/far")) == String(repeating: "t", count: 150))
        }
    }

    @Test("does not depend on the order of the entries or the times of the files")
    func deterministic() async throws {
        try await TemporaryDirectory.with { directory in
            try directory.write(Data("x".utf8), to: "x")
            var forwards = TarArchive()
            forwards.add("1", at: "a/b")
            forwards.addFile(directory.path("x"), at: "a-b")
            var backwards = TarArchive()
            backwards.addFile(directory.path("x"), at: "a-b")
            backwards.add("1", at: "a/b")
            let first = try await bytes(of: forwards.prepare())
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: directory.path("x"))
            let second = try await bytes(of: backwards.prepare())
            #expect(first == second)
            #expect(try await forwards.prepare().paths == ["a", "a-b", "a/b"])
        }
    }

    @Test(
        "writes sizes on both sides of eight gigabytes so that the system's tar reads them",
        arguments: [0o77_777_777_777, 0o100_000_000_000, 1 << 50] as [Int64])
    func hugeSizes(size: Int64) async throws {
        let header = TarHeader(path: "weights.gguf", kind: .file, size: size)
        #expect(header.blocks.count == (size > TarHeader.largestOctalSize ? 3 * 512 : 512))
        try await TemporaryDirectory.with { directory in
            try Data(header.blocks).write(to: URL(filePath: directory.path("head.tar")))
            // The content is missing, which tar tells after it has listed the entry.
            let listing = try await Command.run("tar", "-tvf", directory.path("head.tar"), mayFail: true)
            #expect(listing.contains(" \(size) "))
        }
    }

    @Test("counts the length of a pax record with its own digits", arguments: 85...110)
    func paxRecords(count: Int) {
        let record = TarHeader.record("path", [UInt8](repeating: 65, count: count))
        let text = String(decoding: record, as: UTF8.self)
        #expect(Int(text.prefix { $0 != " " }) == record.count)
    }

    @Test("refuses paths that do not stay in the archive", arguments: ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\0b"])
    func invalidPaths(path: String) async {
        var archive = TarArchive()
        archive.add("x", at: path)
        await #expect(throws: TarError.invalidPath(path)) { try await archive.prepare() }
    }

    @Test("refuses two entries at one path, and one beneath a file")
    func conflicts() async {
        for paths in [["a", "a"], ["a", "a/b"], ["a/b", "a"]] {
            var archive = TarArchive()
            for path in paths { archive.add("x", at: path) }
            await #expect(throws: TarError.conflictingPath("a")) { try await archive.prepare() }
        }
    }

    @Test("refuses links out of the directory, pipes, and files that are missing")
    func hostileDirectories() async throws {
        for target in ["/etc/passwd", "../../x", "../sub/../../x"] {
            try await TemporaryDirectory.with { directory in
                try directory.write(Data(), to: "tree/sub/file")
                let link = directory.path("tree/sub/link")
                try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
                var archive = TarArchive()
                archive.addDirectory(directory.path("tree"))
                await #expect(throws: TarError.linkLeavesDirectory(file: link, target: target)) { try await archive.prepare() }
            }
        }
        try await TemporaryDirectory.with { directory in
            _ = try await Command.run("mkfifo", directory.path("pipe"))
            var archive = TarArchive()
            archive.addDirectory(directory.path(""))
            await #expect(throws: TarError.unsupportedKind(file: directory.path("") + "/pipe")) { try await archive.prepare() }
            var missing = TarArchive()
            missing.addFile(directory.path("none"), at: "none")
            await #expect(throws: TarError.missing(file: directory.path("none"))) { try await missing.prepare() }
        }
    }

    @Test(
        "tells a file that shrinks, grows, changes or vanishes after it was looked at", arguments: ["shrink", "grow", "replace", "vanish"])
    func changes(kind: String) async throws {
        try await TemporaryDirectory.with { directory in
            let file = directory.path("file")
            try directory.write(Data(repeating: 1, count: 10_000), to: "file")
            var archive = TarArchive()
            archive.addFile(file, at: "file")
            let stream = try await archive.prepare(chunkBytes: 1024)
            switch kind {
            case "shrink": try directory.write(Data(repeating: 1, count: 9_000), to: "file")
            case "grow": try directory.write(Data(repeating: 1, count: 11_000), to: "file")
            case "replace":
                try directory.write(Data(repeating: 2, count: 10_000), to: "other")
                try FileManager.default.removeItem(atPath: file)
                try FileManager.default.moveItem(atPath: directory.path("other"), toPath: file)
            default: try FileManager.default.removeItem(atPath: file)
            }
            await #expect(throws: kind == "vanish" ? TarError.missing(file: file) : .changed(file: file)) { try await bytes(of: stream) }
        }
    }

    @Test("tells a file that shrinks or grows in the middle of its bytes", arguments: [3_000, 12_000])
    func changesMidway(size: UInt64) async throws {
        try await TemporaryDirectory.with { directory in
            let file = directory.path("file")
            try directory.write(Data(repeating: 1, count: 10_000), to: "file")
            var archive = TarArchive()
            archive.addFile(file, at: "file")
            var pieces = try await archive.prepare(chunkBytes: 1024).makeAsyncIterator()
            _ = try await pieces.next()
            _ = try await pieces.next()
            let handle = try FileHandle(forWritingTo: URL(filePath: file))
            try handle.truncate(atOffset: size)
            try handle.close()
            var error: (any Error)?
            do {
                while try await pieces.next() != nil {}
            } catch let caught {
                error = caught
            }
            #expect(error as? TarError == .changed(file: file))
            #expect(try await pieces.next() == nil)
        }
    }

    @Test("closes the file when the stream is dropped halfway")
    func droppedHalfway() async throws {
        // An open handle that goes away ends the process, so that this test cannot pass without the closing.
        try await TemporaryDirectory.with { directory in
            try directory.write(Data(repeating: 1, count: 10_000), to: "file")
            var archive = TarArchive()
            archive.addFile(directory.path("file"), at: "file")
            for try await piece in try await archive.prepare(chunkBytes: 1024) where piece.readableBytes == 1024 { break }
        }
    }
}
