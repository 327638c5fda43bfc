import Catapult
import CatapultAPI
import Foundation
import Subprocess
import Testing

extension Integration {
    /// The facts of the wire contract, over real HTTP.
    @Suite struct Contract {
        @Test func `pages come in the envelope, in both dialects`() async throws {
            try await TestServer.run { server in
                for index in 1...12 { try await server.send(CreateModel(name: server.name("model-\(index)"), storagePath: "m\(index)")) }
                let names = (1...12).reversed().map { server.name("model-\($0)") }

                let first = try await server.request(.get, "/api/v1/models").json
                #expect(first["total"] == 12 && first["page"] == 1 && first["size"] == 10 && first["pages"] == 2)
                #expect(first["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == Array(names[..<10]), "newest first")
                let second = try await server.request(.get, "/api/v1/models?page=2&size=5").json
                #expect(second["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == Array(names[5..<10]))
                let byRows = try await server.request(.get, "/api/v1/models?limit=5&offset=5").json
                #expect(byRows == second, "limit and offset mean the same rows, in the same envelope")
                #expect(try await server.request(.get, "/api/v1/models?limit=5&skip=5").json == second)
                let beyond = try await server.request(.get, "/api/v1/models?page=9").json
                #expect(beyond["items"] == [] && beyond["total"] == 12)
                for query in ["size=0", "size=101", "page=0", "page=x"] {
                    #expect(try await server.request(.get, "/api/v1/models?\(query)").status == 422, "\(query)")
                }
                #expect(try await server.request(.get, "/api/v1/models/options").json.arrayValue?.count == 12, "a bare array")
            }
        }

