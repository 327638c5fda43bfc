import CatapultAPI
import Foundation
import Synchronization
import Testing

@testable import CatapultCLI

/// `mcp model register` against a server that keeps what it is sent.
@Suite(.timeLimit(.minutes(1))) struct ModelRegisterTests {
    private final class Registry: Sendable {
        struct State {
            var hasModel = false
            var files: [VersionFile]?
            var creations: [JSONValue] = []
            var uploads: [Upload] = []
            var bytes: [String: String] = [:]
        }

        let state: Mutex<State>
        let root: String
        /// Connections that break first, each after one byte has arrived.
        let failures: Mutex<Int>
        /// Digests whose bytes the server has.
        let known: Set<String>

        init(root: String, failures: Int = 0, known: Set<String> = []) {
            state = Mutex(State())
            self.root = root
            self.failures = Mutex(failures)
            self.known = known
        }

        @Sendable func answer(_ request: TestServer.Request) -> TestServer.Reply {
            do {
                return try state.withLock { try answer(request, &$0) }
            } catch {
                return .json("{}", status: 500)
            }
        }

        private func answer(_ request: TestServer.Request, _ state: inout State) throws -> TestServer.Reply {
            let gone = TestServer.Reply.json(#"{"detail":"not found"}"#, status: 404)
            let body = (try? JSONParser.parse(request.body.utf8)) ?? .null
            func version() throws -> TestServer.Reply {
                guard let files = state.files else { return gone }
                return .json(try Sample.version(files: files.count, missing: files.count { $0.stored != true }).wireText)
            }
            switch (request.method, request.uri) {
            case ("GET", "/api/v1/system/storage"):
                return .json(try Storage(total: 2, free: 1, modelsCount: 0, versionsCount: 0, largestModels: [], root: root).wireText)
            case ("GET", "/api/v1/models/gpt-model"): return state.hasModel ? .json(try Sample.model().wireText) : gone
            case ("POST", "/api/v1/models"):
                state.hasModel = true
                state.creations.append(body)
                return .json(try Sample.model().wireText, status: 201)
            case ("POST", "/api/v1/versions"):
                state.creations.append(body)
                let inPlace = body["ceph_path"]?.stringValue?.hasPrefix("/") == true
                state.files = try WireDecoder.decode(CreateVersion.self, from: body).files?.map { file in
                    VersionFile(path: file.path, sizeBytes: file.sizeBytes, sha256: file.sha256, stored: inPlace)
                }
                return try version()
            case ("GET", "/api/v1/versions/v-1/files"): return .json(try (state.files ?? []).wireText)
            case ("GET", _) where request.uri.hasPrefix("/api/v1/versions/"): return try version()
            case (_, _) where request.uri.hasPrefix("/api/v1/uploads"): return try uploads(request, body, &state)
            default: return .json("{}", status: 500)
            }
        }

        private func uploads(_ request: TestServer.Request, _ body: JSONValue, _ state: inout State) throws -> TestServer.Reply {
            let parts = request.uri.split(separator: "?")[0].split(separator: "/")
            guard parts.count > 3 else {
                if request.method == "GET" {
                    let open = state.uploads.filter { $0.state == .open }
                    return .json(try Page(items: open, total: open.count, page: 1, size: 1_000).wireText)
                }
                let call = try WireDecoder.decode(CreateUpload.self, from: body)
                var upload = Upload(
                    id: "u-\(state.uploads.count)", state: .open, sizeBytes: call.sizeBytes, sha256: call.sha256, offset: 0,
                    versionID: call.versionID, path: call.path, modelID: nil, name: nil, artifactID: nil, message: nil, createdBy: nil,
                    createdAt: Sample.moment, updatedAt: Sample.moment, expiresAt: Sample.moment)
                if known.contains(call.sha256) { store(&upload, &state) }
                state.uploads.append(upload)
                return .json(try upload.wireText, status: 201)
            }
            guard let index = state.uploads.firstIndex(where: { $0.id == parts[3] }) else { return .json("{}", status: 404) }
            switch (request.method, parts.last) {
            case ("PUT", "content"):
                guard request.uri.hasSuffix("offset=\(state.uploads[index].offset)") else { return .json("{}", status: 409) }
                let breaks = failures.withLock { failures in
                    failures -= 1
                    return failures >= 0
                }
                let arrived = breaks ? String(request.body.prefix(1)) : request.body
                state.bytes[state.uploads[index].path ?? "", default: ""] += arrived
                state.uploads[index].offset += Int64(arrived.utf8.count)
                if breaks { return .broken }
            case ("POST", "complete"):
                var upload = state.uploads[index]
                store(&upload, &state)
                state.uploads[index] = upload
            default: break
            }
            return .json(try state.uploads[index].wireText)
        }

        private func store(_ upload: inout Upload, _ state: inout State) {
            upload.state = .complete
            upload.offset = upload.sizeBytes
            if let file = state.files?.firstIndex(where: { $0.path == upload.path }) { state.files?[file].stored = true }
        }
    }

    private func register(_ folder: URL, on server: TestServer, _ more: String...) async -> (ToolStatus, Stage) {
        let stage = Stage(environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k"])
        let line = ["model", "register", "--name", "gpt-model", "--path", folder.path, "--version", "1.0"] + more
        return (await Tool.run(line, in: stage.surroundings), stage)
    }

    @Test func filesAreUploadedOnceAndTheSecondRunChangesNothing() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("a.txt", "abc")
            try folder.add("sub/b c.txt", "")
            let registry = Registry(root: "/no/such/folder")
            try await TestServer.serving(registry.answer) { server in
                let (first, stage) = await register(folder, on: server)
                #expect(first == .success, "\(stage.errors)")
                #expect(stage.output.hasPrefix("registered gpt-model:1.0: 2 files, 3 B, uploaded 3 B in "))
                #expect(stage.errors.contains("uploading a.txt (3 B)"))
                #expect(registry.state.withLock { $0.bytes } == ["a.txt": "abc"])
                #expect(registry.state.withLock { $0.uploads.map(\.state) } == [.complete, .complete])
                let creations = registry.state.withLock { $0.creations }
                #expect(creations[0]["storage_path"] == "models/gpt-model")
                #expect(creations[1]["ceph_path"] == "models/gpt-model/1.0")
                #expect(creations[1]["files"]?[0]?["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

                let before = server.requests.count
                let (second, again) = await register(folder, on: server)
                #expect(second == .success)
                #expect(again.output == "gpt-model:1.0 is already registered, nothing to do\n")
                #expect(server.requests.dropFirst(before).allSatisfy { $0.method == "GET" })
            }
        }
    }

    @Test func aBrokenConnectionIsTakenUpWhereItBroke() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("a", "123456")
            let registry = Registry(root: "/no/such/folder", failures: 3)
            try await TestServer.serving(registry.answer) { server in
                let (status, stage) = await register(folder, on: server)
                #expect(status == .success, "\(stage.errors)")
                #expect(registry.state.withLock { $0.bytes } == ["a": "123456"])
                #expect(registry.state.withLock { $0.uploads.count } == 1)
            }
        }
    }

    @Test func aLaterRunGoesOnWithAnOpenUpload() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("a", "123456")
            let registry = Registry(root: "/no/such/folder")
            registry.state.withLock { state in
                state.files = [
                    VersionFile(
                        path: "a", sizeBytes: 6, sha256: "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92", stored: false)
                ]
                state.bytes["a"] = "1234"
                state.uploads = [
                    Upload(
                        id: "u-0", state: .open, sizeBytes: 6, sha256: "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",
                        offset: 4, versionID: "v-1", path: "a", modelID: nil, name: nil, artifactID: nil, message: nil, createdBy: nil,
                        createdAt: Sample.moment, updatedAt: Sample.moment, expiresAt: Sample.moment)
                ]
            }
            try await TestServer.serving(registry.answer) { server in
                let (status, stage) = await register(folder, on: server)
                #expect(status == .success, "\(stage.errors)")
                #expect(stage.errors.contains("uploading a (6 B, from 4 B)"))
                #expect(registry.state.withLock { $0.bytes } == ["a": "123456"])
            }
        }
    }

    @Test func bytesThatTheServerHasAreNotSent() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("a", "abc")
            let registry = Registry(
                root: "/no/such/folder", known: ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"])
            try await TestServer.serving(registry.answer) { server in
                let (status, stage) = await register(folder, on: server)
                #expect(status == .success, "\(stage.errors)")
                #expect(stage.output.contains("1 of the files were on the server already"))
                #expect(!server.requests.contains { $0.method == "PUT" })
            }
        }
    }

    @Test func filesBeneathTheStorageRootAreNotCopied() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("models/gpt/a", "1")
            let registry = Registry(root: folder.path)
            try await TestServer.serving(registry.answer) { server in
                let (status, stage) = await register(folder.appending(path: "models/gpt"), on: server, "--quiet")
                #expect(status == .success, "\(stage.errors)")
                #expect(stage.output == "gpt-model:1.0\n")
                #expect(stage.errors.isEmpty)
                #expect(!server.requests.contains { $0.method == "PUT" })
                #expect(registry.state.withLock { $0.creations[1]["ceph_path"] } == .string(folder.appending(path: "models/gpt").path))
            }
        }
    }

    @Test func otherFilesUnderTheSameVersionAreAConflict() async throws {
        try await withTemporaryFolder { folder in
            try folder.add("a", "1")
            let registry = Registry(root: "/no/such/folder")
            try await TestServer.serving(registry.answer) { server in
                #expect(await register(folder, on: server).0 == .success)
                try folder.add("a", "2")
                let (status, stage) = await register(folder, on: server)
                #expect(status == .conflict)
                #expect(stage.errors.contains("1 changed (a)") && stage.errors.contains("choose another --version"))
            }
        }
    }
}
