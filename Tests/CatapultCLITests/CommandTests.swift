import CatapultAPI
import Foundation
import Synchronization
import Testing

@testable import CatapultCLI

/// Whole command lines against a server that answers as the contract says.
@Suite(.timeLimit(.minutes(1))) struct CommandTests {
    private static let empty = #"{"items":[],"total":0,"page":1,"size":20,"pages":0,"next_cursor":null,"total_is_exact":true}"#

    private func stage(_ server: TestServer, terminalWidth: Int? = nil, input: String = "") -> Stage {
        Stage(
            environment: ["REGISTRY_URL": server.url, "REGISTRY_API_KEY": "k", "TERM": "dumb"], input: input, terminalWidth: terminalWidth)
    }

    @Test func aListIsATable() async throws {
        let answer = try Page(items: [Sample.model(), Sample.model("b")], total: 30, page: 1, size: 2).wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("model", "list", "--limit", "2", "--search", "x") == .success)
            #expect(
                stage.output == """
                    NAME       SERVER     VERSIONS  GPU  TAGS  UPDATED
                    gpt-model  llama-cpp         2  no   chat  5 min ago
                    b          llama-cpp         2  no   chat  5 min ago

                    """)
            #expect(stage.errors == "2 of 30, page 1 of 15; next: --page 2\n")
            #expect(server.requests.first?.uri == "/api/v1/models?page=1&search=x&size=2")
            #expect(server.requests.first?.headers["x-catapult-face"] == "cli")
        }
    }

    @Test func jsonHasTheShapeOfTheAPI() async throws {
        let page = Page(items: [Sample.model()], total: 1, page: 1, size: 20)
        let answer = try page.wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("model", "list", "--format", "json") == .success)
            let expected = try JSONParser.parse(answer.utf8)
            #expect(try JSONParser.parse(stage.output.utf8) == expected)
            #expect(stage.errors.isEmpty)
        }
    }

    @Test func quietPrintsNamesAlone() async throws {
        let answer = try Page(items: [Sample.model(), Sample.model("b")], total: 30, page: 1, size: 2).wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server)
            #expect(await stage.run("model", "list", "-q") == .success)
            #expect(stage.output == "gpt-model\nb\n")
            #expect(stage.errors.isEmpty)
        }
    }

    @Test(arguments: [
        ["model", "list"], ["version", "list"], ["environment", "list"], ["build", "list"], ["deployment", "list"], ["operation", "list"],
    ])
    func anEmptyListSaysWhatToDo(line: [String]) async throws {
        try await TestServer.serving({ _ in .json(Self.empty) }) { server in
            let stage = stage(server)
            #expect(await Tool.run(line, in: stage.surroundings) == .success)
            #expect(stage.output.isEmpty)
            #expect(!stage.errors.isEmpty)
        }
    }

    @Test func aForeignDescriptionCannotSteerTheTerminal() async throws {
        let answer = try Sample.model(description: "good\u{1B}[31m\nerror: fake").wireText
        try await TestServer.serving({ _ in .json(answer) }) { server in
            let stage = stage(server, terminalWidth: 100)
            #expect(await stage.run("model", "show", "gpt-model") == .success)
            #expect(stage.output.contains("good[31m error: fake\n"))
            #expect(!stage.output.contains("\u{1B}"))
        }
    }

    @Test(arguments: [(401, ToolStatus.notPermitted), (404, .notFound), (409, .conflict), (503, .unavailable)])
    func anErrorIsOneLineAndAHint(status: Int, exit: ToolStatus) async throws {
        let body = #"{"detail":"that\nwent wrong","code":"c","hint":"do this"}"#
        try await TestServer.serving({ _ in .init(status: status, headers: ["Retry-After": "60"], chunks: [body]) }) { server in
            let people = stage(server)
            #expect(await people.run("model", "show", "x") == exit)
            #expect(people.errors == "error: that went wrong\nhint: do this\n")
            let programs = stage(server)
            #expect(await programs.run("model", "show", "x", "--format=json") == exit)
            let error = try JSONParser.parse(programs.errors.utf8)
            #expect(
                error["detail"] == "that\nwent wrong" && error["hint"] == "do this" && error["exit_code"]?.intValue == Int(exit.rawValue))
            #expect(programs.output.isEmpty)
        }
    }

    @Test func deployFollowsTheOperationToItsEnd() async throws {
        let states = [("waiting", OperationState.pending, 0.0), ("building", .running, 0.5), ("ready", .succeeded, 1)]
        let operations = try states.map { try Sample.operation($0.1, progress: $0.2, message: $0.0).wireText }
        let (version, created, running) = try (
            Sample.version().wireText, Sample.deployment(status: .pending, operation: "o-1").wireText, Sample.deployment().wireText
        )
        let asked = Mutex((operations: 0, deployments: 0))
        try await TestServer.serving({ request in
            switch (request.method, request.uri.split(separator: "?").first.map(String.init) ?? "") {
            case ("GET", "/api/v1/versions/gpt-model%3A1.0"): return .json(version)
            case ("POST", "/api/v1/deployments/execute"): return .json(created, status: 201)
            case ("GET", "/api/v1/deployments/gpt-model-production"): return .json("{}", status: 404)
            case ("GET", "/api/v1/deployments/d-1"): return .json(running)
            case ("GET", "/api/v1/operations/o-1"):
                return .json(
                    operations[
                        asked.withLock {
                            $0.operations += 1; return $0.operations - 1
                        }])
            default: return .json("{}", status: 500)
            }
        }) { server in
            let stage = stage(server)
            let line = ["deploy", "--model", "gpt-model:1.0", "--environment", "production", "--replicas", "3", "--env", "A=b=c"]
            #expect(await Tool.run(line, in: stage.surroundings) == .success)
            #expect(stage.output == "gpt-model-production is running\nendpoint: http://127.0.0.1:9000\nreplicas: 3 of 3 ready\n")
            #expect(stage.errors.contains("waiting\nbuilding\nready\n"))
            let execute = try #require(server.requests.first { $0.method == "POST" })
            #expect(
                try JSONParser.parse(execute.body.utf8) == [
                    "version_id": "v-1", "environment": "production", "name": "gpt-model-production", "replicas": 3,
                    "environment_vars": ["A": "b=c"], "build_if_missing": true,
                ])
        }
    }

    @Test func interruptingLeavesTheOperationRunningAndSaysHowToGoOn() async throws {
        let (running, deployment) = try (
            Sample.operation(.running, progress: 0.5, message: "loading").wireText, Sample.deployment(operation: "o-1").wireText
        )
        let (polls, poll) = AsyncStream.makeStream(of: Void.self)
        try await TestServer.serving({ request in
            if request.uri.hasSuffix("?wait=30") {
                poll.yield()
                try? await Task.sleep(for: .seconds(3_600))
            }
            return .json(request.method == "POST" ? deployment : running)
        }) { server in
            let stage = stage(server)
            let command = Task { await stage.run("scale", "--deployment", "d", "--replicas", "2") }
            for await _ in polls { break }
            command.cancel()
            #expect(await command.value == .interrupted)
            #expect(stage.errors.contains("error: interrupted; operation o-1 goes on\nhint: Follow it with `mcp operation follow o-1`"))
            #expect(!server.requests.contains { $0.uri.contains("cancel") })
        }
    }

    @Test func stopWaitsUntilTheDeploymentHasStopped() async throws {
        let states = try [DeploymentStatus.stopping, .stopping, .stopped].map {
            try Sample.deployment(status: $0, operation: "old").wireText
        }
        let count = Mutex(0)
        try await TestServer.serving({ _ in
            .json(
                states[
                    count.withLock {
                        $0 += 1; return $0 - 1
                    }])
        }) { server in
            let stage = stage(server)
            #expect(await stage.run("stop", "d") == .success)
            #expect(stage.output.hasPrefix("gpt-model-production is stopped"))
            #expect(server.requests.map(\.uri) == ["/api/v1/deployments/d/stop", "/api/v1/deployments/d-1", "/api/v1/deployments/d-1"])
        }
    }

    @Test func waitingEndsWhenItsTimeIsUp() async throws {
        let (running, deployment) = try (
            Sample.operation(.running, progress: 0.5, message: "loading").wireText, Sample.deployment(operation: "o-1").wireText
        )
        try await TestServer.serving({ request in
            if request.uri.hasSuffix("?wait=30") { try? await Task.sleep(for: .seconds(3_600)) }
            return .json(request.method == "POST" ? deployment : running)
        }) { server in
            let stage = stage(server)
            #expect(await stage.run("restart", "--deployment", "d", "--timeout", "10ms") == .failure)
            #expect(stage.errors.contains("operation o-1 goes on"))
        }
    }

    @Test func aFailedDeployShowsTheReasonAndTheLastLines() async throws {
        let failed = try Sample.operation(.failed, progress: 0.5, message: "x", error: ["detail": "replica 0 exited", "hint": "look"])
            .wireText
        let stopped = try Sample.deployment(operation: "o-1").wireText
        try await TestServer.serving({ request in
            switch request.uri {
            case "/api/v1/deployments/d/restart": .json(stopped)
            case "/api/v1/operations/o-1": .json(failed)
            case "/api/v1/operations/o-1/logs": .json(#"{"logs":"step one\nstep two\n"}"#)
            default: .json(#"{"deployment_id":"d","logs":"Traceback\n","truncated":false}"#)
            }
        }) { server in
            let stage = stage(server)
            #expect(await stage.run("restart", "--deployment", "d") == .operationFailed)
            #expect(stage.errors.contains("  step two\n") && stage.errors.contains("  Traceback\n"))
            #expect(stage.errors.hasSuffix("error: replica 0 exited\nhint: look\n"))
            #expect(stage.output.isEmpty)
        }
    }

    @Test func dryRunOnlyReads() async throws {
        let version = try Sample.version().wireText
        try await TestServer.serving({ $0.uri.contains("versions") ? .json(version) : .json("{}", status: 404) }) { server in
            let stage = stage(server)
            #expect(
                await stage.run("deploy", "--model", "gpt-model", "--environment", "staging", "--dry-run", "--format", "json") == .success)
            let plan = try JSONParser.parse(stage.output.utf8)
            #expect(plan["action"] == "create" && plan["deployment"] == "gpt-model-staging")
            #expect(plan["request"]?["path"] == "/api/v1/deployments/execute")
            #expect(server.requests.allSatisfy { $0.method == "GET" })
        }
    }

    @Test func chatStreamsTheAnswer() async throws {
        try await TestServer.serving({ request in
            switch request.uri {
            case "/v1/models": .json(#"{"data":[{"id":"tiny"}]}"#)
            case "/v1/chat/completions":
                .events(
                    "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n",
                    "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n")
            default: .json((try? Sample.deployment(endpoint: "http://\(request.headers["host"] ?? "")").wireText) ?? "")
            }
        }) { server in
            let stage = stage(server, input: "from stdin")
            #expect(await stage.run("chat", "--deployment", "d", "--system", "be brief") == .success)
            #expect(stage.output == "Hello\n")
            let messages = try JSONParser.parse(try #require(server.requests.last).body.utf8)["messages"]
            #expect(messages == [["role": "system", "content": "be brief"], ["role": "user", "content": "from stdin"]])
        }
    }

    @Test func aStoppedDeploymentIsNotAskedInVain() async throws {
        let stopped = try Sample.deployment(status: .stopped).wireText
        try await TestServer.serving({ _ in .json(stopped) }) { server in
            let stage = stage(server)
            #expect(await stage.run("chat", "--deployment", "d", "hi") == .conflict)
            #expect(stage.errors.contains("mcp start --deployment"))
        }
    }

    @Test func logsFollowAnOperation() async throws {
        let operations = try [
            Sample.operation(.running, progress: 0, message: "a"), Sample.operation(.running, progress: 0.5, message: "b"),
            Sample.operation(.succeeded, progress: 1, message: "c"),
        ].map { try $0.wireText }
        let asked = Mutex((operation: 0, log: 0))
        let logs = ["one\ntw", "one\ntwo\nthree\n", "one\ntwo\nthree\nfour", "one\ntwo\nthree\nfour"]
        try await TestServer.serving({ request in
            if request.uri.hasSuffix("/logs") {
                let text = logs[
                    asked.withLock {
                        $0.log += 1; return $0.log - 1
                    }]
                return .json(JSONValue.object(["logs": .string(text)]).jsonText)
            }
            return .json(
                operations[
                    asked.withLock {
                        $0.operation += 1; return $0.operation - 1
                    }])
        }) { server in
            let stage = stage(server)
            #expect(await stage.run("logs", "-f", "--operation", "o-1") == .success)
            #expect(stage.output == "one\ntwo\nthree\nfour\n")
        }
    }
}
