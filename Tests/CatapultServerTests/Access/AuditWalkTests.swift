import CatapultAPI
import Foundation
import HTTPTypes
import SQLDatabase
import Testing

@testable import CatapultServer

/// Every call that changes something leaves exactly one row in the audit log, in the transaction of the change.
@Suite struct AuditWalkTests {
    /// It takes an MLflow server to make the one succeed. The other sends a piece of an upload, which is recorded where it begins and where it
    /// ends: a file of 100 GiB would leave thousands of rows.
    private static let leftOut: Set<String> = ["syncMLflowMetadata", "writeUpload"]
    /// Calls that the container engine must answer.
    private static let needEngine: Set<String> = [
        "createBuild", "executeDeployment", "startDeployment", "restartDeployment", "preprocessModel",
    ]
    /// What may change before the row that says so: bytes that nothing refers to yet, and the place that the last writer of an upload holds.
    private static let ahead: [String: Set<String>] = [
        "uploadVersionFile": ["blobs", "blob_places"], "uploadArtifact": ["blobs", "blob_places"],
        "registerArtifact": ["blobs", "blob_places"],
        "completeUpload": ["uploads", "blobs", "blob_places"],
    ]

    /// Requests that succeed, each on things of its own.
    private struct Samples {
        let server: WholeServer
        let world: WalkWorld

        private func made(_ method: HTTPRequest.Method, _ uri: String, _ body: JSONValue? = nil, bytes: String? = nil) async throws
            -> String
        {
            let answer = try await server.made(method, "/api/v1/\(uri)", body, bytes: bytes)
            return answer["id"]?.stringValue ?? answer["operation_id"]?.stringValue ?? ""
        }

        private func version(_ files: JSONValue = []) async throws -> String {
            try await made(
                .post, "versions",
                ["model_id": .string(world.id(.model)), "version": .string("v\(UUID().uuidString.prefix(8))"), "files": files])
        }

        private func upload(_ bytes: String) async throws -> String {
            try await made(
                .post, "uploads",
                [
                    "size_bytes": .int(Int64(bytes.utf8.count)), "sha256": .string(WalkWorld.digest(bytes)),
                    "name": .string("\(bytes).bin"), "model_id": .string(world.id(.model)),
                ])
        }

        private func deployment(_ state: SQLQuery? = nil) async throws -> String {
            let id = try await made(
                .post, "deployments", ["release_id": .string(world.id(.version)), "environment": .string(world.environment)])
            if let state { try await server.database.write { _ = try $0.execute("UPDATE deployments SET \(state) WHERE id = \(id)") } }
            return id
        }

