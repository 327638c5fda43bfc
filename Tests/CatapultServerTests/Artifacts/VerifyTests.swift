import CatapultAPI
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct VerifyTests {
    @Test func aFlippedBitIsFoundAndNamed() async throws {
        try await CoreFixture.with { fixture async throws in
            let (bad, good) = (Sample(500_000), Sample(500_000, seed: 2))
            try await fixture.http { api in
                let artifact: Artifact = try await api.store(bad, "bad.bin").decoded()
                let other: Artifact = try await api.store(good, "good.bin").decoded()
                try await fixture.withStoreOperations { operations async throws in
                    let clean = try await operations.verify()
                    #expect(clean.state == .succeeded)
                    #expect(clean.result?["checked_files"] == 2 && clean.result?["bad_files"] == 0)
                    #expect(clean.result?["checked_bytes"] == 1_000_000)

                    try fixture.flipBit(artifact.filePath, at: 123_456)
                    let found = try await operations.verify(VerifyArtifacts(artifactID: artifact.id))
                    #expect(found.state == .succeeded, "the operation has done its work")
                    #expect(found.result?["checked_files"] == 1 && found.result?["bad_files"] == 1)
                    let named = found.result?["bad"]?[0]
                    #expect(named?["path"] == .string(artifact.filePath) && named?["sha256"] == .string(bad.sha256))
                    #expect(named?["problem"]?.stringValue?.contains("instead of \(bad.sha256)") == true)
                    #expect(named?["used_by"]?[0]?.stringValue?.contains("bad.bin") == true)
                    let log = try await operations.service.log(GetOperationLogs(operationID: found.id), CoreFixture.context()).logs
                    #expect(log.contains("BAD \(artifact.filePath)"))
                }
                let shown: Artifact = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)").decoded()
                #expect(!shown.stored && shown.problem != nil)
                let refused = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)/download")
                #expect(refused.status == 409 && refused.json["code"] == "bytes_damaged")
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(other.id)/download").bytes == good.bytes)
                // The right bytes heal it.
                #expect(try await api.store(bad, "again.bin").status == 201)
                #expect(try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)/download").bytes == bad.bytes)
                let healed: Artifact = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)").decoded()
                #expect(healed.stored && healed.problem == nil)
            }
        }
    }

    @Test func missingAndShortenedFilesAreFound() async throws {
        try await CoreFixture.with { fixture async throws in
            try fixture.place(Sample(1_000), at: "a/gone.bin")
            try fixture.place(Sample(2_000), at: "a/short.bin")
            _ = try await fixture.blobs.register("a/gone.bin")
            _ = try await fixture.blobs.register("a/short.bin")
            try FileManager.default.removeItem(atPath: fixture.storage.root + "/a/gone.bin")
            try #require(truncate(fixture.storage.root + "/a/short.bin", 10) == 0)
            try await fixture.withStoreOperations { operations async throws in
                let found = try await operations.verify().result
                #expect(found?["bad_files"] == 2)
                #expect(
                    found?["bad"]?.arrayValue?.compactMap { $0["problem"]?.stringValue }.sorted() == [
                        "has 10 bytes instead of 2000", "is no longer there",
                    ])
            }
        }
    }

    @Test func aDamagedFileOfAVersionHasToArriveAgain() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(9_000)
            let model = try await fixture.model()
            try await fixture.http { api in
                var ids: [String] = []
                for number in 1...2 {
                    let version = try await api.send(
                        .post, "/api/v1/versions",
                        """
                        {"model_id": "\(model.id)", "version": "\(number)", "ceph_path": "models/v\(number)",
                        "files": [{"path": "a.bin", "size_bytes": 9000, "sha256": "\(sample.sha256)"}]}
                        """)
                    #expect(version.status == 201)
                    ids.append(try #require(version.json["id"]?.stringValue))
                    #expect(try await api.raw(.put, "/api/v1/versions/\(ids[number - 1])/files/a.bin", sample.bytes).status == 200)
                }
                let store = try #require(try fixture.storeFiles().first)
                try fixture.flipBit(".catapult/\(store)", at: 0)
                try await fixture.withStoreOperations { operations async throws in
                    #expect(try await operations.verify().result?["bad_files"] == 3, "the store's file and both links are the same one")
                }
                for id in ids {
                    let files = try await api.send(.get, "/api/v1/versions/\(id)/files").json
                    #expect(files[0]?["stored"] == false && files[0]?["problem"]?.stringValue?.isEmpty == false, "\(files)")
                    #expect(try await api.raw(.get, "/api/v1/versions/\(id)/files/a.bin").status == 409)
                }
                for id in ids {
                    #expect(try await api.raw(.put, "/api/v1/versions/\(id)/files/a.bin", sample.bytes).status == 200)
                    #expect(try await api.raw(.get, "/api/v1/versions/\(id)/files/a.bin").bytes == sample.bytes)
                }
                try await fixture.withStoreOperations { operations async throws in
                    #expect(try await operations.verify().result?["bad_files"] == 0)
                }
            }
        }
    }

    @Test func aVerificationIsCancelled() async throws {
        try await CoreFixture.with(on: [.sqlite]) { fixture async throws in
            for number in 0..<4 { _ = try await fixture.blobs.add(Sample(10_000, seed: UInt8(number)).stream()) }
            try await fixture.withStoreOperations { operations async throws in
                // At a byte per second it would take hours.
                let begun = try await operations.care.verify(
                    VerifyArtifacts(bytesPerSecond: 1), CoreFixture.context("verify_artifacts", .artifact))
                _ = try await operations.service.cancel(
                    CancelOperation(operationID: begun.id), CoreFixture.context("cancel_operation", .operation))
                #expect(try await operations.end(of: begun).state == .cancelled)
            }
        }
    }

    @Test func theRateIsKept() {
        let start = ContinuousClock.now
        var limit = BandwidthLimit(perSecond: 1_000)
        #expect(limit.count(500, at: start) == start + .milliseconds(500))
        #expect(limit.count(1_500, at: start + .milliseconds(500)) == start + .seconds(2))
        var none = BandwidthLimit(perSecond: nil)
        #expect(none.count(.max, at: start) == start)
    }
}
