import CatapultAPI
import Crypto
import Foundation
import NIOCore
import SQLDatabase
import Testing

@testable import CatapultServer

/// Bytes and their digest.
struct Sample: Sendable {
    let bytes: [UInt8]
    let sha256: String

    init(_ count: Int, seed: UInt8 = 7) {
        var state = UInt32(seed) &+ 1
        bytes = (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        sha256 = SHA256.hash(data: bytes).hexadecimal
    }

    var size: Int64 { Int64(bytes.count) }

    /// The bytes in pieces, as a body has them.
    func stream(pieces: Int = 65_536, failingAfter limit: Int? = nil) -> AsyncThrowingStream<ByteBuffer, any Error> {
        AsyncThrowingStream { continuation in
            var position = 0
            while position < limit ?? bytes.count {
                let end = min(position + pieces, limit ?? bytes.count)
                continuation.yield(ByteBuffer(bytes: bytes[position..<end]))
                position = end
            }
            continuation.finish(throwing: limit == nil ? nil : CancellationError())
        }
    }
}

@Suite struct BlobStoreTests {
    private static func files(_ fixture: CoreFixture) throws -> [String] {
        let root = fixture.storage.root + "/.catapult"
        return try FileManager.default.subpathsOfDirectory(atPath: root).filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder) && !isFolder.boolValue
        }.sorted()
    }

    @Test func equalBytesAreStoredOnce() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(3 << 20)
            let first = try await fixture.blobs.add(sample.stream())
            #expect(first == Blob(sha256: sample.sha256, sizeBytes: sample.size))
            let second = try await fixture.blobs.add(sample.stream(pieces: 999))
            #expect(second == first)
            let files = try Self.files(fixture)
            #expect(files.count == 1)
            #expect(files.first?.hasPrefix("blobs/sha256/\(sample.sha256.prefix(2))/\(sample.sha256.dropFirst(2))") == true)
            let path = "\(fixture.storage.root)/.catapult/\(files[0])"
            #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == sample.bytes)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o444)
            #expect(try await fixture.blobs.open(sample.sha256).facts.size == sample.size)
        }
    }

    @Test func whatIsCutOffOrTooLargeLeavesNothing() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(2 << 20)
            for tenth in 0..<10 {
                await #expect(throws: CancellationError.self) {
                    try await fixture.blobs.add(sample.stream(failingAfter: sample.bytes.count * tenth / 10))
                }
            }
            let error = await #expect(throws: CatapultError.self) { try await fixture.blobs.add(sample.stream(), limit: sample.size - 1) }
            #expect(error?.status == 413)
            #expect(try Self.files(fixture) == [])
            #expect(try await fixture.database.read { try BlobTable.find(sample.sha256, in: $0) } == nil)
        }
    }

    @Test func twoWritersOfTheSameBytesAgree() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(1 << 20)
            let blobs = fixture.blobs
            try await withThrowingTaskGroup(of: Blob.self) { group in
                for _ in 0..<8 { group.addTask { try await blobs.add(sample.stream()) } }
                for try await blob in group { #expect(blob.sha256 == sample.sha256) }
            }
            #expect(try Self.files(fixture).count == 1)
            #expect(try await blobs.open(sample.sha256).facts.size == sample.size)
        }
    }

    @Test func aFileIsRegisteredWhereItLiesAndItsChangeIsNoticed() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(100_000)
            let path = fixture.storage.root + "/models/a.bin"
            try FileManager.default.createDirectory(atPath: fixture.storage.root + "/models", withIntermediateDirectories: true)
            try Data(sample.bytes).write(to: URL(fileURLWithPath: path))
            let place = try await fixture.blobs.register("models/a.bin")
            #expect(place.sha256 == sample.sha256)
            #expect(place.path == "models/a.bin")
            #expect(place.kind == .inPlace)
            #expect(try Self.files(fixture) == [])
            #expect(try await fixture.blobs.open(sample.sha256).path == "models/a.bin")

            let wrong = await #expect(throws: CatapultError.self) {
                try await fixture.blobs.register("models/a.bin", expecting: Sample(1).sha256)
            }
            #expect(wrong?.code == "checksum_mismatch")

            try Data(sample.bytes + [0]).write(to: URL(fileURLWithPath: path))
            let changed = await #expect(throws: CatapultError.self) { try await fixture.blobs.open(sample.sha256) }
            #expect(changed?.code == "bytes_damaged")
            // The right bytes heal it, wherever they come from.
            _ = try await fixture.blobs.add(sample.stream())
            #expect(try await fixture.blobs.open(sample.sha256).facts.size == sample.size)
        }
    }

    @Test(arguments: ["../outside", "/etc/passwd", ".catapult/tmp", "models/../.catapult", "a\u{0}b", "/fsx/../etc/passwd"])
    func pathsOutsideAreNotRegistered(_ path: String) async throws {
        try await CoreFixture.with { fixture async throws in
            let error = await #expect(throws: CatapultError.self) { try await fixture.blobs.register(path) }
            #expect(error?.status == 400)
        }
    }

    @Test func olderRootsMeanTheStorageRoot() async throws {
        try await CoreFixture.with { fixture async throws in
            let root = fixture.storage.root
            #expect(try fixture.storage.resolve("/fsx/vllm_wheels_prebuilt/a.whl") == "\(root)/vllm_wheels_prebuilt/a.whl")
            #expect(try fixture.storage.resolve("/ceph/models") == "\(root)/models")
            #expect(throws: CatapultError.self) { try fixture.storage.resolve("/fsxother/models") }
        }
    }

    @Test func aBlobIsLinkedIntoAFolder() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(1_000)
            let blob = try await fixture.blobs.add(sample.stream())
            let target = fixture.storage.root + "/models/deep/er/a.bin"
            let place = try #require(try await fixture.blobs.link(blob, to: target))
            #expect(place.kind == .link)
            let again = try await fixture.blobs.link(blob, to: target)
            #expect(again?.facts == place.facts)
            #expect(try Array(Data(contentsOf: URL(fileURLWithPath: target))) == sample.bytes)
            #expect(try FileManager.default.attributesOfItem(atPath: target)[.referenceCount] as? Int == 2)
            #expect(try Self.files(fixture).count == 1)
        }
    }
}