        /// The request for a call; nil where nobody has said how to make it.
        func request(_ call: String) async throws -> WholeServer.Request? {
            let (model, version) = (world.id(.model), world.id(.version))
            let tiny: JSONValue = [
                ["path": "tiny.bin", "size_bytes": 4, "sha256": .string(WalkWorld.digest("tiny"))]
            ]
            switch call {
            case "createModel": return .init(body: ["name": "team/new", "storage_path": "models/team/new"])
            case "updateModel": return .init(path: ["model_id": model], body: ["company": "c"])
            case "deleteModel":
                return .init(path: ["model_id": try await made(.post, "models", ["name": "team/old", "storage_path": "models/team/old"])])
            case "preprocessModel":
                return .init(path: ["model_id": model], body: ["image": .string(Self.image), "command": ["/bin/true"]])
            case "importModel": return .init(body: ["source": "gguf", "name": "team/imported", "path": "models/x.gguf"])
            case "createVersion": return .init(body: ["model_id": .string(model), "version": "9.0"])
            case "updateVersion": return .init(path: ["version_id": version], body: ["release_notes": "n"])
            case "deleteVersion": return .init(path: ["version_id": try await self.version()])
            case "uploadVersionFile":
                return .init(path: ["version_id": try await self.version(tiny), "path": "tiny.bin"], bytes: "tiny")
            case "promoteVersion": return .init(path: ["version_id": try await self.version()], body: ["stage": "staging"])
            case "demoteVersion":
                let id = try await self.version()
                _ = try await made(.post, "versions/\(id)/promote", ["stage": "canary"])
                return .init(path: ["version_id": id], body: ["stage": "canary"])
            case "deprecateVersion": return .init(path: ["version_id": try await self.version()], body: ["message": "m"])
            case "archiveVersion": return .init(path: ["version_id": try await self.version()], body: [:])
            case "restoreVersion":
                let id = try await self.version()
                _ = try await made(.post, "versions/\(id)/archive", [:])
                return .init(path: ["version_id": id], body: [:])
            case "setVersionAlias": return .init(path: ["model_id": model, "alias": "beta"], body: ["version": "1.0"])
            case "deleteVersionAlias":
                _ = try await made(.put, "models/\(model)/aliases/gone", ["version": "1.0"])
                return .init(path: ["model_id": model, "alias": "gone"])
            case "addDependency": return .init(path: ["version_id": version], body: ["kind": "dataset", "name": "d", "revision": "1"])
            case "deleteDependency":
                let id = try await made(.post, "versions/\(version)/dependencies", ["kind": "dataset", "name": "old", "revision": "1"])
                return .init(path: ["version_id": version, "dependency_id": id])
            case "createArtifact":
                return .init(
                    body: [
                        "name": "a.whl", "artifact_type": "wheel", "size_bytes": 3, "checksum": .string(WalkWorld.digest("abc")),
                        "file_path": "models/abc.whl", "version_id": .string(version),
                    ])
            case "uploadArtifact": return .init(query: ["name": "b.whl", "version_id": version], bytes: "bytes")
            case "registerArtifact": return .init(body: ["file_path": "models/abc.bin", "version_id": .string(version)])
            case "updateArtifact": return .init(path: ["artifact_id": world.id(.artifact)], body: ["metadata": ["x": 1]])
            case "deleteArtifact":
                return .init(path: ["artifact_id": try await made(.post, "artifacts/upload?name=old.whl&version_id=\(version)", bytes: "o")]
                )
            case "verifyArtifacts": return .init(body: ["version_id": .string(version)])
            case "collectGarbage", "syncStorage": return .init(body: [:])
            case "createUpload":
                return .init(
                    body: [
                        "size_bytes": 7, "sha256": .string(WalkWorld.digest("unknown")), "name": "u.bin", "model_id": .string(model),
                    ])
            case "writeUpload": return .init(path: ["upload_id": try await upload("written")], query: ["offset": "0"], bytes: "written")
            case "completeUpload":
                let id = try await upload("complete")
                _ = try await made(.put, "uploads/\(id)/content?offset=0", bytes: "complete")
                return .init(path: ["upload_id": id], body: [:])
            case "cancelUpload": return .init(path: ["upload_id": try await upload("cancelled")])
            case "createEnvironment": return .init(body: ["name": "new", "type": "cpu"])
            case "updateEnvironment": return .init(path: ["environment": world.environment], body: ["description": "d"])
            case "deleteEnvironment":
                _ = try await made(.post, "environments", ["name": "old", "type": "cpu"])
                return .init(path: ["environment": "old"])
            case "createBuild": return .init(body: ["version_id": .string(version), "dockerfile_content": "FROM scratch"])
            case "cancelBuild": return .init(path: ["build_id": try await WalkWorld.build(of: version, "old:1", on: server)], body: [:])
            case "createDeployment": return .init(body: ["release_id": .string(version), "environment": .string(world.environment)])
            case "executeDeployment":
                return .init(
                    body: [
                        "release_id": .string(version), "environment": .string(world.environment), "image_tag": .string(Self.image),
                        "gpu_enabled": false,
                    ])
            case "scaleDeployment":
                let id = try await deployment("deployment_type = 'local', status = 'running', replicas = 2, image_digest = 'sha256:0'")
                return .init(path: ["deployment_id": id], body: ["replicas": 1])
            case "startDeployment":
                return .init(
                    path: [
                        "deployment_id": try await deployment("deployment_type = 'local', status = 'stopped', image_digest = 'sha256:0'")
                    ],
                    body: [:])
            case "stopDeployment", "restartDeployment":
                return .init(
                    path: [
                        "deployment_id": try await deployment("deployment_type = 'local', status = 'running', image_digest = 'sha256:0'")
                    ],
                    body: [:])
            case "deleteDeployment": return .init(path: ["deployment_id": try await deployment()])
            case "cancelOperation":
                return .init(
                    path: ["operation_id": try await made(.post, "artifacts/verify", ["version_id": .string(version)])], body: [:])
            case "createAPIKey": return .init(body: ["name": "new"])
            case "updateAPIKey", "rotateAPIKey", "deleteAPIKey":
                let id = try await made(.post, "api-keys", ["name": .string("for \(call)")])
                return .init(
                    path: ["key_id": id],
                    body: call == "updateAPIKey" ? ["is_active": false] : call == "rotateAPIKey" ? ["overlap_seconds": 60] : nil)
            default: return nil
            }
        }