        @Test func `things have RFC 3339 times with Z, answer to id and name, and are deleted with JSON`() async throws {
            try await TestServer.run { server in
                let name = "team/" + server.name("model")
                let created = try await server.request(
                    .post, "/api/v1/models", body: #"{"name": "\#(name)", "storage_path": "m", "requires_gpu": false, "colour": "red"}"#)
                #expect(created.status == 201)
                #expect(created.headers["X-Catapult-Ignored-Fields"] == ["colour"], "unknown fields are accepted, and named")
                let model = try created.json
                #expect(model["requires_gpu"] == false && model["source"] == "manual" && model["repository"] == .null)
                let time = try #require(model["created_at"]?.stringValue)
                #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil, "\(time)")

                let id = try #require(model["id"]?.stringValue)
                #expect(try await server.request(.get, "/api/v1/models/\(id)").json == model)
                #expect(try await server.request(.get, "/api/v1/models/\(name.replacing("/", with: "%2F"))").json == model)

                let version = try await server.request(.post, "/api/v1/releases", body: #"{"image_id": "\#(id)", "version": "1.0"}"#)
                #expect(version.status == 201)
                #expect(try version.json["model_id"]?.stringValue == id && version.json["model_name"]?.stringValue == name)
                let versionID = try #require(version.json["id"]?.stringValue)
                let byAlias = try await server.request(.get, "/api/v1/releases/\(versionID)")
                #expect(byAlias.text == (try await server.request(.get, "/api/v1/versions/\(versionID)")).text)
                #expect(try await server.request(.get, "/api/v1/models/\(id)/versions").json["total"] == 1)
                // Earlier clients do not percent-encode a slash in a name; contract, section 3.1.
                #expect(try await server.request(.get, "/api/v1/models/\(name)").json["id"]?.stringValue == id)
                #expect(try await server.request(.get, "/api/v1/models/\(name)/versions").json["total"] == 1)

                let changed = try await server.request(.put, "/api/v1/models/\(id)", body: #"{"description": "d", "company": null}"#)
                #expect(try changed.json["description"] == "d" && changed.json["storage_path"] == "m", "what is absent or null stays")

                let deletion = try await server.request(.delete, "/api/v1/models/\(id)")
                #expect(deletion.status == 200)
                #expect(try deletion.json == ["success": true, "deleted_id": .string(id), "released": []])
                #expect(try await server.request(.get, "/api/v1/versions/\(versionID)").status == 404, "its versions are gone with it")
            }
        }

        @Test func `wrong requests are answered in JSON with detail`() async throws {
            try await TestServer.run { server in
                let missing = try await server.request(.get, "/api/v1/models/nothing")
                #expect(missing.status == 404)
                #expect(try missing.json["error_type"] == "ModelNotFoundError" && missing.json["identifier"] == "nothing")
                #expect(try missing.json["detail"] == "Model not found: nothing")

                let unknown = try await server.request(.get, "/api/v1/nowhere")
                #expect(unknown.status == 404)
                #expect(try unknown.json["detail"] == "Not Found")
                let method = try await server.request(named: "PATCH", "/api/v1/models")
                #expect(method.status == 405)
                #expect(try method.json["detail"] == "Method Not Allowed")
                #expect(method.headers["Allow"] == ["GET, POST"])
                #expect(try await server.request(named: "HEAD", "/api/v1/models").status == 405, "as earlier servers answered")

                let fields = try await server.request(.post, "/api/v1/models", body: #"{"storage_path": 5, "tags": "x"}"#)
                #expect(fields.status == 422)
                let problems = try #require(fields.json["detail"]?.arrayValue)
                #expect(Set(problems.compactMap { $0["loc"]?[1]?.stringValue }) == ["name", "storage_path", "tags"], "all at once")
                #expect(problems.allSatisfy { $0["msg"]?.stringValue?.isEmpty == false && $0["type"]?.stringValue?.isEmpty == false })

                let cut = try await server.request(.post, "/api/v1/models", body: #"{"name": "a", "#)
                #expect(cut.status == 422)
                #expect(try cut.json["detail"]?[0]?["type"] == "json_invalid" && cut.json["detail"]?[0]?["loc"]?[0] == "body")

                let large = try await Self.sendLargeBody(to: server)
                #expect(large.hasSuffix("413"), "\(large.suffix(500))")
                #expect(try JSONParser.parse(large.dropLast(3).utf8)["code"] == "body_too_large")
                #expect(try await server.send(ListModels()).total == 0)
            }
        }

        /// Body and status of the answer to 5 MiB. By curl: the client of the other requests gives up when an answer comes before all is sent.
        private static func sendLargeBody(to server: TestServer) async throws -> String {
            let file = "\(server.folder)/large.json"
            try Data(repeating: UInt8(ascii: "a"), count: 5 << 20).write(to: URL(filePath: file))
            return try await Subprocess.run(
                .name("curl"),
                arguments: [
                    "--silent", "--write-out", "%{http_code}", "--header", "X-API-Key: \(server.adminKey)", "--header", "Expect:",
                    "--data-binary",
                    "@\(file)", "\(server.url)/api/v1/models",
                ], output: .string(limit: 1 << 20)
            ).standardOutput
        }

        @Test func `what is open needs no key, and a trailing slash is accepted`() async throws {
            try await TestServer.run { server in
                for path in ["/", "/health", "/api/health", "/api/v1/info", "/docs", "/api/openapi.json", "/openapi.json"] {
                    #expect(try await server.request(.get, path, key: .none).status == 200, "\(path)")
                }
                let health = try await server.request(.get, "/health", key: .none).json
                #expect(health["status"] == "healthy" && health["components"]?["engine"] == "healthy")
                #expect(try await server.request(.get, "/api/v1/info", key: .none).json["api_version"] == "v1")
                #expect(try await server.request(.get, "/api/v1/models/").status == 200)
                let created = try await server.request(
                    .post, "/api/v1/models/", body: #"{"name": "\#(server.name("slash"))", "storage_path": "m"}"#)
                #expect(created.status == 201)
                let answer = try await server.request(.get, "/health", headers: ["X-Request-Id": "from-a-test"])
                #expect(answer.headers["X-Request-Id"] == ["from-a-test"])
                #expect(try FileManager.default.attributesOfItem(atPath: "\(server.data)/admin.key")[.posixPermissions] as? Int == 0o600)
            }
        }
    }
}
