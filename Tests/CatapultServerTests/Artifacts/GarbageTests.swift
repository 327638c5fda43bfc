import CatapultAPI
import Foundation
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct GarbageTests {
    @Test func aCollectionThatWaitsIsNotQueuedTwice() async throws {
        try await CoreFixture.with { core async throws in
            // Nobody works here.
            let care = ArtifactCare(database: core.database, runner: core.runner)
            func collect(_ call: CollectGarbage) async throws -> String {
                try await care.collectGarbage(call, CoreFixture.context("collect_garbage", .artifact)).id
            }
            let first = try await collect(CollectGarbage())
            #expect(try await collect(CollectGarbage()) == first)
            #expect(try await collect(CollectGarbage(dryRun: true)) != first)
            let asked = try await core.database.read { try $0.fetchInt("SELECT count(*) FROM audit_logs WHERE action = 'collect_garbage'") }
            #expect(asked == 3, "who asks is written down each time")
            try await core.database.write { try $0.execute("UPDATE operations SET state = 'running' WHERE id = \(first)") }
            #expect(try await collect(CollectGarbage()) != first, "what changed since it began would be missed")
        }
    }

    @Test func whatNothingRefersToGoesAndTheReportSaysWhy() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(70_000)
            try await fixture.http { api in
                let artifact: Artifact = try await api.store(sample, "old.bin").decoded()
                #expect(try await api.send(.delete, "/api/v1/artifacts/\(artifact.id)").status == 200)
                try await fixture.withStoreOperations { operations async throws in
                    // Within retention and grace everything stays.
                    let patient = try await operations.collect(CollectGarbage())
                    #expect(patient.result?["removed"] == 0)

                    let dry = try await operations.collectAll(dryRun: true)
                    #expect(dry["dry_run"] == true && dry["removed"] == 1)
                    #expect(dry["items"]?[0]?["kind"] == "artifact" && dry["items"]?[0]?["path"] == "old.bin")
                    #expect(try fixture.storeFiles().count == 1, "a dry run removes nothing")

                    let report = try await operations.collectAll()
                    #expect(report["freed_bytes"] == 70_000)
                    let items = report["items"]?.arrayValue ?? []
                    #expect(items.map { $0["kind"] } == ["artifact", "blob"])
                    #expect(items.last?["path"] == .string(artifact.filePath))
                    #expect(items.last?["reason"] == "nothing refers to it")
                    #expect(items.last?["last_referenced_by"] == "artifact old.bin")
                    #expect(try await operations.collectAll()["removed"] == 0)
                }
            }
            #expect(try fixture.storeFiles() == [])
            #expect(try await fixture.database.read { try BlobTable.find(sample.sha256, in: $0) } == nil)
        }
    }

    @Test func theGraceTimeBeginsWhenTheLastReferenceGoes() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.blobs.add(Sample(10).stream())
            try await fixture.withStoreOperations { operations async throws in
                #expect(try await operations.collect(CollectGarbage(graceHours: 1)).result?["removed"] == 0)
                try await fixture.database.write {
                    try $0.execute("UPDATE blobs SET unreferenced_at = unreferenced_at - \(Int64(3_601_000_000))")
                }
                // Who takes the bytes up again begins a new time.
                _ = try await fixture.blobs.add(Sample(10).stream())
                #expect(try await operations.collect(CollectGarbage(graceHours: 1)).result?["removed"] == 0)
                try await fixture.database.write {
                    try $0.execute("UPDATE blobs SET unreferenced_at = unreferenced_at - \(Int64(3_601_000_000))")
                }
                #expect(try await operations.collect(CollectGarbage(graceHours: 1)).result?["removed"] == 1)
            }
        }
    }

    @Test func whatIsReferredToStays() async throws {
        try await CoreFixture.with { fixture async throws in
            let (file, artifact, open, inPlace) = (Sample(1_000), Sample(2_000), Sample(3_000), Sample(4_000))
            let model = try await fixture.model()
            try fixture.place(inPlace, at: "wheels/x.whl")
            try await fixture.http { api in
                let version = try await api.send(
                    .post, "/api/v1/versions",
                    #"{"model_id": "\#(model.id)", "version": "1", "files": [{"path": "a", "size_bytes": 1000, "sha256": "\#(file.sha256)"}]}"#
                )
                let id = try #require(version.json["id"]?.stringValue)
                #expect(try await api.raw(.put, "/api/v1/versions/\(id)/files/a", file.bytes).status == 200)
                let stored: Artifact = try await api.store(artifact, "a.bin").decoded()
                let upload = try await api.begin(open, "b.bin")
                #expect(try await api.write(open, 0..<2_000, to: upload).status == 200)
                // The bytes of an open upload that another one has stored meanwhile.
                _ = try await fixture.blobs.add(open.stream())
                let registered = try await api.send(.post, "/api/v1/artifacts/register", #"{"file_path": "wheels/x.whl"}"#)
                try await fixture.withStoreOperations(youngest: .zero) { operations async throws in
                    #expect(try await operations.collectAll()["removed"] == 0)

                    #expect(try await api.raw(.get, "/api/v1/versions/\(id)/files/a").bytes == file.bytes)
                    #expect(try await api.raw(.get, "/api/v1/artifacts/\(stored.id)/download").bytes == artifact.bytes)
                    #expect(try await api.write(open, 2_000..<3_000, to: upload).status == 200)
                    #expect(try await api.complete(upload).status == 200)

                    // A file in place is forgotten, but stays.
                    let place = try #require(registered.json["id"]?.stringValue)
                    #expect(try await api.send(.delete, "/api/v1/artifacts/\(place)").status == 200)
                    let report = try await operations.collectAll()
                    #expect(report["items"]?.arrayValue?.map { $0["kind"] } == ["artifact", "registration"])
                    #expect(FileManager.default.fileExists(atPath: fixture.storage.root + "/wheels/x.whl"))

                    // With the version go its bytes, and the link in its folder.
                    #expect(try await api.send(.delete, "/api/v1/versions/\(id)").status == 200)
                    #expect(try await operations.collectAll()["freed_bytes"] == 1_000)
                    #expect(!FileManager.default.fileExists(atPath: fixture.storage.root + "/models/gpt-model/a"))
                }
            }
        }
    }

    @Test func anArtifactThatAVersionDependsOnIsNotDeleted() async throws {
        try await CoreFixture.with { fixture async throws in
            let model = try await fixture.model()
            try await fixture.http { api in
                let artifact: Artifact = try await api.store(Sample(10), "adapter.bin").decoded()
                let version = try await api.send(.post, "/api/v1/versions", #"{"model_id": "\#(model.id)", "version": "1"}"#)
                let id = try #require(version.json["id"]?.stringValue)
                let edge = try await api.send(
                    .post, "/api/v1/versions/\(id)/dependencies", #"{"kind": "adapter", "artifact_id": "\#(artifact.id)"}"#)
                #expect(edge.status == 201, "\(edge.json)")
                let refused = try await api.send(.delete, "/api/v1/artifacts/\(artifact.id)")
                #expect(refused.status == 409 && refused.detail.contains("gpt-model:1"))
                #expect(refused.json["references"]?[0]?["id"] == .string(id))
                #expect(try await api.send(.delete, "/api/v1/artifacts/\(artifact.id)?force=true").status == 200)
                #expect(try await api.send(.get, "/api/v1/artifacts/\(artifact.id)").status == 404)
            }
        }
    }

    /// Writers of the same bytes come and go while collections without any grace run: nothing that was acknowledged may be missing.
    @Test func collectionsDoNotDisturbConcurrentWriters() async throws {
        try await CoreFixture.with { fixture async throws in
            let sample = Sample(60_000)
            try await fixture.http { api in
                try await fixture.withStoreOperations { operations async throws in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for writer in 0..<3 {
                            group.addTask {
                                for round in 0..<6 {
                                    let artifact: Artifact = try await api.store(sample, "w\(writer)-\(round)").decoded()
                                    let got = try await api.raw(.get, "/api/v1/artifacts/\(artifact.id)/download")
                                    #expect(got.status == 200 && got.bytes == sample.bytes)
                                    if round % 3 < 2 {
                                        #expect(try await api.send(.delete, "/api/v1/artifacts/\(artifact.id)").status == 200)
                                    }
                                }
                            }
                        }
                        group.addTask {
                            for round in 0..<4 {
                                let upload = try await api.begin(sample, "u-\(round)")
                                if upload.state == .open {
                                    for offset in stride(from: 0, to: 60_000, by: 20_000) {
                                        #expect(try await api.write(sample, offset..<(offset + 20_000), to: upload).status == 200)
                                    }
                                    #expect(try await api.complete(upload).status == 200)
                                }
                                let artifact =
                                    try await api.raw(.get, "/api/v1/uploads/\(upload.id)").json["artifact_id"]?.stringValue ?? ""
                                #expect(try await api.send(.delete, "/api/v1/artifacts/\(artifact)").status == 200)
                            }
                        }
                        group.addTask { for _ in 0..<8 { _ = try await operations.collectAll() } }
                        try await group.waitForAll()
                    }
                    _ = try await operations.collectAll()
                    #expect(try fixture.storeFiles().count == 1, "the bytes of those that are left, once")
                    let left = try await api.send(.get, "/api/v1/artifacts?size=100").json["items"]?.arrayValue ?? []
                    #expect(left.count == 6)
                    for artifact in left {
                        let got = try await api.raw(.get, "/api/v1/artifacts/\(artifact["id"]?.stringValue ?? "")/download")
                        #expect(got.bytes == sample.bytes)
                    }
                }
            }
        }
    }

    @Test func whatACrashLeftIsRemovedAndWhatIsBeingWrittenIsNot() async throws {
        try await CoreFixture.with { fixture async throws in
            let folders = fixture.blobs.folders
            // As a killed server leaves it.
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folders.newTemporary()))
            try await fixture.blobs.staging { staged in
                try staged.append([.init(string: "abc")])
                let removed = StoreSweep.removeAbandoned(in: folders, changedBefore: .now + .seconds(1))
                #expect(removed == 1)
                try await fixture.withStoreOperations(youngest: .zero) { operations async throws in
                    #expect(try await operations.collectAll()["removed"] == 0)
                }
                let blob = try await fixture.blobs.publish(staged) { blob, _ in blob }
                #expect(blob.sizeBytes == 3)
            }
            #expect(try fixture.storeFiles().count == 1)
        }
    }

    @Test func aCollectionIsAskedForOnceADay() async throws {
        try await CoreFixture.with { fixture async throws in
            let keeper = StoreKeeper(database: fixture.database, blobs: fixture.blobs, wake: { _ in }, logger: CoreFixture.logger)
            func asked() async throws -> Int64? {
                try await fixture.database.read { try $0.fetchInt("SELECT count(*) FROM operations WHERE kind = 'gc'") }
            }
            try await keeper.askForCollection()
            try await keeper.askForCollection()
            #expect(try await asked() == 1)
            try await fixture.database.write {
                try $0.execute("UPDATE operations SET created_at = created_at - \(Int64(86_401_000_000)), state = 'succeeded'")
            }
            try await keeper.askForCollection()
            #expect(try await asked() == 2)
        }
    }
}