        static let image = ProcessInfo.processInfo.environment["CATAPULT_TEST_BASE_IMAGE"] ?? "catapult/llama-cpp-base:local"
    }

    /// From now on no audit row can be written, until it is taken back.
    private func refuseRows(_ refuse: Bool, on server: WholeServer) async throws {
        try await server.database.write { connection in
            switch (connection.dialect, refuse) {
            case (.sqlite, true):
                try connection.execute(
                    "CREATE TRIGGER test_refuses BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, 'no rows in this test'); END")
            case (.sqlite, false): try connection.execute("DROP TRIGGER test_refuses")
            case (.postgresql, true):
                try connection.execute(
                    "CREATE TRIGGER test_refuses BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse()")
            case (.postgresql, false): try connection.execute("DROP TRIGGER test_refuses ON audit_logs")
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func everyWriteAndItsRowAreOneTransaction() async throws {
        try await WholeServer.with { configuration in
            configuration.admission.proxies = TrustedProxies("0.0.0.0/0, ::/0") ?? .none
        } _: { server in
            let world = try await WalkWorld("team/inside", environment: "staging", words: "plain", on: server)
            let samples = Samples(server: server, world: world)
            try "abc".write(toFile: "\(server.directory)/storage/models/abc.bin", atomically: false, encoding: .utf8)
            try "abc".write(toFile: "\(server.directory)/storage/models/abc.whl", atomically: false, encoding: .utf8)
            let engine = try await server.made(.get, "/api/health")["components"]?["engine"] == "healthy"
            let face = try #require(HTTPField.Name("X-Catapult-Face"))
            for call in Catalogue.calls {
                guard let action = call.audit, !Self.leftOut.contains(call.name), engine || !Self.needEngine.contains(call.name)
                else { continue }
                guard let request = try await samples.request(call.name) else {
                    Issue.record("\(call.name) changes something: say in this test how to call it")
                    continue
                }
                let left = (Self.ahead[call.name] ?? []).union(["api_keys"])
                let isOnKeys = action.resource == .apiKey
                let before = try await server.contents(except: isOnKeys ? [] : left)
                try await refuseRows(true, on: server)
                let refused = try await server.send(call, request)
                try await refuseRows(false, on: server)
                #expect(refused.status >= 500, "\(call.name) without its row: \(refused.status) \(refused.text.prefix(200))")
                let after = try await server.contents(except: isOnKeys ? [] : left)
                for (table, rows) in before where after[table] != rows {
                    let changed = Set(after[table] ?? []).symmetricDifference(rows)
                    Issue.record("\(call.name) changed \(table) without a row in the audit log: \(changed)")
                }

                let last = try await server.made(.get, "/api/v1/audit-logs/head")["sequence"]?.intValue ?? 0
                let answer = try await server.send(
                    call, request,
                    headers: [
                        face: "cli", .requestID: "walk-\(call.name)", .userAgent: "walker/1",
                        try #require(.init("X-Forwarded-For")): "203.0.113.7",
                    ])
                #expect(answer.isSuccess, "\(call.name): \(answer.status) \(answer.text.prefix(300))")
                let rows = try await server.made(.get, "/api/v1/audit-logs?after=\(last)").arrayValue ?? []
                let own = rows.filter { $0["api_key_name"] == "admin" }
                #expect(own.count == 1, "\(call.name) left \(own.count) rows: \(own.map(\.jsonText))")
                guard let row = own.first else { continue }
                #expect(row["action"]?.stringValue == action.action, "\(call.name)")
                #expect(row["operation"]?.stringValue == call.name)
                #expect(row["outcome"] == "succeeded")
                #expect(row["face"] == "cli" && row["agent"]?.stringValue?.contains("walker/1") == true, "\(call.name): \(row.jsonText)")
                #expect(row["request_id"]?.stringValue == "walk-\(call.name)")
                #expect(row["resource_id"]?.stringValue != nil || [.storage].contains(action.resource), "\(call.name): \(row.jsonText)")
            }
            let verified = try await server.made(.get, "/api/v1/audit-logs/verify")
            #expect(verified["ok"] == true, "\(verified.jsonText)")
        }
    }

    @Test func refusedAttemptsSayWhoTriedWhat() async throws {
        try await WholeServer.with { server in
            let world = try await WalkWorld("zz/hidden", environment: "there", words: "plain", on: server)
            let viewer = try await server.made(.post, "/api/v1/api-keys", ["name": "v"])["key"]?.stringValue
            let limited = try await server.made(
                .post, "/api/v1/api-keys", ["name": "l", "role": "admin", "scope": ["models": ["team/*"]]])["key"]?.stringValue
            let id = world.id(.model)
            #expect(try await server.send(.delete, "/api/v1/models/\(id)", key: viewer).status == 403)
            #expect(try await server.send(.delete, "/api/v1/models/\(id)", key: limited).status == 404)
            #expect(try await server.send(.delete, "/api/v1/models/\(id)").status == 409)
            let failed = try await server.made(.get, "/api/v1/audit-logs?outcome=failed").arrayValue ?? []
            #expect(failed.compactMap { $0["api_key_name"]?.stringValue } == ["admin", "l", "v"])
            #expect(failed.compactMap { $0["details"]?["status"]?.intValue } == [409, 404, 403])
            for row in failed {
                #expect(row["action"] == "delete_model" && row["operation"] == "deleteModel")
                #expect(row["details"]?["target"]?["model_id"]?.stringValue == id)
                #expect(row["resource_id"] == .null)
            }
            // Reads that were refused are in the server's log only; and nothing is written of those without a key.
            #expect(try await server.send(.get, "/api/v1/api-keys", key: viewer).status == 403)
            #expect(try await server.send(.delete, "/api/v1/models/\(id)", key: nil).status == 401)
            #expect(try await server.made(.get, "/api/v1/audit-logs?outcome=failed").arrayValue?.count == 3)
        }
    }

    @Test func secretsAreInNoRowOfAnyTableAndInNoAnswer() async throws {
        try await WholeServer.with { server in
            let made = try await server.made(.post, "/api/v1/api-keys", ["name": "ci", "role": "operator"])
            let first = try #require(made["key"]?.stringValue)
            let rotated = try await server.made(.post, "/api/v1/api-keys/ci/rotate", ["overlap_seconds": 60])
            let second = try #require(rotated["key"]?.stringValue)
            _ = try await server.send(.post, "/api/v1/models", "{}", key: first)
            _ = try await server.send(.delete, "/api/v1/models/x", key: second)
            let secrets = [first, second, WholeServer.adminKey].map { String($0.split(separator: ".")[1]) }
            let stored = try await server.contents().values.joined().joined()
            var answers = ""
            for call in Catalogue.calls where call.effect == .read && call.responseBody == .json {
                answers += try await server.send(call, .init(path: ["key_id": "ci"])).text
            }
            for secret in secrets {
                #expect(!stored.contains(secret))
                #expect(!answers.contains(secret))
            }
        }
    }
}
