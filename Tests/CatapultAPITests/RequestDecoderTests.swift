import Testing

@testable import CatapultAPI

@Suite("RequestDecoder")
struct RequestDecoderTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func failure<Call: APICall>(
        _ type: Call.Type, path: [String: String] = [:], query: [(String, String)] = [], body: String? = nil
    ) throws -> CatapultError {
        try #require(throws: CatapultError.self) { try RequestDecoder.decode(type, path: path, query: query, body: body.map(bytes)) }
    }

    @Test("reads members of a body in wire spelling, null meaning absent")
    func body() throws {
        let body =
            #"{"name":"org/gpt","storage_path":"/m/gpt","requires_gpu":false,"server_type":"llama-cpp","company":null,"metadata":{"aB":1}}"#
        let (call, ignored) = try RequestDecoder.decode(CreateModel.self, path: [:], query: [], body: bytes(body))
        #expect(call.name == "org/gpt")
        #expect(call.storagePath == "/m/gpt")
        #expect(call.requiresGPU == false)
        #expect(call.serverType == .llamaCpp)
        #expect(call.company == nil)
        #expect(call.metadata == ["aB": 1])
        #expect(ignored.isEmpty)
    }

    @Test("an absent and an empty body count as an empty object", arguments: [nil, ""])
    func emptyBody(text: String?) throws {
        let (call, _) = try RequestDecoder.decode(StartDeployment.self, path: ["deployment_id": "gpt"], query: [], body: text.map(bytes))
        #expect(call.deploymentID == "gpt")
    }

    @Test("text with U+0000 is refused wherever it stands; free data may hold it")
    func nul() throws {
        let body = #"{"name":"m","storage_path":"a\u0000b","tags":["\u0000"],"metadata":{"a":"\u0000"}}"#
        #expect(try failure(CreateModel.self, body: body).problems.map(\.field) == ["storage_path", "tags.0"])
        #expect(try failure(GetModel.self, path: ["model_id": "a\0"]).problems.map(\.field) == ["model_id"])
        #expect(try failure(ListModels.self, query: [("search", "\0")]).problems.map(\.field) == ["search"])
        let names = #"{"release_id":"1","environment":"e","environment_vars":{"A\u0000":"b"}}"#
        #expect(try failure(ExecuteDeployment.self, body: names).problems.map(\.field) == ["environment_vars"])
    }

    @Test("texts of a list have the shape of their rule")
    func shapesOfElements() throws {
        let body = #"{"name":"k","scope":{"models":["org/*","a b"],"environments":[]}}"#
        let error = try failure(CreateAPIKey.self, body: body)
        #expect(Set(error.problems.map(\.field)) == ["scope.models.1", "scope.environments"])
    }

    @Test("of members that mean the same one must be there, and not null")
    func alternatives() throws {
        for body in [#"{"version":"1"}"#, #"{"version":"1","model_id":null}"#] {
            let error = try failure(CreateVersion.self, body: body)
            #expect(error.problems == [.missing(anyOf: ["model_id", "image_id", "model_name"])])
            #expect(error.message == "model_id is required (or image_id, or model_name)")
        }
        let (call, _) = try RequestDecoder.decode(
            CreateVersion.self, path: [:], query: [], body: bytes(#"{"version":"1","image_id":"i","model_id":null}"#))
        #expect(call.imageID == "i")
        #expect(try failure(GetLatestVersion.self).problems.map(\.part) == [.query])
    }

    @Test("a path parameter wins over a body member of its name, which is then said to be ignored")
    func pathWins() throws {
        let (call, ignored) = try RequestDecoder.decode(
            ScaleDeployment.self, path: ["deployment_id": "7"], query: [("dry", "1")],
            body: bytes(#"{"deployment_id":"other","replicas":3}"#)
        )
        #expect(call.deploymentID == "7")
        #expect(call.replicas == 3)
        #expect(ignored == ["deployment_id", "dry"])
    }

    @Test("body members are strict JSON, query parameters are text")
    func kinds() throws {
        let error = try failure(ScaleDeployment.self, path: ["deployment_id": "a"], body: #"{"replicas":"3"}"#)
        #expect(error.problems.map(\.kind) == [.integer])
        #expect(error.problems.map(\.sentence) == ["replicas must be an integer, but is a string"])

        let (call, _) = try RequestDecoder.decode(
            ListModels.self, path: [:], query: [("page", "2"), ("include_orphaned", "TRUE"), ("server_type", "vllm"), ("search", "7")],
            body: nil
        )
        #expect(call.page == 2)
        #expect(call.includeOrphaned == true)
        #expect(call.serverType == .vllm)
        #expect(call.search == "7")
    }

    @Test("a repeated query parameter is an array, which a single value refuses")
    func repeated() throws {
        let error = try failure(ListModels.self, query: [("page", "1"), ("page", "2"), ("page", "3")])
        #expect(error.problems.map(\.sentence) == ["page must be an integer, but is an array"])
        #expect(error.problems.first?.part == .query)
    }

    @Test("malformed JSON names the offset and the reason")
    func malformed() throws {
        let error = try failure(CreateModel.self, body: #"{"name": }"#)
        #expect(error.status == 422)
        #expect(error.field == nil)
        let detail = error.body()["detail"]?[0]
        #expect(detail?["type"] == "json_invalid")
        #expect(detail?["loc"] == ["body", 9])
        #expect(detail?["msg"] == "the body is not JSON: expected a value, at byte 9")
    }

    @Test("a body that is no object is refused", arguments: ["[]", "3", "null", #""x""#])
    func notAnObject(text: String) throws {
        let error = try failure(CreateModel.self, body: text)
        #expect(error.problems.map(\.kind) == [.object])
        #expect(error.body()["detail"]?[0]?["loc"] == ["body"])
        #expect(error.message.hasPrefix("the body must be an object, but is "))
    }

    @Test("everything that is wrong is told at once, with its place")
    func allProblems() throws {
        let error = try failure(
            CreateEnvironment.self, body: #"{"name":"a b","type":"tpu","resources":{"cpu":"2","memory":"much","gpu":-1},"description":7}"#
        )
        #expect(
            Set(error.problems.map(\.sentence)) == [
                "name must be letters, digits, '.', '_' and '-', beginning with a letter or digit",
                "type must be one of cpu, gpu",
                "resources.cpu must be a number, but is a string",
                "resources.memory must be a number of bytes with a unit, such as 512Mi, 8g or 32Gi",
                "resources.gpu must be from 0 to 1024, but is -1",
                "description must be a string, but is an integer",
            ])
        #expect(error.body()["detail"]?.arrayValue?.contains { $0["loc"] == ["body", "resources", "gpu"] && $0["input"] == -1 } == true)
    }

    @Test("rules of nested lists are held, and missing members beneath a missing one are not repeated")
    func nestedLists() throws {
        let digest = String(repeating: "a", count: 64)
        let body = #"{"files":[{"path":"w","size_bytes":1,"sha256":"\#(digest)","mode":7},{"path":"","size_bytes":-1,"sha256":"ABC"},3]}"#
        let error = try failure(CreateVersion.self, body: body)
        #expect(
            Set(error.problems.map(\.sentence)) == [
                "version is required", "model_id is required (or image_id, or model_name)",
                "files.1.path must not be empty",
                "files.1.size_bytes must be from 0 to 9000000000000000000, but is -1",
                "files.1.sha256 must be 64 hexadecimal digits in lower case",
                "files.2 must be an object, but is an integer",
            ])
        #expect(error.body()["detail"]?.arrayValue?.contains { $0["loc"] == ["body", "files", 1, "sha256"] } == true)
    }

    @Test("required values are asked for, each once")
    func missing() throws {
        let error = try failure(CreateModel.self, body: #"{"name":null}"#)
        #expect(error.problems.map(\.field) == ["name", "storage_path"])
        #expect(error.problems.allSatisfy { $0.kind == .missing && $0.message == "is required" })
    }

    @Test("unknown members are accepted and named, also nested ones, in characters that a header may hold")
    func ignored() throws {
        let body = #"{"name":"a","resources":{"cpu":1,"disk":2},"x\r\ny":1,"Zone":null}"#
        let (call, ignored) = try RequestDecoder.decode(CreateEnvironment.self, path: [:], query: [], body: bytes(body))
        #expect(call.resources == ResourceRequest(cpu: 1))
        #expect(ignored == ["Zone", "resources.disk", "x??y"])
    }

    @Test("the part of the request is told: path, query or body")
    func parts() throws {
        let upload = try failure(UploadVersionFile.self, path: ["version_id": "v", "path": ""])
        #expect(upload.body()["detail"]?[0]?["loc"] == ["path", "path"])
        let list = try failure(ListModels.self, query: [("size", "101"), ("page", "x")])
        #expect(Set(list.problems.map(\.sentence)) == ["size must be from 1 to 100, but is 101", "page must be an integer"])
        #expect(list.problems.allSatisfy { $0.part == .query })
    }

    @Test("a hostile body cannot ask for a long answer")
    func bounded() throws {
        let files = Array(repeating: #"{"path":"","sha256":[1,2,3]}"#, count: 5_000).joined(separator: ",")
        let error = try failure(CreateVersion.self, body: #"{"version":"1","files":[\#(files)]}"#)
        #expect(error.problems.count == 50)
        #expect(error.body().jsonBytes.count < 20_000)

        let names = (0..<1_000).map { #""field\#($0)":1"# }.joined(separator: ",")
        let (_, ignored) = try RequestDecoder.decode(
            StartDeployment.self, path: ["deployment_id": "a"], query: [], body: bytes("{\(names)}"))
        #expect(ignored.count == 32)
    }
}
