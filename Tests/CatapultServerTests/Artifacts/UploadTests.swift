import CatapultAPI
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct UploadTests {
    /// An upload once nobody writes to it and so much of it has arrived.
    private static func settled(_ upload: Upload, at offset: Int, _ fixture: CoreFixture) async throws -> Upload {
        // A request on another connection ends by itself; nothing tells of it.
        for _ in 0..<1_000 {
            let (now, isFree) = try await fixture.database.read { connection in
                (
                    try UploadStore.get(upload.id, for: .everything, in: connection).upload,
                    try connection.exists("SELECT 1 FROM uploads WHERE id = \(upload.id) AND writer IS NULL")
                )
            }
            if isFree, now.offset >= Int64(offset) { return now }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw StartupErrorInTest()
    }

    @Test func aFileArrivesInPieces() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(1_000_003)
            try await fixture.http { api in
                let upload = try await api.begin(sample, "a.bin")
                #expect(upload.state == .open && upload.offset == 0)
                var offset = 0
                for piece in [1, 70_000, 0, 300_000, 630_002] {
                    let answer = try await api.write(sample, offset..<(offset + piece), to: upload)
                    #expect(answer.status == 200)
                    offset += piece
                    #expect(answer.json["offset"] == .int(Int64(offset)))
                    #expect(try await api.send(.get, "/api/v1/uploads/\(upload.id)").json["offset"] == .int(Int64(offset)))
                }
                let finished: Upload = try await api.complete(upload).decoded()
                #expect(finished.state == .complete)
                let id = try #require(finished.artifactID)
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(id)/download").bytes == sample.bytes)
                #expect(try await api.complete(upload).decoded(Upload.self).artifactID == id, "twice does no harm")
                #expect(try await api.write(sample, 0..<1, to: upload).json["code"] == "upload_complete")
            }
            #expect(try fixture.storeFiles().count == 1)
        }
    }

    @Test func anUploadThatIsCutAtEveryTenthGoesOn() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(3_000_000)
            try await fixture.http(over: true) { api in
                let upload = try await api.begin(sample, "a.bin")
                var offset = 0
                for tenth in 1...9 {
                    let end = sample.bytes.count * tenth / 10
                    try await api.sendAndBreak(
                        "PUT", "/api/v1/uploads/\(upload.id)/content?offset=\(offset)", announcing: sample.bytes.count - offset,
                        sending: sample.bytes[offset..<end])
                    offset = Int(try await Self.settled(upload, at: end, fixture).offset)
                    #expect(offset == end, "all that was sent has arrived, and nothing more")
                }
                #expect(try await api.write(sample, offset..<sample.bytes.count, to: upload).status == 200)
                let finished: Upload = try await api.complete(upload).decoded()
                let id = try #require(finished.artifactID)
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(id)/download").bytes == sample.bytes)
            }
        }
    }

    @Test func wrongOffsetsAndTooManyBytesAreRefused() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(1_000)
            try await fixture.http { api in
                let upload = try await api.begin(sample, "a.bin")
                #expect(try await api.write(sample, 0..<400, to: upload).status == 200)
                for range in [0..<400, 401..<500] {
                    let answer = try await api.write(sample, range, to: upload)
                    #expect(answer.status == 409 && answer.json["code"] == "offset_mismatch" && answer.json["offset"] == 400)
                }
                let beyond = try await api.raw(.put, "/api/v1/uploads/\(upload.id)/content?offset=400", sample.bytes)
                #expect(beyond.status == 400 && beyond.json["field"] == "body")
                let early = try await api.complete(upload)
                #expect(early.status == 409 && early.json["code"] == "upload_incomplete" && early.json["offset"] == 400)
                #expect(try await api.raw(.put, "/api/v1/uploads/\(upload.id)/content?offset=-1", []).status == 422)
                #expect(try await api.raw(.put, "/api/v1/uploads/nothing/content?offset=0", []).status == 404)
                #expect(try await api.write(sample, 400..<1_000, to: upload).status == 200, "it goes on after all that")
                #expect(try await api.complete(upload).status == 200)
            }
        }
    }

    @Test func wrongBytesAreRefusedWithBothSumsAndTheUploadBeginsAgain() async throws {
        try await CoreFixture.with { fixture async throws in
            let (sample, wrong) = (Sample(1_000), Sample(1_000, seed: 9))
            try await fixture.http { api in
                let upload = try await api.begin(sample, "a.bin")
                #expect(try await api.write(wrong, 0..<1_000, to: upload).status == 200)
                let answer = try await api.complete(upload)
                #expect(answer.status == 400 && answer.json["offset"] == 0)
                #expect(answer.json["expected"] == .string(sample.sha256) && answer.json["found"] == .string(wrong.sha256))
                #expect(answer.json["detail"]?.stringValue?.contains(wrong.sha256) == true)
                #expect(try await api.write(sample, 0..<1_000, to: upload).status == 200)
                #expect(try await api.complete(upload).status == 200)
            }
            #expect(try fixture.storeFiles().count == 1)
        }
    }

    @Test func knownBytesNeedNotBeSent() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(5_000)
            try await fixture.http { api in
                #expect(try await api.store(sample, "first.bin").status == 201)
                let upload = try await api.begin(sample, "second.bin")
                #expect(upload.state == .complete && upload.artifactID != nil)
                // Damaged ones are wanted again, and heal the others.
                try fixture.flipBit(".catapult/\(fixture.storeFiles()[0])", at: 17)
                try await fixture.withStoreOperations { operations async throws in
                    #expect(try await operations.verify().result?["bad_files"] == 1)
                }
                let third = try await api.begin(sample, "third.bin")
                #expect(third.state == .open)
                #expect(try await api.write(sample, 0..<5_000, to: third).status == 200)
                #expect(try await api.complete(third).status == 200)
                for id in [upload.artifactID, try await api.complete(third).decoded(Upload.self).artifactID] {
                    #expect(try await api.raw(.get, "/api/v1/artifacts/\(id ?? "")/download").bytes == sample.bytes)
                }
            }
            #expect(try fixture.storeFiles().count == 1)
        }
    }

    @Test func aServerThatIsGoneLosesNothingThatWasAcknowledged() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(10_000)
            try await fixture.http { api in
                let upload = try await api.begin(sample, "a.bin")
                #expect(try await api.write(sample, 0..<6_000, to: upload).status == 200)
                // What a killed server leaves: bytes that were never acknowledged, and its lock.
                let path = fixture.blobs.folders.uploadFile(upload.id)
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try file.seekToEnd()
                try file.write(contentsOf: [UInt8](repeating: 9, count: 2_000))
                try file.close()
                try await fixture.database.write { connection throws in
                    #expect(try UploadStore.lock(upload.id, for: "gone", .seconds(60), in: connection))
                }
                let busy = try await api.write(sample, 6_000..<10_000, to: upload)
                #expect(busy.status == 409 && busy.json["code"] == "upload_busy")
                try await fixture.database.write { try $0.execute("UPDATE uploads SET writer_expires_at = 1 WHERE id = \(upload.id)") }
                // Another server goes on, which has no hash of what came before.
                let other = UploadService(
                    database: fixture.database, storage: fixture.storage, blobs: fixture.blobs,
                    limits: UploadLimits(maximumSize: nil, folder: fixture.storage.root))
                #expect(try await other.get(GetUpload(uploadID: upload.id), CoreFixture.context()).offset == 6_000)
                #expect(try await api.write(sample, 6_000..<10_000, to: upload).status == 200)
                let finished = try await other.complete(
                    CompleteUpload(uploadID: upload.id), CoreFixture.context("complete_upload", .upload))
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(finished.artifactID ?? "")/download").bytes == sample.bytes)
            }
        }
    }

    @Test func aCrashBetweenTheFileAndItsRowLosesNothing() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(10_000)
            try await fixture.http { api in
                let upload = try await api.begin(sample, "a.bin")
                #expect(try await api.write(sample, 0..<10_000, to: upload).status == 200)
                // As a server leaves it that was killed when the file had its name in the store, but no row yet.
                let part = fixture.blobs.folders.uploadFile(upload.id)
                let blob = fixture.blobs.folders.absolute(fixture.blobs.folders.newBlob(sample.sha256))
                try FileManager.default.createDirectory(
                    at: URL(fileURLWithPath: blob).deletingLastPathComponent(), withIntermediateDirectories: true)
                try #require(chmod(part, 0o444) == 0 && link(part, blob) == 0)
                let finished: Upload = try await api.complete(upload).decoded()
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(finished.artifactID ?? "")/download").bytes == sample.bytes)
                #expect(try fixture.storeFiles().count == 2, "the file without a row waits for a collection")
                try await fixture.withStoreOperations(youngest: .zero) { operations async throws in
                    #expect(try await operations.collectAll()["removed"] == 1)
                }
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(finished.artifactID ?? "")/download").bytes == sample.bytes)
            }
        }
    }

    @Test func lostBytesAreAskedForAgain() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(1_000)
            try await fixture.http { api in
                let upload = try await api.begin(sample, "a.bin")
                for cut in [0, 10] {
                    #expect(try await api.write(sample, 0..<1_000, to: upload).status == 200)
                    let path = fixture.blobs.folders.uploadFile(upload.id)
                    if cut == 0 { try FileManager.default.removeItem(atPath: path) } else { try #require(truncate(path, off_t(cut)) == 0) }
                    let answer = try await api.complete(upload)
                    #expect(answer.status == 409 && answer.json["offset"] == 0, "\(answer.json)")
                }
                #expect(try await api.write(sample, 0..<1_000, to: upload).status == 200)
                #expect(try await api.complete(upload).status == 200)
            }
        }
    }

    @Test func aFileOfAVersionArrivesInPieces() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(40_000)
            let model = try await fixture.model()
            try await fixture.http { api in
                let version = try await api.send(
                    .post, "/api/v1/versions",
                    #"{"model_id": "\#(model.id)", "version": "1.0", "files": [{"path": "w/a.bin", "size_bytes": 40000, "sha256": "\#(sample.sha256)"}]}"#
                )
                let id = try #require(version.json["id"]?.stringValue)
                let begun = try await api.send(
                    .post, "/api/v1/uploads",
                    #"{"version_id": "\#(id)", "path": "w/a.bin", "size_bytes": 40000, "sha256": "\#(sample.sha256)"}"#)
                let upload: Upload = try WireDecoder.decode(Upload.self, from: begun.json)
                #expect(try await api.write(sample, 0..<40_000, to: upload).status == 200)
                #expect(try await api.complete(upload).status == 200)
                #expect(try await api.raw(.get, "/api/v1/versions/\(id)/files/w/a.bin").bytes == sample.bytes)
                let placed = "\(fixture.storage.root)/models/gpt-model/w/a.bin"
                #expect(try Array(Data(contentsOf: URL(fileURLWithPath: placed))) == sample.bytes)
                for (path, size) in [("w/b.bin", 40_000), ("w/a.bin", 1), ("../a.bin", 40_000)] {
                    let answer = try await api.send(
                        .post, "/api/v1/uploads",
                        #"{"version_id": "\#(id)", "path": "\#(path)", "size_bytes": \#(size), "sha256": "\#(sample.sha256)"}"#)
                    #expect(answer.status == 400)
                }
            }
        }
    }

    @Test func whatIsGivenUpOrForgottenLeavesNothing() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(1_000)
            try await fixture.http { api in
                let given = try await api.begin(sample, "a.bin")
                #expect(try await api.write(sample, 0..<500, to: given).status == 200)
                #expect(try await api.send(.delete, "/api/v1/uploads/\(given.id)").status == 200)
                #expect(try await api.send(.get, "/api/v1/uploads/\(given.id)").status == 404)
                let forgotten = try await api.begin(sample, "a.bin")
                #expect(try await api.write(sample, 0..<500, to: forgotten).status == 200)
                try await fixture.database.write { try $0.execute("UPDATE uploads SET expires_at = 1") }
                let keeper = StoreKeeper(database: fixture.database, blobs: fixture.blobs, wake: { _ in }, logger: CoreFixture.logger)
                try await keeper.tidy()
                #expect(try await api.send(.get, "/api/v1/uploads").json["total"] == 0)
            }
            #expect(try fixture.storeFiles() == [])
        }
    }
}
