import CatapultAPI
import Crypto
import Foundation
import HTTPTypes
import SQLDatabase
import Testing

@testable import CatapultServer

@Suite struct RegistryTests {
    @Test func aModelIsFoundByIDAndByName() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await fixture.model("gpt-model")
            #expect(try await fixture.models.get(GetModel(modelID: made.id), CoreFixture.context()) == made)
            #expect(try await fixture.models.get(GetModel(modelID: "gpt-model"), CoreFixture.context()) == made)
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.models.get(GetModel(modelID: "gpt-modl"), CoreFixture.context())
            }
            #expect(error?.status == 404)
            #expect(error?.type == "ModelNotFoundError")
            #expect(error?.candidates == ["gpt-model"])
        }
    }

    @Test func aNameIsTakenOnce() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("a")
            let error = await #expect(throws: CatapultError.self) { try await fixture.model("a") }
            #expect(error?.status == 409)
            #expect(error?.type == "ModelAlreadyExistsError")
            #expect(try await fixture.models.list(ListModels(), CoreFixture.context()).total == 1)
            let audited = try await AuditLog(database: fixture.database).list(ListAuditLogs(action: "create_model"), CoreFixture.context())
            #expect(audited.count == 1)
        }
    }

    @Test func countersFollowTheRows() async throws {
        try await CoreFixture.with { fixture async throws in
            let model = try await fixture.model("a")
            _ = try await fixture.models.create(
                CreateModel(name: "lost", storagePath: "lost", source: .orphaned), CoreFixture.context("create_model"))
            for version in ["1", "2", "3"] {
                _ = try await fixture.versions.create(
                    CreateVersion(modelID: model.id, version: version), CoreFixture.context("create_version", .version))
            }
            #expect(try await fixture.models.list(ListModels(), CoreFixture.context()).total == 1)
            #expect(try await fixture.models.list(ListModels(includeOrphaned: true), CoreFixture.context()).total == 2)
            #expect(try await fixture.models.list(ListModels(source: .orphaned), CoreFixture.context()).total == 1)
            #expect(try await fixture.versions.list(ListVersions(), CoreFixture.context()).total == 3)
            #expect(try await fixture.models.get(GetModel(modelID: "a"), CoreFixture.context()).versionCount == 3)
            _ = try await fixture.versions.delete(DeleteVersion(versionID: "a:2"), CoreFixture.context("delete_version", .version))
            #expect(try await fixture.models.get(GetModel(modelID: "a"), CoreFixture.context()).versionCount == 2)
            _ = try await fixture.models.delete(DeleteModel(modelID: "a"), CoreFixture.context("delete_model"))
            #expect(try await fixture.models.list(ListModels(), CoreFixture.context()).total == 0)
            #expect(try await fixture.versions.list(ListVersions(), CoreFixture.context()).total == 0)
        }
    }

    @Test func searchTakesWildcardsLiterally() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("alpha_1")
            _ = try await fixture.model("alphax1")
            #expect(try await fixture.models.list(ListModels(search: "ALPHA_"), CoreFixture.context()).items.map(\.name) == ["alpha_1"])
            #expect(try await fixture.models.list(ListModels(search: "%"), CoreFixture.context()).items.isEmpty)
        }
    }

    @Test func anUpdateLeavesAloneWhatIsAbsent() async throws {
        try await CoreFixture.with { fixture async throws in
            let made = try await fixture.models.create(
                CreateModel(name: "a", storagePath: "a", company: "c", tags: ["x"], requiresGPU: false, serverType: .vllm),
                CoreFixture.context("create_model"))
            #expect(made.serverType == .vllm)
            #expect(!made.requiresGPU)
            let changed = try await fixture.models.update(UpdateModel(modelID: "a", description: "d"), CoreFixture.context("update_model"))
            #expect(changed.company == "c")
            #expect(changed.tags == ["x"])
            #expect(changed.description == "d")
            #expect(changed.updatedAt > made.updatedAt)
        }
    }

    @Test(arguments: ["../outside", "/etc", "a/../../outside", "link/passwd"])
    func pathsStayBeneathTheRoot(_ path: String) async throws {
        try await CoreFixture.with { fixture async throws in
            try FileManager.default.createSymbolicLink(atPath: "\(fixture.storage.root)/link", withDestinationPath: "/etc")
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.models.create(CreateModel(name: "a", storagePath: path), CoreFixture.context("create_model"))
            }
            #expect(error?.status == 400)
            #expect(error?.type == "InvalidPathError")
            #expect(error?.details["path"] == .string(path))
            #expect(try await fixture.models.list(ListModels(), CoreFixture.context()).total == 0)
        }
    }

    @Test func pathsThatDoNotExistYetAreJudgedByTheirParents() async throws {
        try await CoreFixture.with { fixture async throws in
            let root = fixture.storage.root
            #expect(try fixture.storage.resolve("new/folder/file") == "\(root)/new/folder/file")
            #expect(try fixture.storage.resolve("\(root)/x/../y") == "\(root)/y")
            #expect(try fixture.storage.resolve(".") == root)
            #expect(throws: CatapultError.self) { try fixture.storage.resolve("\(root)-sibling") }
            #expect(throws: CatapultError.self) { try fixture.storage.resolve("a\u{0}b") }
        }
    }

    @Test func aVersionNeedsItsModel() async throws {
        try await CoreFixture.with { fixture async throws in
            let context = CoreFixture.context("create_version", .version)
            let missing = await #expect(throws: CatapultError.self) {
                try await fixture.versions.create(CreateVersion(version: "1"), context)
            }
            #expect(missing?.status == 422)
            let unknown = await #expect(throws: CatapultError.self) {
                try await fixture.versions.create(CreateVersion(modelID: "nobody", version: "1"), context)
            }
            #expect(unknown?.status == 404)
        }
    }

    @Test func aVersionIsRegisteredOncePerQuantization() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("a")
            let context = CoreFixture.context("create_version", .version)
            let made = try await fixture.versions.create(CreateVersion(modelName: "a", version: "1.0"), context)
            #expect(made.tag == "1.0")
            #expect(made.imageID == made.modelID)
            #expect(made.digest.hasPrefix("sha256:"))
            _ = try await fixture.versions.create(CreateVersion(modelName: "a", version: "1.0", quantization: "Q4"), context)
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.versions.create(CreateVersion(modelName: "a", version: "1.0"), context)
            }
            #expect(error?.type == "VersionAlreadyExistsError")
            #expect(error?.status == 409)
        }
    }

    @Test func filesArriveStreamedAndChecked() async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("a")
            let text = "weights of the model"
            let digest = SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
            let version = try await fixture.versions.create(
                CreateVersion(
                    modelName: "a", version: "1", cephPath: "models/a/1",
                    files: [VersionFile(path: "sub/model.gguf", sizeBytes: Int64(text.utf8.count), sha256: digest)]),
                CoreFixture.context("create_version", .version))
            #expect(version.missingFiles == 1)
            #expect(try await fixture.models.get(GetModel(modelID: "a"), CoreFixture.context()).serverType == .llamaCpp)
            try await fixture.http { http async throws in
                let path = "/api/v1/versions/\(version.id)/files/sub/model.gguf"
                let wrong = try await http.send(.put, path, "weights of the modem")
                #expect(wrong.status == 400)
                #expect(wrong.detail.contains(digest))
                let long = try await http.send(.put, path, text + "!")
                #expect(long.status == 400)
                let unlisted = try await http.send(.put, "/api/v1/versions/\(version.id)/files/other", text)
                #expect(unlisted.status == 400)
                #expect(try await http.send(.get, "/api/v1/versions/\(version.id)").json["missing_files"] == 1)
                let right = try await http.send(.put, path, text)
                #expect(right.status == 200)
                #expect(right.json["stored"] == true)
                #expect(try await http.send(.put, path, text).status == 200)
                #expect(try await http.send(.get, "/api/v1/versions/a:1").json["missing_files"] == 0)
            }
            let folder = "\(fixture.storage.root)/models/a/1/sub"
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.gguf"])
            #expect(try String(contentsOfFile: folder + "/model.gguf", encoding: .utf8) == text)
        }
    }

    @Test(arguments: ["", "/etc/passwd", "../x", "a//b", "a/./b"])
    func fileListsHoldOnlyPlainPaths(_ path: String) async throws {
        try await CoreFixture.with { fixture async throws in
            _ = try await fixture.model("a")
            let error = await #expect(throws: CatapultError.self) {
                try await fixture.versions.create(
                    CreateVersion(
                        modelName: "a", version: "1",
                        files: [VersionFile(path: path, sizeBytes: 1, sha256: String(repeating: "0", count: 64))]),
                    CoreFixture.context("create_version", .version))
            }
            #expect(error?.status == 422)
            #expect(error?.problems.first?.location == ["files", "0", "path"])
        }
    }
}
