import CatapultAPI
import Crypto
import Foundation
import Testing

@testable import CatapultServer

@Suite struct FactsTests {
    private static let whisper =
        #"{"model_type":"whisper","architectures":["WhisperForConditionalGeneration"],"d_model":384,"decoder_layers":4}"#
    private static let card = "---\nlicense: mit\nbase_model: acme/base\n---\nIt listens.\n"

    private func write(_ text: String, _ path: String, _ fixture: CoreFixture) throws {
        let url = URL(filePath: "\(fixture.storage.root)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// A safetensors file with one tensor of 600 numbers.
    private static let weights: [UInt8] = {
        let header = #"{"a":{"dtype":"F16","shape":[20,30],"data_offsets":[0,1200]}}"#
        return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + [UInt8](repeating: 0, count: 1200)
    }()

    @Test func aNewModelTakesWhatItsFilesSay() async throws {
        try await CoreFixture.with { fixture async throws in
            try write(Self.whisper, "models/ears/config.json", fixture)
            try write(Self.card, "models/ears/README.md", fixture)
            let model = try await fixture.model("ears")
            #expect(model.serverType == .whisper)
            #expect(model.baseModel == "acme/base")
            #expect(model.description == "It listens.")
            #expect(model.metadata["facts"]?["layers"] == ["value": 4, "source": "config.json"])
            #expect(model.metadata["facts"]?["license"] == ["value": "mit", "source": "README.md"])
            #expect(model.metadata["facts"]?["server_type"]?["source"] == "model_type whisper in config.json")
            #expect(try await fixture.models.get(GetModel(modelID: "ears"), CoreFixture.context()) == model)
        }
    }

    @Test func whatAPersonSaidStays() async throws {
        try await CoreFixture.with { fixture async throws in
            try write(Self.whisper, "models/ears/config.json", fixture)
            try write(Self.card, "models/ears/README.md", fixture)
            let model = try await fixture.models.create(
                CreateModel(
                    name: "ears", storagePath: "models/ears", baseModel: "mine", description: "My words.", metadata: ["owner": "me"],
                    serverType: .generic),
                CoreFixture.context())
            #expect(model.serverType == .generic)
            #expect(model.baseModel == "mine")
            #expect(model.description == "My words.")
            #expect(model.metadata["owner"] == "me")
            #expect(model.metadata["facts"]?["server_type"] == nil, "it was not found but set")
        }
    }

    @Test func aTypeByNamesGivesWayToOneByContentButNotAPersonsChoice() async throws {
        try await CoreFixture.with { fixture async throws in
            var model = try await fixture.model("ears")
            #expect(model.serverType == nil)
            let digest = { (bytes: [UInt8]) in SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined() }
            let files = [
                VersionFile(path: "config.json", sizeBytes: Int64(Self.whisper.utf8.count), sha256: digest(Array(Self.whisper.utf8))),
                VersionFile(path: "model.safetensors", sizeBytes: Int64(Self.weights.count), sha256: digest(Self.weights)),
            ]
            let context = CoreFixture.context("create_version", .version)
            _ = try await fixture.versions.create(CreateVersion(modelID: model.id, version: "1", files: files), context)
            model = try await fixture.models.get(GetModel(modelID: model.id), context)
            #expect(model.serverType == .vllm, "by names: nothing has arrived yet")

            try write(Self.whisper, "models/ears/config.json", fixture)
            let url = URL(filePath: "\(fixture.storage.root)/models/ears/model.safetensors")
            try Data(Self.weights).write(to: url)
            let version = try await fixture.versions.create(CreateVersion(modelID: model.id, version: "2", files: files), context)
            #expect(version.metadata["facts"]?["parameter_count"] == ["value": 600, "source": "model.safetensors"])
            model = try await fixture.models.get(GetModel(modelID: model.id), context)
            #expect(model.serverType == .whisper, "by config.json")
            #expect(model.parameterCount == "600")

            _ = try await fixture.models.update(UpdateModel(modelID: model.id, serverType: .custom), CoreFixture.context())
            _ = try await fixture.versions.create(CreateVersion(modelID: model.id, version: "3", files: files), context)
            #expect(try await fixture.models.get(GetModel(modelID: model.id), context).serverType == .custom)
        }
    }
}
