import CatapultAPI
import Foundation
import Synchronization
import Testing

@testable import CatapultCLI

@Suite struct LocalFilesTests {
    @Test func findsAllFilesInOrderAndLeavesVersionControlOut() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("b/c.txt", "123")
            try folder.add("a.txt", "1")
            try folder.add(".git/config", "x")
            try folder.add(".hidden", "")
            let found = try await LocalFiles.find(at: folder.path)
            #expect(found.files.map(\.path) == [".hidden", "a.txt", "b/c.txt"])
            #expect(found.files.map(\.size) == [0, 1, 3])
            #expect(found.totalSize == 4)
            #expect(found.skipped == [".git"])
            #expect(found.folder == folder.path)
        }
    }

    @Test func cachesAndWhatMatchesAPatternAreLeftOut() async throws {
        try await withTemporaryFolder { folder in
            for path in [
                "model.safetensors", "model.bin", "original/a.pth", "x/original/b", ".cache/lock", "x/__pycache__/y.pyc", ".DS_Store",
            ] {
                try folder.add(path, "1")
            }
            let found = try await LocalFiles.find(at: folder.path, excluding: ["*.bin", "original/*"])
            #expect(found.files.map(\.path) == ["model.safetensors", "x/original/b"])
            #expect(Set(found.skipped).isSuperset(of: ["model.bin", ".cache", ".DS_Store", "x/__pycache__", "original/a.pth"]))
        }
    }

    @Test func linksOfAHubSnapshotLeadIntoItsCache() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("models--org--name/blobs/abc", "weights")
            try folder.add("models--org--other/blobs/def", "foreign")
            try folder.add("models--org--name/snapshots/1/readme", "x")
            try folder.link("models--org--name/snapshots/1/model.bin", to: "../../blobs/abc")
            let snapshot = folder.appending(path: "models--org--name/snapshots/1")
            #expect(try await LocalFiles.find(at: snapshot.path).files.map(\.path) == ["model.bin", "readme"])
            try snapshot.link("stolen", to: "../../../models--org--other/blobs/def")
            await #expect(throws: Complaint.self) { try await LocalFiles.find(at: snapshot.path) }
        }
    }

    @Test func aSingleFileStandsForItself() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("tiny.gguf", "GGUF")
            let found = try await LocalFiles.find(at: folder.appending(path: "tiny.gguf").path)
            #expect(found.files.map(\.path) == ["tiny.gguf"])
            #expect(found.folder == folder.path)
        }
    }

    @Test func linksWithinTheFolderAreFollowed() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("blobs/abc", "weights")
            try folder.link("model.bin", to: "blobs/abc")
            let found = try await LocalFiles.find(at: folder.path)
            #expect(found.files.map(\.path) == ["blobs/abc", "model.bin"])
            #expect(found.files.map(\.size) == [7, 7])
        }
    }

    @Test func otherLinksAreRefusedByName() async throws {
        for (target, reason) in [("/etc/hosts", "leads out"), ("missing", "leads nowhere"), ("folder", "leads to a folder")] {
            try await withTemporaryFolder { folder in
                try folder.add("folder/x", "")
                try folder.link("link", to: target)
                let error = await #expect(throws: Complaint.self) { try await LocalFiles.find(at: folder.path) }
                #expect(error?.message.contains("link") == true && error?.message.contains(reason) == true, "\(String(describing: error))")
                #expect(error?.hint != nil)
            }
        }
    }

    @Test func aFolderNextDoorWithTheSameBeginningIsOutside() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("model/a", "")
            try folder.add("model-secret/key", "")
            try folder.link("model/link", to: "../model-secret/key")
            await #expect(throws: Complaint.self) { try await LocalFiles.find(at: folder.appending(path: "model").path) }
        }
    }

    @Test func nothingToRegisterIsAnError() async throws {
        try await withTemporaryFolder { folder in
            let empty = await #expect(throws: Complaint.self) { try await LocalFiles.find(at: folder.path) }
            #expect(empty?.status == .conflict)
            let missing = await #expect(throws: Complaint.self) { try await LocalFiles.find(at: folder.appending(path: "no").path) }
            #expect(missing?.status == .notFound)
            #expect(mkfifo(folder.appending(path: "pipe").path, 0o600) == 0)
            let special = await #expect(throws: Complaint.self) { try await LocalFiles.find(at: folder.path) }
            #expect(special?.message.contains("pipe") == true)
        }
    }
}

