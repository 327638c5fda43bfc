import CatapultAPI
import Foundation
import Synchronization
import Testing
import _NIOFileSystem

@testable import Catapult

@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    private let clock = RecordingClock()

    private func client(_ server: TestServer, key: String? = "k.secret") throws -> CatapultClient {
        try CatapultClient(url: ServerURL(server.url), apiKey: key, options: .init(), clock: clock) { 0 }
    }

    @Test func aCallIsSentAsDeclaredAndItsAnswerDecoded() async throws {
        let answer = try Page(items: [Sample.model()], total: 1, page: 1, size: 20).wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let page = try await client(server).send(ListModels(size: 20))
            #expect(page.items == [Sample.model()])
            let request = try #require(server.requests.first)
            #expect(request.method == "GET")
            #expect(request.uri == "/api/v1/models?size=20")
            #expect(request.headers["x-api-key"] == "k.secret")
            #expect(request.headers["user-agent"] == "catapult/\(CatapultVersion.current)")
            #expect(request.headers["x-catapult-face"] == "sdk")
            #expect(request.body.isEmpty)
        }
    }

    @Test func aWriteCarriesItsBody() async throws {
        let answer = try Sample.deployment().wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            _ = try await client(server).send(ScaleDeployment(deploymentID: "d-1", replicas: 5))
            #expect(server.requests.first?.body == #"{"replicas":5}"#)
            #expect(server.requests.first?.headers["content-type"] == "application/json")
        }
    }

    @Test func anErrorOfTheServerKeepsAllItsParts() async throws {
        let sent = CatapultError.notFound(.model, "gpt", candidates: ["gpt-2"])
        try await TestServer.serving({ _ in .json(sent.body().jsonText, status: 404) }) { server in
            let error = await #expect(throws: CatapultError.self) { try await client(server).send(GetModel(modelID: "gpt")) }
            #expect(error == sent)
        }
    }

    @Test func anErrorThatIsNoJSONKeepsItsStatus() async throws {
        try await TestServer.serving({ _ in .init(status: 500, chunks: ["<html>"]) }) { server in
            let error = await #expect(throws: CatapultError.self) { try await client(server).send(ListModels()) }
            #expect(error?.status == 500)
        }
    }

    @Test(arguments: ["<html>", #"{"items":[]}"#, #"{"items":[1],"total":1,"page":1,"size":1,"pages":1,"total_is_exact":true}"#])
    func anAnswerThatMakesNoSenseIsTyped(body: String) async throws {
        try await TestServer.serving({ _ in .json(body) }) { server in
            let error = await #expect(throws: AnswerError.self) { try await client(server).send(ListModels()) }
            #expect(error?.request == "GET /api/v1/models")
        }
    }

    @Test func aReadIsRepeatedAsTheServerWishes() async throws {
        let count = Mutex(0)
        let answer = try Sample.model().wireText
        try await TestServer.serving({ _ in
            let attempt = count.withLock {
                $0 += 1; return $0
            }
            if attempt == 1 { return .init(status: 503, headers: ["Retry-After": "2"], chunks: ["{}"]) }
            return attempt == 2 ? .broken : .json(answer)
        }) { server in
            let model = try await client(server).send(GetModel(modelID: "gpt-model"))
            #expect(model == Sample.model())
            #expect(server.requests.count == 3)
            #expect(clock.sleeps == [.seconds(2), .milliseconds(200)])
        }
    }

    @Test func aWriteIsSentOnceThoughTheConnectionBreaks() async throws {
        try await TestServer.serving({ _ in .broken }) { server in
            let error = await #expect(throws: ConnectionError.self) {
                try await client(server).send(ScaleDeployment(deploymentID: "d", replicas: 1))
            }
            #expect(error?.reason == .broken)
            #expect(error?.url == server.url)
            #expect(server.requests.count == 1)
            #expect(clock.sleeps.isEmpty)
        }
    }

    @Test func nobodyThereIsTypedAndTriedAgainEvenForWrites() async throws {
        let url = try await TestServer.serving({ _ in .json("{}") }) { $0.url }
        let client = try CatapultClient(url: ServerURL(url), apiKey: nil, options: .init(), clock: clock) { 0 }
        let error = await #expect(throws: ConnectionError.self) { try await client.send(StopDeployment(deploymentID: "d")) }
        #expect(error?.reason == .unreachable)
        #expect(error?.description == "cannot connect to \(url): connection refused")
        #expect(clock.sleeps.count == 3)
    }

    @Test func redirectsAreNotFollowedSinceTheKeyWouldTravel() async throws {
        try await TestServer.serving({ _ in .init(status: 302, headers: ["Location": "/elsewhere"]) }) { server in
            let error = await #expect(throws: CatapultError.self) { try await client(server).send(ListModels()) }
            #expect(error?.status == 302)
            #expect(server.requests.count == 1)
        }
    }

    @Test func linesOfATextComeAsTheyAre() async throws {
        try await TestServer.serving({ _ in .init(headers: ["Content-Type": "text/plain"], chunks: ["one\ntw", "o\n", "three"]) }) {
            server in
            let lines = try client(server).lines(of: StreamBuildLogs(buildID: "b"))
            #expect(try await lines.reduce(into: [String]()) { $0.append($1) } == ["one", "two", "three"])
            #expect(server.requests.first?.uri == "/api/v1/docker/builds/b/logs/stream")
        }
    }

    @Test func linesOfEventsAreTheirData() async throws {
        try await TestServer.serving({ _ in .events("data: one\n\nda", "ta: two\n\n", "event: end\ndata: x\n\n", "data: after\n\n") }) {
            server in
            let lines = try client(server).lines(of: StreamDeploymentLogs(deploymentID: "d", tail: 5))
            #expect(try await lines.reduce(into: [String]()) { $0.append($1) } == ["one", "two"])
            #expect(server.requests.first?.uri == "/api/v1/deployments/d/logs/stream?tail=5")
            #expect(server.requests.first?.headers["accept"] == "text/event-stream")
        }
    }

    @Test func anErrorWithinAStreamIsThrown() async throws {
        try await TestServer.serving({ _ in .events("event: error\ndata: {\"detail\":\"gone\",\"status\":404}\n\n") }) { server in
            let lines = try client(server).lines(of: StreamDeploymentLogs(deploymentID: "d"))
            let error = await #expect(throws: CatapultError.self) { for try await _ in lines {} }
            #expect(error?.message == "gone")
            #expect(error?.status == 404)
        }
    }

    @Test func aFileIsUploadedInPiecesWithItsLength() async throws {
        let content = String(repeating: "0123456789", count: 100_000)
        let answer = try VersionFile(path: "a/b", sizeBytes: 1_000_000, sha256: "d", stored: true).wireText
        try await withTemporaryFolder { folder in
            try folder.add("file", content)
            let path = FilePath(folder.appending(path: "file").path)
            try await TestServer.serving({ _ in .json(answer) }) { server in
                let steps = Mutex<[Int64]>([])
                let file = try await client(server).upload(UploadVersionFile(versionID: "v", path: "a/b"), file: path) { sent in
                    steps.withLock { $0.append(sent) }
                }
                #expect(file.stored == true)
                let request = try #require(server.requests.first)
                #expect(request.method == "PUT" && request.uri == "/api/v1/versions/v/files/a/b")
                #expect(request.headers["content-length"] == "1000000")
                #expect(request.headers["content-type"] == "application/octet-stream")
                #expect(request.body == content)
                #expect(steps.withLock { $0 } == [262_144, 524_288, 786_432, 1_000_000])
            }
        }
    }

    @Test func anOperationIsFollowedByLongPolls() async throws {
        let states = [
            Sample.operation(.pending, progress: 0, message: "waiting"), Sample.operation(.running, progress: 0.5, message: "building"),
            Sample.operation(.running, progress: 0.5, message: "building"), Sample.operation(.succeeded, progress: 1, message: "done"),
        ]
        let answers = try states.map { try $0.wireText }
        let count = Mutex(0)
        try await TestServer.serving({ _ in
            .json(
                answers[
                    count.withLock {
                        $0 += 1; return $0 - 1
                    }])
        }) { server in
            var seen: [String] = []
            let end = try await client(server).waitForOperation("o-1") { seen.append($0.message) }
            #expect(end.state == .succeeded)
            #expect(seen == ["waiting", "building", "done"])
            #expect(server.requests.map(\.uri) == ["/api/v1/operations/o-1"] + Array(repeating: "/api/v1/operations/o-1?wait=30", count: 3))
            #expect(clock.sleeps == [.seconds(1)], "an early answer without news slows the client down")
        }
    }

    @Test func anOperationThatFailsSaysWhy() async throws {
        let failed = Sample.operation(.failed, progress: 0.5, message: "building", error: ["detail": "no space", "hint": "free some"])
        let answer = try failed.wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let error = await #expect(throws: OperationFailure.self) { try await client(server).waitForOperation("o-1") }
            #expect(error?.description == "no space")
            #expect(error?.hint == "free some")
        }
    }

    @Test(arguments: ["two words", "line\nbreak", "ümlaut"]) func aKeyThatFitsNoHeaderIsRefusedUnsaid(key: String) {
        let error = #expect(throws: ConfigurationError.self) { try CatapultClient(apiKey: key) }
        #expect(error?.description.contains(key) == false)
    }

    @Test func theEnvironmentNamesServerAndKey() throws {
        #expect(try CatapultClient.fromEnvironment(["REGISTRY_URL": "http://host:1/api"]).url.root == "http://host:1")
        #expect(try CatapultClient.fromEnvironment([:]).url == .standard)
        #expect(throws: ConfigurationError.self) { try CatapultClient.fromEnvironment(["REGISTRY_URL": "host"]) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ChatClientTests {
    @Test func anAnswerComesPieceByPiece() async throws {
        try await TestServer.serving({ request in
            if request.uri == "/v1/models" { return .json(#"{"data":[{"id":"tiny"}]}"#) }
            return .events(
                #"data: {"choices":[{"delta":{"role":"assistant","content":null}}]}"# + "\n\n",
                #"data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}"# + "\n\n",
                #"data: {"choices":[{"delta":{"content":"Hel"}}]}"# + "\n\n"
                    + #"data: {"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}"# + "\n\n",
                #"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}"# + "\n\n", "data: [DONE]\n\n", "data: after\n\n"
            )
        }) { server in
            let stream = try ChatClient(endpoint: server.url + "/v1").stream([ChatMessage(.user, "Hi")], options: ChatOptions(maxTokens: 7))
            let deltas = try await stream.reduce(into: [ChatDelta]()) { $0.append($1) }
            #expect(
                deltas == [
                    ChatDelta(), ChatDelta(reasoning: "hm"), ChatDelta(content: "Hel"), ChatDelta(content: "lo", finishReason: "stop"),
                    ChatDelta(usage: .init(promptTokens: 5, completionTokens: 2)),
                ])
            let body = try JSONParser.parse(try #require(server.requests.last).body.utf8)
            #expect(body["model"] == "tiny" && body["max_tokens"] == 7 && body["stream"] == true)
            #expect(body["messages"] == [["role": "user", "content": "Hi"]])
        }
    }

    @Test func theEndpointsOwnErrorIsUnderstood() async throws {
        try await TestServer.serving({ _ in .json(#"{"error":{"message":"model is loading","code":503}}"#, status: 503) }) { server in
            let error = await #expect(throws: CatapultError.self) {
                for try await _ in try ChatClient(endpoint: server.url, model: "m").stream([]) {}
            }
            #expect(error?.message == "model is loading")
            #expect(error?.status == 503)
        }
    }

    @Test func anErrorWithinTheAnswerIsThrown() async throws {
        try await TestServer.serving({ _ in .events("data: {\"error\":{\"message\":\"out of memory\"}}\n\n") }) { server in
            let error = await #expect(throws: CatapultError.self) {
                for try await _ in try ChatClient(endpoint: server.url, model: "m").stream([]) {}
            }
            #expect(error?.message == "out of memory")
        }
    }
}
