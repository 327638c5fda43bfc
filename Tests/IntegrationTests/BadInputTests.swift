import Catapult
import CatapultAPI
import Foundation
import Testing

extension Integration {
    /// What people and programs get wrong: each is told so with status, detail, field and hint, and leaves nothing half done.
    @Suite struct BadInput {
        @Test func `names, tags, paths and numbers that cannot be`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("model"))
                let before = try await Self.everything(server)
                let id = version.id
                let name = version.modelName
                try FileManager.default.createSymbolicLink(atPath: "\(server.storage)/way-out", withDestinationPath: "/etc")
                let refusals: [(String, String, Int, code: String, field: String?)] = [
                    // Unknown model.
                    ("versions", #"{"model_name": "nothing", "version": "1"}"#, 404, "model_not_found", nil),
                    ("docker/builds", #"{"version_id": "nothing:1.0"}"#, 404, "model_not_found", nil),
                    ("deployments/execute", #"{"version_id": "nothing:1.0", "environment": "e"}"#, 404, "model_not_found", nil),
                    // Duplicate name.
                    ("models", #"{"name": "\#(name)", "storage_path": "x"}"#, 409, "model_already_exists", "name"),
                    ("versions", #"{"model_name": "\#(name)", "version": "1.0"}"#, 409, "version_already_exists", "version"),
                    ("api-keys", #"{"name": "admin"}"#, 409, "api_key_already_exists", "name"),
                    // Illegal image tag.
                    ("docker/builds", #"{"version_id": "\#(id)", "image_tag": "No Tag"}"#, 400, "invalid_image_tag", "image_tag"),
                    ("docker/builds", #"{"version_id": "\#(id)", "image_tag": "a--..b:1"}"#, 400, "invalid_image_tag", "image_tag"),
                    // Paths outside the storage root.
                    ("models", #"{"name": "p1", "storage_path": "../../etc"}"#, 400, "invalid_storage_path", "storage_path"),
                    ("models", #"{"name": "p2", "storage_path": "/etc"}"#, 400, "invalid_storage_path", "storage_path"),
                    ("models", #"{"name": "p3", "storage_path": "way-out/ssl"}"#, 400, "invalid_storage_path", "storage_path"),
                    // Numbers.
                    (
                        "deployments/execute", #"{"version_id": "\#(id)", "environment": "e", "replicas": -1}"#, 422, "validation_failed",
                        "replicas"
                    ),
                    (
                        "deployments/execute", #"{"version_id": "\#(id)", "environment": "e", "memory_limit": "much"}"#, 422,
                        "validation_failed",
                        "memory_limit"
                    ),
                    // A template that does not exist, a version without an image.
                    ("docker/builds", #"{"version_id": "\#(id)", "build_type": "nothing"}"#, 404, "template_not_found", "build_type"),
                    ("deployments/execute", #"{"version_id": "\#(id)", "environment": "e"}"#, 404, "docker_image_not_found", "image_tag"),
                    // JSON that is cut off.
                    ("docker/builds", #"{"version_id": "\#(id)", "#, 422, "validation_failed", nil),
                    ("deployments/execute", #"{"version_id": "\#(id)""#, 422, "validation_failed", nil),
                ]
                for (path, body, status, code, field) in refusals {
                    let answer = try await server.request(.post, "/api/v1/\(path)", body: body)
                    try Self.expect(answer, status, code, field: field, "POST \(path) \(body)")
                }
                #expect(try await Self.everything(server) == before)
            }
        }

        /// An error with all that it must have.
        private static func expect(
            _ answer: Answer, _ status: Int, _ code: String, field: String?, _ what: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let body = try answer.json
            #expect(answer.status == status && body["code"]?.stringValue == code, "\(what): \(answer)", sourceLocation: sourceLocation)
            #expect(body["field"]?.stringValue == field, "\(what): \(answer)", sourceLocation: sourceLocation)
            let detail = body["detail"]
            #expect(
                detail?.stringValue?.isEmpty == false || detail?.arrayValue?.isEmpty == false, "\(what): \(answer)",
                sourceLocation: sourceLocation)
            #expect(body["hint"]?.stringValue?.isEmpty == false, "\(what): no hint: \(answer)", sourceLocation: sourceLocation)
        }

        /// What a request that is refused must not change.
        private static func everything(_ server: TestServer) async throws -> [String] {
            var lists: [String] = []
            for list in [
                "models", "versions", "environments", "docker/builds", "deployments", "operations?kind=build", "operations?kind=deploy",
                "api-keys", "audit-logs?outcome=succeeded",
            ] {
                lists.append(try await server.request(.get, "/api/v1/\(list)\(list.contains("?") ? "&" : "?")limit=100").text)
            }
            return try await lists + server.containers().map(\.id)
        }

        @Test func `the same through the command line, with exit statuses`() async throws {
            try await TestServer.run { server in
                let version = try await server.register(server.name("model"))
                let name = version.modelName
                let before = try await Self.everything(server)
                try await server.mcp("deploy --model nothing:1.0 --environment e", exits: 3)
                try await server.mcp("model create --name \(name) --storage-path x", exits: 4)
                try await server.mcp("build create --version \(name):1.0 --tag", "No Tag", exits: 4)
                try await server.mcp("build create --version \(name):1.0 --template nothing", exits: 3)
                try await server.mcp("model create --name p --storage-path ../../etc", exits: 4)
                try await server.mcp("deploy --model \(name):1.0 --environment e --replicas -1", exits: 2)
                try await server.mcp("scale --deployment nothing --replicas 2", exits: 3)
                let refused = try await server.mcp("build create --version \(name):1.0 --template nothing --format json", exits: 3)
                #expect(try refused.errorJSON["candidates"]?.arrayValue?.contains("llama-cpp") == true, "near misses are named")
                #expect(try await Self.everything(server) == before)
            }
        }

        @Test func `a file that is not what the version lists is refused, and does not stay`() async throws {
            try await TestServer.run { server in
                let digest = String(repeating: "0", count: 64)
                let model = try await server.send(CreateModel(name: server.name("model"), storagePath: "m"))
                let version = try await server.send(
                    CreateVersion(modelID: model.id, version: "1.0", files: [VersionFile(path: "a.gguf", sizeBytes: 4, sha256: digest)]))
                let files = "/api/v1/versions/\(version.id)/files"
                for (path, body) in [
                    ("a.gguf", "abcd"), ("a.gguf", "abc"), ("a.gguf", "abcde"), ("b.gguf", "abcd"), ("..%2F..%2Fb", "abcd"),
                ] {
                    let answer = try await server.request(.put, "\(files)/\(path)", body: body)
                    #expect(answer.status == 400, "\(path) \(body): \(answer)")
                    #expect(try answer.json["hint"]?.stringValue?.isEmpty == false)
                }
                let left = FileManager.default.enumerator(atPath: server.storage)?.compactMap { $0 as? String }.filter { path in
                    var isDirectory: ObjCBool = false
                    return FileManager.default.fileExists(atPath: "\(server.storage)/\(path)", isDirectory: &isDirectory)
                        && !isDirectory.boolValue
                }
                #expect(left == [])
                let listed = try await server.send(ListVersionFiles(versionID: version.id))
                #expect(listed.map(\.stored) == [false])
                let early = try await server.request(.post, "/api/v1/docker/builds", body: #"{"version_id": "\#(version.id)"}"#)
                try Self.expect(early, 409, "files_missing", field: nil, "a build before all files are there")
            }
        }
    }
}
