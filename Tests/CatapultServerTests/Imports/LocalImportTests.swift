import CatapultAPI
import Foundation
import Testing

@testable import CatapultServer

@Suite struct LocalImportTests {
    private func with(_ body: @escaping @Sendable (ImportLab) async throws -> Void) async throws {
        try await CoreFixture.with { fixture async throws in try await ImportLab.with(fixture, body) }
    }

    /// A GGUF file of one tensor of eight numbers.
    private static let gguf: [UInt8] = {
        func number(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }
        var bytes = Array("GGUF".utf8) + number(UInt32(3)) + number(UInt64(1)) + number(UInt64(2))
        bytes += text("general.architecture") + number(UInt32(8)) + text("llama")
        bytes += text("llama.context_length") + number(UInt32(4)) + number(UInt32(512))
        bytes += text("w") + number(UInt32(1)) + number(UInt64(8)) + number(UInt32(0)) + number(UInt64(0))
        while !bytes.count.isMultiple(of: 32) { bytes.append(0) }
        return bytes + [UInt8](repeating: 1, count: 32)
    }()

    @Test func aGGUFFileStaysWhereItIs() async throws {
        try await with { lab in
            try lab.write(Self.gguf, "shelf/tiny model-00001-of-00002.gguf")
            try lab.write(Self.gguf + [1], "shelf/tiny model-00002-of-00002.gguf")
            try lab.write(Self.gguf, "shelf/other.gguf")
            let operation = try await lab.run(ImportModel(source: .gguf, path: "shelf/tiny model-00001-of-00002.gguf", tags: ["small"]))
            #expect(operation.state == .succeeded, "\(operation.message)")
            let model = try await lab.model("tiny-model")
            #expect(model.serverType == .llamaCpp)
            #expect(model.tags == ["small"])
            #expect(model.metadata["facts"]?["context_length"]?["value"] == 512)
            let version = try #require(try await lab.versions(of: "tiny-model").first)
            #expect(version.modelRepository == "shelf")
            let files = try await lab.files(version.id)
            #expect(files.map(\.path) == ["tiny model-00001-of-00002.gguf", "tiny model-00002-of-00002.gguf"])
            #expect(files.allSatisfy { $0.stored == true })
            #expect(try await lab.store.open(files[0].sha256).path == "shelf/tiny model-00001-of-00002.gguf", "in place")
            #expect(version.version == String(version.digest.dropFirst(7).prefix(12)))
        }
    }

