import CatapultAPI
import Foundation
import NIOHTTP1
import Testing

@testable import CatapultServer

@Suite struct HubRulesTests {
    private static let commit = "0123456789abcdef0123456789abcdef01234567"

    private func repository(_ siblings: String) throws -> HubRepository {
        try HubRepository(
            JSONParser.parse(#"{"sha":"\#(Self.commit)","gated":false,"cardData":{"license":"mit"},"siblings":[\#(siblings)]}"#.utf8))
    }

    @Test func readsAListing() throws {
        let sha = String(repeating: "a", count: 64)
        let found = try repository(
            #"{"rfilename":"model.safetensors","size":1000,"blobId":"\#(Self.commit)","lfs":{"sha256":"\#(sha)","size":1000,"pointerSize":135}},{"rfilename":"config.json","size":20,"blobId":"\#(Self.commit)"}"#
        )
        #expect(found.commit == Self.commit)
        #expect(found.license == "mit")
        #expect(!found.isGated)
        #expect(found.files.map(\.path) == ["config.json", "model.safetensors"])
        #expect(found.files[0].gitID == Self.commit && found.files[0].sha256 == nil)
        #expect(found.files[1].sha256 == sha && found.files[1].gitID == nil, "the blob of a large file is its pointer")
    }

    @Test(arguments: ["../x", "/etc/passwd", "a//b", "a/./b", "..", "", "a\\u0000b", "a\\nb"])
    func namesThatLeadElsewhereAreRefused(name: String) {
        #expect { try repository(#"{"rfilename":"\#(name)","size":1}"#) } throws: { ($0 as? CatapultError)?.status == 400 }
    }

    @Test(arguments: ["{}", "[]", #"{"sha":"main","siblings":[]}"#, #"{"sha":"0123456789abcdef0123456789abcdef01234567"}"#])
    func answersThatAreNoneAreNot(text: String) throws {
        let json = try JSONParser.parse(text.utf8)
        #expect { try HubRepository(json) } throws: { ($0 as? CatapultError)?.status == 503 }
    }

    private func choose(_ paths: [String], include: [String]? = nil, exclude: [String]? = nil) throws -> [String] {
        try HubSelection.choose(paths.map { .init(path: $0, size: 1) }, include: include, exclude: exclude).map(\.path)
    }

    @Test func takesOneCopyOfTheWeights() throws {
        let all = [
            ".gitattributes", "README.md", "config.json", "model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json",
            "tf_model.h5",
            "flax_model.msgpack", "onnx/model.onnx", "original/consolidated.00.pth", "consolidated.safetensors", "training_args.bin",
        ]
        #expect(try choose(all) == ["README.md", "config.json", "model.safetensors", "training_args.bin"])
        #expect(try choose(["config.json", "pytorch_model.bin"]) == ["config.json", "pytorch_model.bin"], "there is no other copy")
        #expect(try choose(all, include: ["*.bin", "config.json"], exclude: ["training*"]) == ["config.json", "pytorch_model.bin"])
    }

    @Test func oneOfSeveralQuantizationsMustBeChosen() throws {
        let all = ["README.md", "m-Q4_K_M.gguf", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "mmproj-m.gguf"]
        #expect { try choose(all) } throws: { ($0 as? CatapultError)?.message.contains("m-Q4_K_M, m-Q8_0") == true }
        #expect(try choose(all, include: ["*Q8_0*"]) == ["m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"])
        #expect(throws: CatapultError.self) { try choose(all, include: ["*Q5*"]) }
    }

    @Test(arguments: [
        (401, "GatedRepo", 403), (403, "", 403), (404, "RevisionNotFound", 404), (404, "EntryNotFound", 404), (404, "", 404),
        (401, "", 404),
        (418, "", 503),
    ])
    func errorsOfTheHubKeepTheirMeaning(status: Int, code: String, expected: Int) {
        let headers: HTTPHeaders = code.isEmpty ? [:] : ["X-Error-Code": code]
        let error = HubProblem.error(status, headers, repository: "a/b", revision: "main", hasToken: false)
        #expect((error as? CatapultError)?.status == expected)
        #expect((error as? CatapultError)?.hint?.isEmpty == false)
    }

    @Test func whatMayPassIsToldApart() {
        let busy = HubProblem.error(429, ["Retry-After": "7"], repository: "a/b", revision: "main", hasToken: true) as? HubProblem.Passing
        #expect(busy?.retryAfter == .seconds(7))
        #expect(busy?.error.status == 503)
        let limited = HubProblem.error(429, ["RateLimit": "\"api\";r=0;t=55"], repository: "a/b", revision: "main", hasToken: true)
        #expect((limited as? HubProblem.Passing)?.retryAfter == .seconds(55))
        let patient =
            HubProblem.error(503, ["Retry-After": "999999"], repository: "a/b", revision: "main", hasToken: true) as? HubProblem.Passing
        #expect(patient?.retryAfter == .seconds(300), "nobody makes us wait for days")
    }

    @Test func readsContentRanges() {
        #expect(ContentRange("bytes 5-9/10")?.start == 5)
        #expect(ContentRange("bytes 5-9/10")?.total == 10)
        #expect(ContentRange("bytes 0-0/*")?.total == nil)
        for wrong in ["", "bytes", "bytes 9-5/10", "bytes -1-5/10", "items 0-1/2", "bytes a-b/c", "bytes */10"] {
            #expect(ContentRange(wrong) == nil, "\(wrong)")
        }
    }

    @Test(arguments: ["https://hub.example", "http://127.0.0.1:8080/hub/"])
    func endpoints(text: String) { #expect(HubConfiguration(endpoint: text)?.endpoint.hasSuffix("/") == false) }

    @Test(arguments: ["hub.example", "ftp://hub.example", "https://user:pw@hub.example", "https://hub.example?x=1", ""])
    func wrongEndpoints(text: String) { #expect(HubConfiguration(endpoint: text) == nil) }

    @Test func findsSnapshotsInACache() async throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-cache-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let repository = "\(root)/hub/models--acme--tiny-gpt"
        for folder in ["blobs", "refs", "snapshots/\(Self.commit)", "snapshots/old"] {
            try FileManager.default.createDirectory(atPath: "\(repository)/\(folder)", withIntermediateDirectories: true)
        }
        try Data("\(Self.commit)\n".utf8).write(to: URL(filePath: "\(repository)/refs/main"))
        let expected = HubCache(
            snapshot: "\(repository)/snapshots/\(Self.commit)", boundary: repository, repository: "acme/tiny-gpt", commit: Self.commit)
        #expect(try HubCache.find(at: "\(root)/hub", repository: nil, revision: nil) == expected)
        #expect(try HubCache.find(at: "\(root)/hub", repository: "acme/tiny-gpt", revision: "main") == expected)
        #expect(try HubCache.find(at: repository, repository: nil, revision: Self.commit) == expected)
        #expect(try HubCache.find(at: expected.snapshot, repository: nil, revision: nil) == expected)
        #expect(throws: CatapultError.self) { try HubCache.find(at: repository, repository: nil, revision: "dev") }
        #expect(throws: CatapultError.self) { try HubCache.find(at: repository, repository: nil, revision: "../../x") }
        #expect(throws: CatapultError.self) { try HubCache.find(at: "\(root)/hub", repository: "acme/other", revision: nil) }
        #expect(try HubCache.find(at: "\(repository)/refs", repository: nil, revision: nil).repository == nil, "a plain folder")
        #expect(HubCache.repository(ofFolder: "models--gpt2") == "gpt2")
        #expect(HubCache.repository(ofFolder: "datasets--a--b") == nil)
    }
}