@Suite struct DigestsTests {
    @Test func digestsAreThoseOfTheStandard() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("abc", "abc")
            try folder.add("empty", "")
            let large = String(repeating: "x", count: 3 << 20)
            try folder.add("large", large)
            let read = Mutex<Int64>(0)
            let digests = try await Digests.compute(LocalFiles.find(at: folder.path).files) { done, _ in
                read.withLock { $0 = max($0, done) }
            }
            #expect(digests.map(\.path) == ["abc", "empty", "large"])
            // FIPS 180-2, appendix B.1, and the digest of no bytes.
            #expect(digests[0].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            #expect(digests[1].sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            #expect(digests[2].sizeBytes == 3 << 20)
            #expect(read.withLock { $0 } == 3 << 20 + 3)
        }
    }

    @Test func aFileThatChangedIsNoticed() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("a", "abc")
            var files = try await LocalFiles.find(at: folder.path).files
            files[0].size = 2
            let error = await #expect(throws: Complaint.self) { try await Digests.compute(files) { _, _ in } }
            #expect(error?.message == "a changed while it was read")
        }
    }
}

@Suite struct RegistrationTests {
    private func file(_ path: String, _ digest: String = "d", stored: Bool? = true) -> VersionFile {
        VersionFile(path: path, sizeBytes: 1, sha256: digest, stored: stored)
    }

    @Test func equalFilesThatArrivedAreComplete() {
        #expect(Registration(local: [file("b"), file("a")], listed: [file("a"), file("b")]) == .complete)
    }

    @Test func whatHasNotArrivedIsMissing() {
        #expect(
            Registration(local: [file("a"), file("b"), file("c")], listed: [file("a"), file("c", stored: false), file("b", stored: nil)])
                == .incomplete(missing: ["b", "c"]))
    }

    @Test func differencesAreNamed() {
        let registration = Registration(local: [file("a", "1"), file("b")], listed: [file("a", "2", stored: false), file("c")])
        #expect(registration == .different(.init(changed: ["a"], onlyHere: ["b"], onlyThere: ["c"])))
        #expect(Registration.Difference(changed: ["a", "b", "c"], onlyHere: ["d"]).text == "3 changed (a, b, …), 1 only here (d)")
    }

    @Test(arguments: [
        ("/data/models/gpt", "/data", true), ("/data", "/data", false), ("/database/gpt", "/data", false), ("/x", "/", true),
        ("/home/me", nil, false),
    ])
    func filesBeneathTheStorageRootStayWhereTheyAre(folder: String, root: String?, inPlace: Bool) {
        let place = StoragePlace(folder: folder, root: root, model: "gpt", version: "1.0")
        #expect(place.isInPlace == inPlace)
        #expect(place.versionPath == (inPlace ? folder : "models/gpt/1.0"))
        #expect(place.modelPath == (inPlace ? folder : "models/gpt"))
    }
}

@Suite struct TransferMeterTests {
    @Test func saysHowMuchHowFastAndHowLong() {
        let meter = TransferMeter(total: 4 << 30)
        #expect(meter.text(0, after: .zero) == "0 B of 4.0 GiB")
        #expect(meter.text(1 << 30, after: .seconds(2)) == "1.0 GiB of 4.0 GiB, 512.0 MiB/s, 6 s left")
        #expect(meter.text(4 << 30, after: .seconds(8)) == "4.0 GiB of 4.0 GiB, 512.0 MiB/s")
        #expect(meter.fraction(1 << 30) == 0.25)
    }

    @Test func whatNeedNotBeMovedDoesNotCountAsSpeed() {
        let meter = TransferMeter(total: 4 << 30, skipped: 2 << 30)
        #expect(meter.text(3 << 30, after: .seconds(1)) == "3.0 GiB of 4.0 GiB, 1.0 GiB/s, 1 s left")
    }

    @Test(arguments: [(0.2, "1 s"), (59.0, "59 s"), (61.0, "1 min 1 s"), (7_260.0, "2 h 1 min")])
    func timesHaveTwoUnits(_ seconds: Double, _ text: String) {
        #expect(TransferMeter.time(seconds) == text)
    }
}
