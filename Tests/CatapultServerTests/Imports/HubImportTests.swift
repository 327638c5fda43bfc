import CatapultAPI
import Foundation
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

@Suite struct HubImportTests {
    private static let version = String(TestHub.commit.prefix(12))
    /// Where the files of the sample lie, beneath the storage root.
    private static let folder = "imports/models--acme--tiny/\(TestHub.commit)"

    /// Runs a test on each database, each time with a hub whose misbehaviour begins anew.
    private func with(
        _ hub: TestHub, token: String? = nil, licenses: Set<String>? = nil,
        _ body: @escaping @Sendable (ImportLab, TestSite) async throws -> Void
    ) async throws {
        try await CoreFixture.with { fixture async throws in
            let fresh = hub.fresh
            try await TestSite.run {
                fresh.answer($0)
            } _: { site in
                try await ImportLab.with(hub: site.url, token: token, licenses: licenses, fixture) { lab in try await body(lab, site) }
            }
        }
    }

    private func hub(_ behaviour: TestHub.Behaviour = .init(), numbers: Int = 1_000_000) -> TestHub {
        TestHub(SampleModel.files(numbers: numbers), large: ["model.safetensors"], behaviour)
    }

    private let call = ImportModel(source: .hub, repository: "acme/tiny")

    @Test func importsARepository() async throws {
        let hub = hub()
        try await with(hub) { lab, site async throws in
            let operation = try await lab.run(call)
            #expect(operation.state == .succeeded, "\(operation.message)")
            #expect(operation.result?["is_new"] == true)
            let model = try await lab.model("acme/tiny")
            #expect(model.id == operation.subjectID)
            #expect(model.serverType == .vllm)
            #expect(model.company == "acme" && model.repository == "acme/tiny")
            #expect(model.parameterCount == "1M" && model.baseModel == "acme/base" && model.description == "A tiny model.")
            #expect(model.metadata["license"] == "apache-2.0" && model.tags == ["sample"])
            let version = try #require(try await lab.versions(of: "acme/tiny").first)
            #expect(version.version == Self.version && version.quantization == "bf16")
            #expect(version.metadata["import"]?["commit"]?.stringValue == TestHub.commit)
            #expect(version.metadata["import"]?["license"] == "apache-2.0")
            #expect(version.metadata["facts"]?["context_length"]?["value"] == 2048)
            let files = try await lab.files(version.id)
            #expect(
                files.map(\.path) == ["README.md", "config.json", "empty.txt", "model.safetensors", "sub/notes.txt"],
                "one copy of the weights")
            for file in files {
                #expect(file.sha256 == hub.files[file.path].map(TestHub.sha256))
                #expect(lab.read("\(Self.folder)/\(file.path)") == hub.files[file.path])
                #expect(try await lab.store.open(file.sha256).facts.size == file.sizeBytes)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(lab.fixture.storage.root)/.catapult/imports").isEmpty)

            let asked = site.asked.count
            let again = try await lab.run(call)
            #expect(again.result?["is_new"] == false)
            #expect(try await lab.versions(of: "acme/tiny").count == 1)
            #expect(!site.asked[asked...].contains { $0.path.hasPrefix("/cdn/") }, "weights that are known are not fetched again")
        }
    }