    @Test func aCacheIsTakenInPlaceAndItsDigestsAreChecked() async throws {
        try await with { lab in
            let weights = SampleModel.weights(numbers: 1_000)
            let repository = "cache/models--acme--tiny"
            let snapshot = "\(repository)/snapshots/\(TestHub.commit)"
            try lab.write(weights, "\(repository)/blobs/\(TestHub.sha256(weights))")
            try lab.write(SampleModel.config, "\(repository)/blobs/\(TestHub.gitID(SampleModel.config))")
            try lab.write(Array(TestHub.commit.utf8), "\(repository)/refs/main")
            let root = lab.fixture.storage.root
            try FileManager.default.createDirectory(atPath: "\(root)/\(snapshot)", withIntermediateDirectories: true)
            for (name, blob) in [("model.safetensors", TestHub.sha256(weights)), ("config.json", TestHub.gitID(SampleModel.config))] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(root)/\(snapshot)/\(name)", withDestinationPath: "../../blobs/\(blob)")
            }
            try FileManager.default.createSymbolicLink(atPath: "\(root)/\(snapshot)/stray", withDestinationPath: "/etc/hostname")

            let operation = try await lab.run(ImportModel(source: .cache, path: "cache"))
            #expect(operation.state == .succeeded, "\(operation.message)")
            let model = try await lab.model("acme/tiny")
            #expect(model.company == "acme" && model.parameterCount == "1K" && model.serverType == .vllm)
            let version = try #require(try await lab.versions(of: "acme/tiny").first)
            #expect(version.version == String(TestHub.commit.prefix(12)))
            #expect(try await lab.files(version.id).map(\.path) == ["config.json", "model.safetensors"])
            #expect(try await lab.store.open(TestHub.sha256(weights)).path == "\(repository)/blobs/\(TestHub.sha256(weights))")
            let log = try await lab.operations.log(GetOperationLogs(operationID: operation.id), ImportLab.context).logs
            #expect(log.contains("left out: stray"))

            try lab.write(weights + [0], "\(repository)/blobs/\(TestHub.sha256(weights))")
            let damaged = try await lab.run(ImportModel(source: .cache, path: "cache", name: "again"))
            #expect(damaged.error?["code"] == "checksum_mismatch")
        }
    }

    @Test func aFileOfACacheIsCalledAsItsLinkAndItsCardIsRead() async throws {
        try await with { lab in
            let repository = "cache/models--acme--tiny-GGUF"
            let snapshot = "\(lab.fixture.storage.root)/\(repository)/snapshots/\(TestHub.commit)"
            try lab.write(Self.gguf, "\(repository)/blobs/\(TestHub.sha256(Self.gguf))")
            try lab.write(Self.gguf + [1], "\(repository)/blobs/\(TestHub.sha256(Self.gguf + [1]))")
            try lab.write(SampleModel.card, "\(repository)/blobs/card")
            try FileManager.default.createDirectory(atPath: snapshot, withIntermediateDirectories: true)
            for (name, blob) in [
                ("tiny-Q4.gguf", TestHub.sha256(Self.gguf)), ("tiny-Q8.gguf", TestHub.sha256(Self.gguf + [1])), ("README.md", "card"),
            ] { try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/\(name)", withDestinationPath: "../../blobs/\(blob)") }
            try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/out.gguf", withDestinationPath: "/etc/hostname")
            let path = "\(repository)/snapshots/\(TestHub.commit)"
            let operation = try await lab.run(ImportModel(source: .gguf, path: "\(path)/tiny-Q4.gguf"))
            #expect(operation.state == .succeeded, "\(operation.message)")
            let model = try await lab.model("tiny-Q4")
            #expect(model.metadata["license"] == "apache-2.0" && model.description == "A tiny model." && model.tags == ["sample"])
            let version = try #require(try await lab.versions(of: "tiny-Q4").first)
            #expect(version.quantization == "F32")
            #expect(try await lab.files(version.id).map(\.path) == ["tiny-Q4.gguf"])
            #expect(try await lab.store.open(TestHub.sha256(Self.gguf)).path.hasPrefix("\(repository)/blobs/"))
            await #expect { try await lab.imports.start(ImportModel(source: .gguf, path: "\(path)/out.gguf"), ImportLab.context) } throws: {
                ($0 as? CatapultError)?.type == "InvalidPathError"
            }
        }
    }

    @Test func aCacheWhoseLinksLeadOutIsRefused() async throws {
        try await with { lab in
            let root = lab.fixture.storage.root
            try lab.write(SampleModel.config, "secret/config.json")
            for (name, target) in [("out", "/etc"), ("aside", "\(root)/secret")] {
                let repository = "\(root)/\(name)/models--acme--tiny"
                try FileManager.default.createDirectory(atPath: "\(repository)/snapshots", withIntermediateDirectories: true)
                try FileManager.default.createDirectory(atPath: "\(repository)/blobs", withIntermediateDirectories: true)
                try FileManager.default.createSymbolicLink(
                    atPath: "\(repository)/snapshots/\(TestHub.commit)", withDestinationPath: target)
                let operation = try await lab.run(ImportModel(source: .cache, path: name))
                #expect(
                    operation.error?["type"] == "InvalidPathError" || operation.error?["error_type"] == "InvalidPathError", "\(operation)")
            }
            try FileManager.default.createDirectory(atPath: "\(root)/whole", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: "\(root)/whole/models--a--b", withDestinationPath: "/usr/share")
            #expect(try await lab.run(ImportModel(source: .cache, path: "whole")).state == .failed)
        }
    }

    @Test func aPipeInThePlaceOfAReferenceHoldsNobody() async throws {
        try await with { lab in
            let repository = "cache/models--acme--tiny"
            for folder in ["refs", "blobs", "snapshots/a", "snapshots/b"] {
                try FileManager.default.createDirectory(
                    atPath: "\(lab.fixture.storage.root)/\(repository)/\(folder)", withIntermediateDirectories: true)
            }
            #expect(mkfifo("\(lab.fixture.storage.root)/\(repository)/refs/main", 0o600) == 0)
            #expect(try await lab.run(ImportModel(source: .cache, path: "cache")).error?["code"] == "invalid_revision")
        }
    }

    @Test func aPlainFolderNeedsNoCache() async throws {
        try await with { lab in
            for (path, bytes) in SampleModel.files(numbers: 10) { try lab.write(bytes, "downloads/mine/\(path)") }
            let operation = try await lab.run(ImportModel(source: .cache, path: "downloads/mine", version: "1.0"))
            #expect(operation.state == .succeeded, "\(operation.message)")
            #expect(try await lab.versions(of: "mine").map(\.version) == ["1.0"])
            try lab.write([1], "downloads/mine/extra.txt")
            let clash = try await lab.run(ImportModel(source: .cache, path: "downloads/mine", version: "1.0"))
            #expect(clash.error?["code"] == "version_already_exists")
        }
    }

    @Test(arguments: [
        ImportModel(source: .gguf, path: "nothing.gguf"), ImportModel(source: .gguf, path: "notes.txt"),
        ImportModel(source: .cache, path: "nowhere", name: "x"), ImportModel(source: .cache, path: "void", name: "x"),
    ])
    func whatIsNoModelIsRefused(call: ImportModel) async throws {
        try await with { lab in
            try lab.write([1], "notes.txt")
            try FileManager.default.createDirectory(atPath: "\(lab.fixture.storage.root)/void", withIntermediateDirectories: true)
            let operation = try await lab.run(call)
            #expect(operation.state == .failed)
            #expect(operation.error?["hint"]?.stringValue?.isEmpty == false)
            #expect(operation.error?["code"] != "internal_error")
        }
    }
}
