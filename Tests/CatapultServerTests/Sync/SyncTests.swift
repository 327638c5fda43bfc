import CatapultAPI
import Foundation
import NIOConcurrencyHelpers
import Testing

@testable import CatapultServer

@Suite struct SyncTests {
    private func with(_ body: @escaping @Sendable (ImportLab) async throws -> Void) async throws {
        try await CoreFixture.with { fixture async throws in try await ImportLab.with(fixture, body) }
    }

    private func names(_ operation: CatapultAPI.Operation, _ kind: String) -> [String] {
        operation.result?[kind]?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    private func problems(_ operation: CatapultAPI.Operation) -> [String] {
        operation.result?["problems"]?.arrayValue?.compactMap { $0["path"]?.stringValue } ?? []
    }

    /// Two folders, one in another, and a file.
    private func fill(_ lab: ImportLab) throws {
        try lab.write(SampleModel.config, "models/gpt/config.json")
        try lab.write(SampleModel.weights(numbers: 100), "models/gpt/model.safetensors")
        try lab.write(Array("x".utf8), "models/acme/onnx-thing/model.onnx")
        try lab.write(Array("GGUF".utf8), "models/broken.gguf")
    }

    @Test func foldersBecomeModelsOnce() async throws {
        try await with { lab async throws in
            try fill(lab)
            let first = try await lab.runSync()
            #expect(first.state == .succeeded, "\(first.message)")
            #expect(names(first, "added").map { $0.split(separator: ":")[0] } == ["acme/onnx-thing", "broken", "gpt"])
            let model = try await lab.model("gpt")
            #expect(model.source == .filesystem && model.storagePath == "models/gpt")
            #expect(model.serverType == .vllm && model.parameterCount == "100")
            let versions = try await lab.versions(of: "gpt")
            #expect(versions.count == 1)
            #expect(versions[0].version == String(versions[0].digest.dropFirst(7).prefix(12)))
            #expect(try await lab.files(versions[0].id).map(\.path) == ["config.json", "model.safetensors"])
            #expect(try await lab.model("broken").metadata["facts"]?["problems"] != nil, "it is registered, and says what is wrong")

            let second = try await lab.runSync()
            #expect(second.result?["unchanged"] == 3)
            #expect(names(second, "added").isEmpty && names(second, "changed").isEmpty)
            #expect(try await lab.model("gpt") == model)
        }
    }

    @Test func otherFilesAreANewVersionBesideTheOld() async throws {
        try await with { lab async throws in
            try fill(lab)
            _ = try await lab.runSync()
            let old = try #require(try await lab.versions(of: "gpt").first)
            let before = try await lab.files(old.id)
            try lab.write(SampleModel.weights(numbers: 200), "models/gpt/model.safetensors")
            let changed = try await lab.runSync()
            #expect(names(changed, "changed").count == 1)
            let versions = try await lab.versions(of: "gpt")
            #expect(versions.count == 2)
            #expect(try await lab.files(old.id) == before, "the old version says what it said")
            #expect(versions[0].metadata["facts"]?["parameter_count"]?["value"] == 200)

            // Two versions must not stop the next sync, as they did in the earlier implementation.
            try lab.write(SampleModel.weights(numbers: 100), "models/gpt/model.safetensors")
            let back = try await lab.runSync()
            #expect(back.state == .succeeded)
            #expect(names(back, "changed") == ["gpt:\(old.version)"], "the files of an earlier version are that version")
            #expect(try await lab.versions(of: "gpt").count == 2)
        }
    }

    @Test func whatIsGoneIsMarkedAndComesBack() async throws {
        try await with { lab async throws in
            try fill(lab)
            _ = try await lab.runSync()
            let (folder, away) = ("\(lab.fixture.storage.root)/models/gpt", "\(lab.fixture.storage.root)/elsewhere")
            try FileManager.default.moveItem(atPath: folder, toPath: away)
            #expect(names(try await lab.runSync(), "orphaned") == ["gpt"])
            let orphan = try await lab.model("gpt")
            #expect(orphan.source == .orphaned && orphan.metadata["orphaned_since"] != nil)
            func listed() async throws -> Page<Model> { try await lab.fixture.models.list(ListModels(), ImportLab.context) }
            #expect(try await listed().items.map(\.name).contains("gpt") == false)
            #expect(try await listed().total == 2, "the counters agree")
            #expect(try await lab.versions(of: "gpt").count == 1, "nothing is deleted")
            #expect(names(try await lab.runSync(), "orphaned").isEmpty)

            try FileManager.default.moveItem(atPath: away, toPath: folder)
            #expect(names(try await lab.runSync(), "restored") == ["gpt"])
            let model = try await lab.model("gpt")
            #expect(model.source == .filesystem && model.metadata["orphaned_since"] == nil)
            #expect(try await listed().total == 3)
            #expect(try await lab.versions(of: "gpt").count == 1)
        }
    }

    @Test func anEmptyDirectoryIsNotTheEndOfAllModels() async throws {
        try await with { lab async throws in
            #expect(try await lab.runSync().state == .succeeded, "there was never anything")
            try fill(lab)
            _ = try await lab.runSync()
            let models = "\(lab.fixture.storage.root)/models"
            try FileManager.default.moveItem(atPath: models, toPath: "\(models)-away")
            for isThere in [false, true] {
                if isThere { try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true) }
                let refused = try await lab.runSync()
                #expect(
                    refused.error?["code"] == "models_directory_empty" && refused.error?["hint"]?.stringValue?.contains("Mount") == true)
                #expect(try await lab.model("gpt").source == .filesystem)
            }
            #expect(names(try await lab.runSync(allowEmpty: true), "orphaned").count == 3)
            #expect(try await lab.runSync().state == .succeeded, "nothing more can be lost")
        }
    }

    @Test func aDryRunChangesNothing() async throws {
        try await with { lab async throws in
            try fill(lab)
            let report = try await lab.runSync(dryRun: true)
            #expect(names(report, "added") == ["acme/onnx-thing", "broken", "gpt"])
            #expect(report.result?["dry_run"] == true)
            #expect(try await lab.fixture.models.list(ListModels(), ImportLab.context).total == 0)
        }
    }

    @Test func whatAPersonRegisteredIsLeftAlone() async throws {
        try await with { lab async throws in
            try fill(lab)
            let mine = try await lab.fixture.models.create(
                CreateModel(name: "mine", storagePath: "\(lab.fixture.storage.root)/models/gpt"), ImportLab.context)
            _ = try await lab.fixture.models.create(CreateModel(name: "broken", storagePath: "other"), ImportLab.context)
            let report = try await lab.runSync()
            #expect(names(report, "left") == ["models/gpt (mine)"])
            #expect(problems(report) == ["models/broken.gguf"])
            #expect(names(report, "added").count == 1)
            #expect(try await lab.model("mine") == mine)
        }
    }

    @Test func linksDoNotLeadOutAndOddNamesAreNamed() async throws {
        try await with { lab async throws in
            let root = lab.fixture.storage.root
            try lab.write(SampleModel.config, "secret/config.json")
            try lab.write(SampleModel.config, "models/gpt/config.json")
            try lab.write(SampleModel.config, "models/bad name!/config.json")
            try FileManager.default.createSymbolicLink(atPath: "\(root)/models/link", withDestinationPath: "\(root)/secret")
            try FileManager.default.createSymbolicLink(atPath: "\(root)/models/gpt/leak.txt", withDestinationPath: "/etc/hostname")
            try FileManager.default.createDirectory(atPath: "\(root)/models/empty/inner", withIntermediateDirectories: true)
            let report = try await lab.runSync()
            #expect(Set(problems(report)) == ["models/link", "models/gpt/leak.txt", "models/bad name!"])
            #expect(names(report, "added").count == 1)
            #expect(try await lab.files("gpt").map(\.path) == ["config.json"])
        }
    }

    @Test func aHubsCacheBecomesItsRepositories() async throws {
        try await with { lab async throws in
            let repository = "models/models--acme--tiny"
            try lab.write(SampleModel.config, "\(repository)/blobs/abc")
            try lab.write(Array(TestHub.commit.utf8), "\(repository)/refs/main")
            let snapshot = "\(lab.fixture.storage.root)/\(repository)/snapshots/\(TestHub.commit)"
            try FileManager.default.createDirectory(atPath: snapshot, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: "\(snapshot)/config.json", withDestinationPath: "../../blobs/abc")
            #expect(names(try await lab.runSync(), "added").count == 1)
            #expect(try await lab.model("acme/tiny").repository == "acme/tiny")
        }
    }

    @Test func onlyOneRunsAtATime() async throws {
        try await CoreFixture.with { fixture async throws in
            // Without a worker both stay in the queue.
            let sync = SyncService(database: fixture.database, wake: { _ in })
            let context = CoreFixture.context("sync_storage", .storage)
            let first = try await sync.start(SyncStorage(), context)
            #expect(try await sync.start(SyncStorage(), context).id == first.id)
            await #expect { try await sync.start(SyncStorage(dryRun: true), context) } throws: {
                ($0 as? CatapultError)?.code == "sync_running"
            }
            var scoped = context
            scoped.scope = KeyScope(models: ["a"])
            await #expect { try await sync.start(SyncStorage(), scoped) } throws: { ($0 as? CatapultError)?.status == 403 }
        }
    }

    @Test func aScheduleAsksOnceForSeveralServers() async throws {
        try await CoreFixture.with { fixture async throws in
            let (woken, wake) = AsyncStream.makeStream(of: OperationKind.self)
            let schedule = SyncSchedule(
                database: fixture.database, interval: .seconds(3_600), wake: { wake.yield($0) }, logger: CoreFixture.logger)
            // What only looked does not put off what is due.
            try await fixture.database.write { connection in
                let dry = try SyncService.enqueue(SyncInput(dryRun: true), createdBy: nil, in: connection)
                try OperationStore.finish(dry?.id ?? "", .succeeded(.null), in: connection)
            }
            await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try await schedule.run() } }
                for await kind in woken {
                    #expect(kind == .sync)
                    break
                }
                group.cancelAll()
            }
            let open = try await fixture.database.read { try SyncStore.open(in: $0) }
            let all = try await fixture.database.read { try $0.fetchInt("SELECT count(*) FROM operations WHERE kind = 'sync'") }
            #expect(open != nil && all == 2)
        }
    }
}