    @Test func goesOnWhereAConnectionBroke() async throws {
        let hub = hub(.init(cuts: 3, cutAfter: 300_000))
        try await with(hub) { lab, site async throws in
            let operation = try await lab.run(call)
            #expect(operation.state == .succeeded, "\(operation.message)")
            let ranges = site.asked.filter { $0.path == "/cdn/model.safetensors" }.compactMap { $0.headers[.range] }
            #expect(ranges.count == 4)
            #expect(
                Set(ranges.compactMap { $0.dropFirst(6).split(separator: "-").first }).count == 4,
                "each attempt begins where the last ended")
            #expect(lab.read("\(Self.folder)/model.safetensors") == hub.files["model.safetensors"])
        }
    }

    @Test func largeFilesComeInSeveralParts() async throws {
        let numbers = Int(PartialFile.partSize) + 5
        let hub = hub(numbers: numbers)
        try await with(hub) { lab, site async throws in
            #expect(try await lab.run(call).state == .succeeded)
            #expect(site.asked.count { $0.path == "/cdn/model.safetensors" } == 3)
            let files = try await lab.files("acme/tiny")
            #expect(files.first { $0.path == "model.safetensors" }?.sha256 == TestHub.sha256(try #require(hub.files["model.safetensors"])))
        }
    }

    @Test func aServerWithoutRangesWillDo() async throws {
        try await with(hub(.init(cuts: 1, cutAfter: 100_000, ignoresRanges: true))) { lab, _ async throws in
            #expect(try await lab.run(call).state == .succeeded)
        }
    }

    @Test func wrongBytesAreFetchedAnewAndRefusedTheSecondTime() async throws {
        try await with(hub(.init(wrongAnswers: 1))) { lab, _ async throws in #expect(try await lab.run(call).state == .succeeded) }
        try await with(hub(.init(wrongAnswers: 100))) { lab, _ async throws in
            let operation = try await lab.run(call)
            #expect(operation.error?["code"] == "hub_wrong_bytes")
            await #expect { try await lab.model("acme/tiny") } throws: { ($0 as? CatapultError)?.status == 404 }
        }
    }

    @Test func waitsWhereTheHubAsksTo() async throws {
        let refusals: [(Int, [String: String])] = [(429, ["Retry-After": "0"]), (502, [:])]
        try await with(hub(.init(refusals: refusals.map { (status: $0.0, headers: $0.1) }))) { lab, _ async throws in
            #expect(try await lab.run(call).state == .succeeded)
        }
    }

    @Test func theTokenOpensGatedRepositoriesAndGoesNowhereElse() async throws {
        try await with(hub(.init(token: "hf_secret"))) { lab, _ async throws in
            let operation = try await lab.run(call)
            #expect(operation.error?["code"] == "hub_gated")
            #expect(operation.error?["hint"]?.stringValue?.contains("HF_TOKEN") == true)
        }
        try await with(hub(.init(token: "hf_secret")), token: "hf_secret") { lab, site async throws in
            let operation = try await lab.run(call)
            #expect(operation.state == .succeeded)
            let rows = try await lab.fixture.database.read { connection in
                try connection.fetchColumn(
                    "SELECT coalesce(input, '') || coalesce(result, '') || message FROM operations UNION ALL SELECT metadata FROM versions",
                    as: String.self)
            }
            #expect(!rows.contains { $0.contains("hf_secret") })
            #expect(
                try await !lab.operations.log(GetOperationLogs(operationID: operation.id), ImportLab.context).logs.contains("hf_secret"))
            #expect(!site.asked.contains { $0.path.contains("hf_secret") || $0.query.contains("hf_secret") })
        }
    }

    @Test func filesOnOtherHostsAreFetchedWithoutTheToken() async throws {
        for isAllowed in [true, false] {
            try await CoreFixture.with { fixture async throws in
                let store = hub()
                try await TestSite.run {
                    store.answer($0)
                } _: { content async throws in
                    let home = hub(.init(token: "hf_secret", content: content.url))
                    try await TestSite.run {
                        home.answer($0)
                    } _: { site async throws in
                        let allowed = isAllowed ? "127.0.0.1:\(content.port)" : ""
                        try await ImportLab.with(hub: site.url, token: "hf_secret", allowed: allowed, fixture) { lab in
                            let operation = try await lab.run(call)
                            #expect(site.asked.allSatisfy { $0.headers[.authorization] == "Bearer hf_secret" })
                            if isAllowed {
                                #expect(operation.state == .succeeded, "\(operation.message)")
                                #expect(!content.asked.isEmpty && content.asked.allSatisfy { $0.headers[.authorization] == nil })
                            } else {
                                #expect(operation.error?["hint"]?.stringValue?.contains("CATAPULT_ALLOWED_HOSTS") == true)
                                #expect(content.asked.isEmpty)
                            }
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [1, -1], [true, false])
    func anotherSizeThanListedIsRefused(excess: Int, ignoresRanges: Bool) async throws {
        try await with(hub(.init(ignoresRanges: ignoresRanges, listedExcess: excess), numbers: 1_000)) { lab, _ async throws in
            let operation = try await lab.run(call)
            #expect(operation.state == .failed)
            #expect(operation.error?["code"] != "internal_error")
            await #expect { try await lab.model("acme/tiny") } throws: { ($0 as? CatapultError)?.status == 404 }
        }
    }

    @Test func aVersionsNameThatIsTakenIsToldBeforeAnythingIsFetched() async throws {
        try await with(hub()) { lab, site async throws in
            let model = try await lab.fixture.model("acme/tiny")
            _ = try await lab.fixture.versions.create(
                CreateVersion(modelID: model.id, version: "1.0"), CoreFixture.context("create_version", .version))
            var call = call
            call.version = "1.0"
            #expect(try await lab.run(call).error?["code"] == "version_already_exists")
            #expect(site.asked.count == 1)
        }
    }

    @Test(arguments: [
        (ImportModel(source: .hub, repository: "acme/none"), "hub_repository_not_found"),
        (ImportModel(source: .hub, repository: "acme/tiny", revision: "v9"), "hub_revision_not_found"),
        (ImportModel(source: .hub, repository: "acme/tiny", include: ["*.gguf"]), "invalid_include"),
    ])
    func whatIsNotThereIsNamed(call: ImportModel, code: String) async throws {
        try await with(hub()) { lab, _ async throws in #expect(try await lab.run(call).error?["code"]?.stringValue == code) }
    }

    @Test func licensesMayBeLimited() async throws {
        try await with(hub(), licenses: ["mit"]) { lab, site async throws in
            #expect(try await lab.run(call).error?["code"] == "license_not_allowed")
            #expect(site.asked.count == 1, "nothing was fetched")
        }
        try await with(hub(), licenses: ["mit", "apache-2.0"]) { lab, _ async throws in #expect(try await lab.run(call).state == .succeeded)
        }
    }

    @Test func aStoppedServerGoesOnWithWhatHasArrived() async throws {
        let hub = hub(numbers: Int(PartialFile.partSize))
        try await CoreFixture.with { fixture async throws in
            let isHeld = NIOLockedValueBox(true)
            // Of the three parts of the weights only the first one arrives, as long as the others are held.
            try await TestSite.run { asked in
                let isFirst = asked.headers[.range]?.hasPrefix("bytes=0-") == true
                return asked.path.hasPrefix("/cdn/") && !isFirst && isHeld.withLockedValue { $0 } ? .init(hangs: true) : hub.answer(asked)
            } _: { site in
                let id = NIOLockedValueBox("")
                try await ImportLab.with(hub: site.url, fixture) { lab in
                    let operation = try await lab.imports.start(call, ImportLab.context)
                    id.withLockedValue { $0 = operation.id }
                    while !hasFirstPart(of: operation.id, fixture) { try await Task.sleep(for: .milliseconds(5)) }
                }
                isHeld.withLockedValue { $0 = false }
                let before = site.asked.count
                try await ImportLab.with(hub: site.url, fixture) { lab in
                    let known = try await lab.operations.get(GetOperation(operationID: id.withLockedValue { $0 }), ImportLab.context)
                    let ended = try await lab.end(of: known)
                    #expect(ended.state == .succeeded, "\(ended.message)")
                    let ranges = site.asked[before...].filter { $0.path.hasPrefix("/cdn/") }.compactMap { $0.headers[.range] }
                    #expect(ranges.count == 2 && ranges.allSatisfy { !$0.hasPrefix("bytes=0-") }, "the first part was kept: \(ranges)")
                }
            }
        }
    }

    @Test func anImportAfterOneThatWasGivenUpGoesOnWithWhatHasArrived() async throws {
        let hub = hub(numbers: Int(PartialFile.partSize))
        try await CoreFixture.with { fixture async throws in
            let isHeld = NIOLockedValueBox(true)
            try await TestSite.run { asked in
                let isFirst = asked.headers[.range]?.hasPrefix("bytes=0-") == true
                return asked.path.hasPrefix("/cdn/") && !isFirst && isHeld.withLockedValue { $0 } ? .init(hangs: true) : hub.answer(asked)
            } _: { site in
                try await ImportLab.with(hub: site.url, fixture) { lab in
                    let first = try await lab.imports.start(call, ImportLab.context)
                    while !hasFirstPart(of: first.id, fixture) { try await Task.sleep(for: .milliseconds(5)) }
                    _ = try await lab.operations.cancel(CancelOperation(operationID: first.id), ImportLab.context)
                    #expect(try await lab.end(of: first).state == .cancelled)
                    isHeld.withLockedValue { $0 = false }
                    let before = site.asked.count
                    #expect(try await lab.run(call).state == .succeeded)
                    let ranges = site.asked[before...].filter { $0.path.hasPrefix("/cdn/") }.compactMap { $0.headers[.range] }
                    #expect(ranges.count == 2 && ranges.allSatisfy { !$0.hasPrefix("bytes=0-") }, "the first part was kept: \(ranges)")
                    #expect(lab.read("\(Self.folder)/model.safetensors") == hub.files["model.safetensors"])
                    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(fixture.storage.root)/.catapult/imports").isEmpty)
                }
            }
        }
    }

    /// Whether an import has noted that the first part of a file of several parts is on disk.
    private func hasFirstPart(of operation: String, _ fixture: CoreFixture) -> Bool {
        let folder = "\(fixture.storage.root)/.catapult/imports/\(operation)"
        let lists = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".parts") }
        return lists.contains { list in
            let size = (try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(list.dropLast(6))"))?[.size] as? Int ?? 0
            return size > Int(PartialFile.partSize) && FileManager.default.contents(atPath: "\(folder)/\(list)")?.first == 1
        }
    }

    @Test func wishesThatMeanNothingAreRefused() async throws {
        try await with(hub()) { lab, _ async throws in
            let wrong = [
                ImportModel(source: .hub), ImportModel(source: .hub, repository: "acme/tiny", path: "models"),
                ImportModel(source: .gguf, path: "x.gguf", include: ["*"]), ImportModel(source: .cache),
                ImportModel(source: .hub, repository: "a/b/c"),
                ImportModel(source: .hub, repository: "a/.."), ImportModel(source: .gguf, path: "../../etc/passwd"),
            ]
            for call in wrong {
                await #expect { try await lab.imports.start(call, ImportLab.context) } throws: {
                    [400, 422].contains(($0 as? CatapultError)?.status)
                }
            }
            var scoped = ImportLab.context
            scoped.scope = KeyScope(models: ["team/*"])
            await #expect { try await lab.imports.start(call, scoped) } throws: { ($0 as? CatapultError)?.status == 403 }
        }
    }
}
